//! What is wrong with an option's value, with Slurm's text and exit code.

use muster_dialect::errno::SlurmError;
use thiserror::Error;

use crate::refusal::submission_failed;
use crate::say::Voice;

/// An option that cannot be taken.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub(crate) enum Bad {
    /// A number was expected; exit 1.
    #[error("Invalid numeric value \"{value}\" for {option}.")]
    Number { option: String, value: String },
    /// Any other form; exit 255.
    #[error("Invalid --{0} specification")]
    Specification(&'static str),
    /// Dates have a line of their own first; exit 255.
    #[error("Invalid --{option} specification")]
    Date { option: &'static str, line: String },
    /// A text of its own; exit 255.
    #[error("{0}")]
    Usage(String),
    /// A text of its own; exit 1.
    #[error("{0}")]
    Refused(String),
    /// As `Refused`, printed as fatal.
    #[error("{0}")]
    Fatal(String),
    /// What the cluster would say; exit 1.
    #[error("{0}")]
    Submission(SlurmError),
    /// Slurm has it, this version does not.
    #[error("--{0}: not supported by this version")]
    NotBuilt(String),
}

impl Bad {
    /// `--ntasks` and what was given for it.
    #[must_use]
    pub(crate) fn number(option: &str, value: &str) -> Self {
        Self::Number { option: format!("--{option}"), value: value.to_owned() }
    }

    /// Tells the user, and gives the exit code.
    #[must_use]
    pub(crate) fn report(&self, voice: Voice) -> u8 {
        match self {
            Self::Fatal(text) => voice.fatal(text),
            Self::Submission(error) => voice.error(&submission_failed(voice.program, &error.text())),
            Self::Date { line, .. } => {
                voice.bare(line);
                voice.error(&self.to_string());
            }
            _ => voice.error(&self.to_string()),
        }
        self.exit_code()
    }

    /// 255 for most, 1 where Slurm gives 1.
    #[must_use]
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Specification(_) | Self::Date { .. } | Self::Usage(_) => 255,
            Self::Number { .. } | Self::Refused(_) | Self::Fatal(_) | Self::Submission(_) | Self::NotBuilt(_) => 1,
        }
    }
}

/// A positive number, as most counts are.
///
/// # Errors
/// [`Bad::Number`] for anything else.
pub(super) fn count(option: &str, value: &str) -> Result<u32, Bad> {
    match number(option, value)? {
        0 => Err(Bad::number(option, value)),
        count => Ok(count),
    }
}

/// A number from 0.
///
/// # Errors
/// [`Bad::Number`] for anything else.
pub(super) fn number(option: &str, value: &str) -> Result<u32, Bad> {
    let bad = || Bad::number(option, value);
    let digits = value.trim();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    digits.parse().ok().filter(|n| *n <= i32::MAX as u32).ok_or_else(bad)
}

//! Step ids: numbers for `srun` steps, and the reserved ids of the steps that a job has besides.

use std::fmt;

use thiserror::Error;

/// A step's id within its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub u32);

impl StepId {
    /// A step that waits for resources and has no number yet.
    pub const PENDING: StepId = StepId(0xffff_fffd);
    /// The container that prologs, `pam_slurm_adopt` and the like put foreign processes into.
    pub const EXTERN: StepId = StepId(0xffff_fffc);
    /// The batch script.
    pub const BATCH: StepId = StepId(0xffff_fffb);
    /// The shell that salloc starts on a node.
    pub const INTERACTIVE: StepId = StepId(0xffff_fffa);
    /// Largest id that srun's steps are numbered with.
    pub const NORMAL_MAX: StepId = StepId(0xffff_fff0);

    /// Whether srun made it, as opposed to the job itself.
    #[must_use]
    pub fn is_normal(self) -> bool {
        self <= Self::NORMAL_MAX
    }

    /// `batch`, `extern`, `interactive` or `TBD`; nothing for numbered steps.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::PENDING => Some("TBD"),
            Self::EXTERN => Some("extern"),
            Self::BATCH => Some("batch"),
            Self::INTERACTIVE => Some("interactive"),
            _ => None,
        }
    }

    /// A number, or a reserved name in any case.
    pub fn parse(text: &str) -> Result<Self, StepIdError> {
        for reserved in [Self::PENDING, Self::EXTERN, Self::BATCH, Self::INTERACTIVE] {
            if reserved.name().is_some_and(|name| name.eq_ignore_ascii_case(text)) {
                return Ok(reserved);
            }
        }
        match text.parse() {
            Ok(id) if Self(id).is_normal() && !text.starts_with('+') => Ok(Self(id)),
            _ => Err(StepIdError),
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid step id")]
pub struct StepIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_read_back() {
        for text in ["0", "17", "batch", "extern", "interactive", "TBD"] {
            assert_eq!(StepId::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(StepId::parse("BATCH"), Ok(StepId::BATCH));
    }

    #[test]
    fn reserved_numbers_are_not_step_numbers() {
        for text in ["", "x", "-1", "+1", "4294967291", "4294967296"] {
            assert_eq!(StepId::parse(text), Err(StepIdError), "{text}");
        }
    }
}

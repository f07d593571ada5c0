//! Options of listings that cannot be honoured.

use crate::say::Voice;

/// What is told; the exit code is 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bad {
    /// A value that means nothing: lines for the user.
    Value(String),
    /// As `Value`, printed as fatal.
    Fatal(String),
    /// As `Value`, without the name of the program.
    Bare(String),
    /// Slurm has it, this version does not: the option's name.
    NotBuilt(&'static str),
}

impl Bad {
    /// Tells the user, and gives the exit code.
    pub(crate) fn report(&self, voice: Voice) -> u8 {
        match self {
            Self::Value(text) => voice.error(text),
            Self::Fatal(text) => voice.fatal(text),
            Self::Bare(text) => voice.bare(text),
            Self::NotBuilt(name) => voice.error(&format!("--{name}: not supported by this version")),
        }
        1
    }
}

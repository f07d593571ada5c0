//! The batch script: where it comes from. Whether it can be one is `dialect`'s to say.

use std::fs::File;
use std::io::{self, Read};

use muster_dialect::script;
use thiserror::Error;

/// Largest script that is read, bytes, whatever the configuration allows.
const SCRIPT_BYTES_CEILING: u64 = 64 * 1024 * 1024;
/// `max_script_size` where the configuration does not say.
pub(crate) const SCRIPT_BYTES_DEFAULT: u64 = 4 * 1024 * 1024;

/// Why there is no script to submit, in Slurm's words.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum ScriptError {
    #[error("Unable to open file {0}")]
    Open(String),
    #[error(transparent)]
    Content(#[from] script::ScriptError),
    #[error("Batch job submission failed: Pathname of a file, directory or other parameter too long")]
    TooLarge,
    #[error("Script arguments not permitted with --wrap option")]
    WrapAndScript,
}

/// Where the script comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    Wrap(&'a str),
    Path(&'a str),
    StandardInput,
}

/// Which of them `sbatch [--wrap=COMMAND] [SCRIPT [ARGS]]` means.
///
/// # Errors
/// Both were given.
pub(crate) fn origin<'a>(wrap: Option<&'a str>, operands: &'a [String]) -> Result<Origin<'a>, ScriptError> {
    match (wrap, operands.first()) {
        (Some(_), Some(_)) => Err(ScriptError::WrapAndScript),
        (Some(command), None) => Ok(Origin::Wrap(command)),
        (None, Some(path)) => Ok(Origin::Path(path)),
        (None, None) => Ok(Origin::StandardInput),
    }
}

impl Origin<'_> {
    /// Reads and checks. `bytes_max`: `max_script_size` of the configuration.
    ///
    /// # Errors
    /// See [`ScriptError`].
    pub(crate) fn read(&self, bytes_max: u64) -> Result<Vec<u8>, ScriptError> {
        let limit = bytes_max.min(SCRIPT_BYTES_CEILING);
        let text = match self {
            Self::Wrap(command) => wrapped(command),
            Self::Path(path) => bounded(File::open(path).map_err(|_| ScriptError::Open((*path).to_owned()))?, limit)?,
            Self::StandardInput => bounded(io::stdin(), limit)?,
        };
        script::check(&text)?;
        if text.len() as u64 > limit { Err(ScriptError::TooLarge) } else { Ok(text) }
    }

    /// The job's name where the user gives none.
    #[must_use]
    pub(crate) fn job_name(&self) -> String {
        match self {
            Self::Wrap(_) => "wrap".to_owned(),
            Self::Path(path) => path.rsplit('/').next().unwrap_or(path).to_owned(),
            Self::StandardInput => "sbatch".to_owned(),
        }
    }
}

/// `--wrap` makes a shell script of a command line.
fn wrapped(command: &str) -> Vec<u8> {
    format!("#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{command}\n").into_bytes()
}

/// One byte more than the limit is enough to know that it is too large. What cannot be read (a directory) is no script.
fn bounded(source: impl Read, limit: u64) -> Result<Vec<u8>, ScriptError> {
    let mut text = Vec::new();
    match source.take(limit + 1).read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(_) => Err(script::ScriptError::NoInterpreter.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 128;

    #[test]
    fn a_wrapped_command_is_a_script() {
        let text = Origin::Wrap("exit 3").read(LIMIT).expect("it is short");
        assert!(text.starts_with(b"#!/bin/sh\n") && text.ends_with(b"\nexit 3\n"));
        assert_eq!(Origin::Wrap(&"x".repeat(128)).read(LIMIT), Err(ScriptError::TooLarge));
    }

    #[test]
    fn a_directory_does_not_look_like_a_script() {
        assert_eq!(Origin::Path("/tmp").read(LIMIT), Err(ScriptError::Content(script::ScriptError::NoInterpreter)));
        assert_eq!(Origin::Path("/no/such").read(LIMIT), Err(ScriptError::Open("/no/such".into())));
    }

    #[test]
    fn wrap_takes_no_script() {
        let operands = ["dir/ok.sh".to_owned()];
        assert_eq!(origin(Some("true"), &operands), Err(ScriptError::WrapAndScript));
        assert_eq!(origin(None, &[]), Ok(Origin::StandardInput));
        assert_eq!(origin(None, &operands).expect("a path").job_name(), "ok.sh");
    }
}

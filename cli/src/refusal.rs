//! Why a request did not succeed, in Slurm's words and with its exit codes: one place for every command.

use muster_channel::CallError;
use muster_dialect::errno::{self, SlurmError};
use muster_proto::wire::Failure;

use crate::say::Voice;

/// How long a request is repeated before its outcome is called unknown.
pub(crate) const GIVE_UP: std::time::Duration = std::time::Duration::from_secs(600);
/// The same for commands that make no jobs.
pub(crate) const GIVE_UP_OTHERS: std::time::Duration = std::time::Duration::from_secs(60);
/// How long one try waits for its answer before another controller is asked.
pub(crate) const ONE_TRY: std::time::Duration = std::time::Duration::from_secs(20);

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Slurm's number; [`errno::SLURM_ERROR`] where it has none.
    pub error: SlurmError,
    /// Lines that come before the main one ("invalid partition specified: x").
    pub before: Vec<String>,
    /// The main line's text.
    pub text: String,
}

impl Refusal {
    /// From a call. `subject` names what the outcome is unknown of: "whether the job was submitted".
    #[must_use]
    pub(crate) fn of(error: &CallError, subject: &str) -> Self {
        match error {
            CallError::Refused(failure) => Self::of_failure(failure.error, &failure.message),
            CallError::Unreachable => {
                let error = errno::SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR;
                Self { error, before: Vec::new(), text: error.text() }
            }
            CallError::Unknown(waited) => Self {
                error: errno::SLURM_ERROR,
                before: Vec::new(),
                text: format!("no answer for {}; {subject} is unknown", minutes(waited.as_secs())),
            },
            CallError::Credential(why) => Self {
                error: errno::ESLURM_AUTH_CRED_INVALID,
                before: vec![why.to_string()],
                text: errno::ESLURM_AUTH_CRED_INVALID.text(),
            },
        }
    }

    /// From a number and what the cluster said with it.
    #[must_use]
    pub(crate) fn of_failure(number: u32, message: &str) -> Self {
        let error = SlurmError::new(number);
        let known = error.name().is_some();
        let message = message.trim_end();
        if !known && !message.is_empty() {
            return Self { error, before: Vec::new(), text: message.to_owned() };
        }
        let text = error.text();
        let before = message.lines().filter(|line| *line != text).map(str::to_owned).collect();
        Self { error, before, text }
    }

    /// A partition that does not exist is named.
    #[must_use]
    pub(crate) fn about_partition(mut self, partitions: &str) -> Self {
        if self.error == errno::ESLURM_INVALID_PARTITION_NAME && self.before.is_empty() {
            self.before.push(format!("invalid partition specified: {partitions}"));
        }
        self
    }

    /// Tells the user; `line` is the last. The exit code.
    #[must_use]
    pub(crate) fn report(&self, voice: Voice, line: &str) -> u8 {
        // Slurm says this one alone.
        if self.error == errno::ESLURM_INVALID_GRES {
            voice.error(&self.text);
            return failed();
        }
        self.before.iter().for_each(|line| voice.error(line));
        voice.error(line);
        failed()
    }

    /// What scancel and others leave behind: the number's low byte.
    #[must_use]
    pub(crate) fn exit_code(&self) -> u8 {
        match (self.error.code & 0xff) as u8 {
            0 => 1,
            code => code,
        }
    }
}

fn minutes(seconds: u64) -> String {
    if seconds.is_multiple_of(60) { format!("{} minutes", seconds / 60) } else { format!("{seconds} seconds") }
}

/// An answer of another kind than the question's: a controller that is not ours.
#[must_use]
pub(crate) fn unexpected() -> CallError {
    CallError::Refused(Failure { error: errno::SLURM_UNEXPECTED_MSG_ERROR.code, ..Failure::default() })
}

/// What a command puts before the reason why its job was not accepted.
#[must_use]
pub(crate) fn submission_failed(program: &str, why: &str) -> String {
    let what = match program {
        "srun" => "Unable to allocate resources",
        "salloc" => "Job submit/allocate failed",
        _ => "Batch job submission failed",
    };
    format!("{what}: {why}")
}

/// What a command exits with when Slurm's side fails: `SLURM_EXIT_ERROR`, or 1.
#[must_use]
pub(crate) fn failed() -> u8 {
    std::env::var("SLURM_EXIT_ERROR")
        .ok()
        .and_then(|code| code.parse::<u8>().ok())
        .filter(|code| *code != 0)
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stands_before_the_text_of_its_number() {
        let refusal = Refusal::of_failure(2000, "invalid partition specified: x");
        assert_eq!(refusal.before, ["invalid partition specified: x"]);
        assert_eq!(refusal.text, "Invalid partition name specified");
        let refusal = Refusal::of_failure(2000, "Invalid partition name specified");
        assert!(refusal.before.is_empty());
    }

    #[test]
    fn an_unknown_outcome_says_so() {
        let refusal = Refusal::of(&CallError::Unknown(GIVE_UP), "whether the job was submitted");
        assert_eq!(refusal.text, "no answer for 10 minutes; whether the job was submitted is unknown");
    }

    #[test]
    fn exit_codes_are_low_bytes() {
        let code = |error| Refusal::of_failure(error, "").exit_code();
        assert_eq!((code(2002), code(2048)), (210, 1));
        let refused =
            CallError::Refused(Failure { error: u32::MAX, message: "too large".into(), ..Failure::default() });
        assert_eq!(Refusal::of(&refused, "").text, "too large");
        assert_eq!(Refusal::of(&CallError::Unreachable, "").exit_code(), 8);
    }
}

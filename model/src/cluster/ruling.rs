//! What a command for a user comes to: an answer, or a refusal in Slurm's words.

use muster_dialect::errno::{self, SlurmError};
use muster_proto::durable::{Answer, Origin};

use super::outcome::Outcome;

/// Of one client command.
pub(super) type Ruling = Result<Answer, Refusal>;

/// Why not: Slurm's error, and more where Slurm's text says too little.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) error: SlurmError,
    pub(super) message: String,
}

impl From<SlurmError> for Refusal {
    fn from(error: SlurmError) -> Self {
        Self { error, message: String::new() }
    }
}

impl Refusal {
    pub(super) fn new(error: SlurmError, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Outcome::Rejected(Answer { error: refusal.error.code, message: refusal.message, ..Answer::default() })
    }
}

pub(super) fn outcome_of(ruling: Ruling) -> Outcome {
    ruling.map_or_else(Outcome::from, Outcome::Done)
}

/// Done, with nothing more to say.
pub(super) fn done() -> Answer {
    Answer::default()
}

pub(super) fn stale(why: impl Into<String>) -> Outcome {
    Outcome::Stale(why.into())
}

/// Root, or SlurmUser as the leader resolved it.
pub(super) fn is_admin(origin: &Origin) -> bool {
    origin.uid == 0 || origin.admin
}

/// Operators' commands. Slurm answers others "Invalid user id".
pub(super) fn require_admin(origin: &Origin) -> Result<(), Refusal> {
    if is_admin(origin) { Ok(()) } else { Err(errno::ESLURM_USER_ID_MISSING.into()) }
}

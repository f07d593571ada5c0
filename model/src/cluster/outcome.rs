//! What the proposer of a command learns once it was applied.

use muster_proto::durable::Answer;

/// One a command, in the order of the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Carried out. The answer says what a client is told.
    Done(Answer),
    /// The same request was carried out before: its first answer.
    Repeated(Answer),
    /// Not carried out, for ever: a user's mistake, or a rule. `error` is Slurm's number.
    Rejected(Answer),
    /// Outside of the validity of its request id: the outcome of an earlier try is unknown.
    Expired,
    /// The request id was used before with other content.
    RequestMismatch,
    /// A report or order about something that is over or superseded; nothing changed. Says what.
    Stale(String),
    /// A plan: how many placements were accepted, and which were refused and why.
    Planned {
        /// Placements that started.
        accepted: u32,
        /// (uid, why)
        refused: Vec<(u64, String)>,
    },
    /// A bound was reached (remembered requests, jobs); try again later.
    Full(&'static str),
    /// Not understood by this version: the replica must stop before it stores this batch.
    Halt(String),
}

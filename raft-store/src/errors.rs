//! What callers are told, named by what they do next.

use std::path::PathBuf;

use thiserror::Error;

use crate::identity::Peer;

/// Why a store cannot be opened. The process says so and ends.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{path}: in use by another process")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// It belongs to another replica, or to another cluster.
    #[error("{path}: belongs to {found}, this process is {expected}")]
    AnotherIdentity {
        /// The store.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Who opens it.
        expected: String,
    },
    /// Something that was durable is gone. Whoever forgot what it promised must not promise again.
    #[error(
        "{path}: damaged: {why}; this replica may never vote again under this identity: retire it, wipe the directory, and let it be admitted anew"
    )]
    Damaged {
        /// What is damaged.
        path: PathBuf,
        /// How it was seen.
        why: String,
    },
    /// A newer program wrote it, and its feature level was put in force.
    #[error(
        "{path}: the cluster is at feature level {level}, this program knows up to {understands}: start the newer version again"
    )]
    TooNew {
        /// The store.
        path: PathBuf,
        /// In force.
        level: u32,
        /// Of this program.
        understands: u32,
    },
    /// The log goes on with what a newer program knows alone; nothing is damaged.
    #[error("{path}: {why}: start the newer version again")]
    Beyond {
        /// The store.
        path: PathBuf,
        /// What this program does not know.
        why: String,
    },
    /// Reading or writing failed.
    #[error("{path}: {why}")]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// The system's word, or RocksDB's.
        why: String,
    },
    /// Timers or sizes contradict each other.
    #[error("{0}")]
    Options(String),
}

/// Why a proposal has no outcome here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProposeError {
    /// Nothing happened. Ask the leader.
    #[error("not the leader")]
    NotLeader {
        /// Where to ask, when known.
        leader: Option<Peer>,
    },
    /// Nothing happened. Too much is waiting already, or this replica is stopping; try again.
    #[error("{0}")]
    Unavailable(String),
    /// It may be carried out or not; ask again with the same request id.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// Nothing happened, and never will: too large for a log entry, or a command without a body.
    #[error("{0}")]
    Refused(String),
}

/// Why a read cannot be called linearizable now.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BarrierError {
    /// No leader was known in time.
    #[error("no leader")]
    NoLeader,
    /// A leader is there, but no quorum, or applying is late.
    #[error("{0}")]
    Unavailable(String),
}

/// Why the membership did not change. Each change is idempotent: ask again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MemberError {
    /// Ask the leader.
    #[error("not the leader")]
    NotLeader {
        /// Where to ask, when known.
        leader: Option<Peer>,
    },
    /// Another change is under way, the learner is behind, or no quorum answers.
    #[error("{0}")]
    Unavailable(String),
    /// It would leave the cluster without voters, or names nobody.
    #[error("{0}")]
    Refused(String),
}

/// Rows could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ReadError(pub String);

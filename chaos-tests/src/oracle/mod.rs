//! What the world outside of the cluster knows: what clients were told, and what ran on nodes.
//!
//! The promises are judged by this and by the state at the end, never by what the cluster says of itself on the way.

mod registers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

pub use registers::{Value, Write, Written, comment_of, drain_of, hold_of, may_be, remark_of};

/// What a client was told about a submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A job id.
    Accepted {
        /// Slurm's number.
        job_id: u32,
        /// Never reused.
        uid: u64,
    },
    /// No, for ever.
    Refused,
    /// Nothing: it may or may not have happened.
    Unknown,
}

/// One submit. Its job name is unique, so that carrying it out twice shows.
#[derive(Clone, Debug)]
pub struct Submit {
    /// When the client began, virtual ms.
    pub asked_ms: u64,
    /// When it was told.
    pub told_ms: u64,
    /// What it was told.
    pub told: Told,
}

/// One step's processes on one node, as the simulated machine ran them.
#[derive(Clone, Debug)]
pub struct Run {
    /// Of the job.
    pub uid: u64,
    /// Of this attempt.
    pub attempt: u32,
    /// Slurm's number of the step.
    pub step: u32,
    /// Where.
    pub node: String,
    /// Cores given to it, least significant bit first.
    pub cores: Vec<u8>,
    /// When its processes began, virtual ms.
    pub began_ms: u64,
    /// When none of them lived any more; `None`: they live.
    pub over_ms: Option<u64>,
    /// What wait(2) said if they ended by themselves; `None`: they live, or somebody or a power cut ended them.
    pub ended_with: Option<u32>,
}

/// A listing that a client got.
#[derive(Clone, Debug)]
pub struct Read {
    /// When it asked.
    pub asked_ms: u64,
    /// When it was told.
    pub told_ms: u64,
    /// From which controller.
    pub from: String,
    /// Of the state that was listed, as the controller says.
    pub index: u64,
    /// uid and job id of every job in it.
    pub jobs: Vec<(u64, u32)>,
    /// Those of them that were pending or running.
    pub live: Vec<u64>,
    /// Those of them that their user held.
    pub held: Vec<u64>,
}

/// The time limit of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How long it may run.
    pub ms: u64,
    /// When it may end by that at the earliest, virtual ms, as far as a committed state shows: by the time since it was seen
    /// first, or because cluster time, which takes a step where a leader's clock is ahead, has passed the end.
    pub passes_ms: u64,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// By job name.
    pub submits: BTreeMap<String, Submit>,
    /// Cancels that were accepted, by uid: when.
    pub cancelled: BTreeMap<u64, u64>,
    /// Releases of held jobs that were accepted, by uid: when.
    pub released: BTreeMap<u64, u64>,
    /// In the order of their beginning.
    pub runs: Vec<Run>,
    /// The nodes of each attempt that was committed, by uid and number: also those where nothing of it ran.
    pub placed: BTreeMap<(u64, u32), Vec<String>>,
    /// In the order of their answers.
    pub reads: Vec<Read>,
    /// By register, in the order in which its one client wrote. The first is the value that it has from the beginning.
    pub writes: BTreeMap<String, Vec<Write>>,
    /// In the order of their answers.
    pub values: Vec<Value>,
    /// Jobs that their users may end.
    pub endable: BTreeSet<u64>,
    /// Of each attempt that was committed, by uid and number.
    pub limits: BTreeMap<(u64, u32), Limit>,
    /// When a node first failed, by name.
    pub node_faults: BTreeMap<String, u64>,
    /// From when to when a majority of controllers ran undisturbed.
    pub calm: Vec<(u64, u64)>,
    /// From when to when nobody led with a quorum behind it.
    pub leaderless: Vec<(u64, u64)>,
    /// Requests that were right, and were refused for good: what, and why.
    pub turned_away: Vec<(String, String)>,
    /// What an administrator did, and whether it was done in the end.
    pub deeds: Vec<(String, bool)>,
    /// Requests that no right client makes: what, and what came of it, where it was not refused.
    pub poison: Vec<(String, Option<String>)>,
    /// Repeats that were answered as they must be, by kind.
    pub repeats: BTreeMap<&'static str, u64>,
    /// Daemons that ended by themselves although nothing of theirs failed.
    pub ended: Vec<String>,
}

/// Shared by clients and machines of a run. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Oracle(Arc<Mutex<Seen>>);

impl Oracle {
    /// To note or to judge.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

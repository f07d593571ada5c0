//! What a replica says about itself, in plain types.

use crate::durations::Times;
use crate::identity::Peer;

/// Up to where this replica has applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Applied {
    /// Of the last applied entry; 0 before the first.
    pub index: u64,
    /// Of the leader that proposed it.
    pub term: u64,
}

/// One item of [`crate::Events`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The state changed so.
    Event(muster_model::cluster::Event),
    /// Events were missed (too slow, or a snapshot replaced the state): derive everything again.
    Missed,
}

/// [`Heard`], with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Applied together with everything up to here; 0: not known, since events were missed.
    pub index: u64,
    /// `None`: every event up to `index` has been told.
    pub heard: Option<Heard>,
}

/// What this replica is in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Follows, and has no vote.
    Learner,
    /// Follows.
    Follower,
    /// Stands for election.
    Candidate,
    /// Leads its term. Its duties need a barrier first (design §5).
    Leader,
}

/// Who leads, as this replica knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Of this replica.
    pub role: Role,
    /// The newest that it knows.
    pub term: u64,
    /// `None` between leaders.
    pub leader: Option<Peer>,
    /// Of a leader: a quorum answered within the leader lease. Always false elsewhere.
    pub quorum: bool,
}

impl Leadership {
    /// Whether duties may run: it leads, and a quorum answered within the lease.
    pub fn leads(&self) -> bool {
        self.role == Role::Leader && self.quorum
    }
}

/// One member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberState {
    /// Who and where.
    pub peer: Peer,
    /// Votes; a learner does not. While a change is under way, whoever votes before it and after it.
    pub voter: bool,
}

/// Numbers for `sdiag` and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The newest term.
    pub term: u64,
    /// What this replica is.
    pub role: Role,
    /// Last entry of the log.
    pub last_index: u64,
    /// Known to be committed.
    pub committed_index: u64,
    /// Applied here.
    pub applied_index: u64,
    /// Flushed rows; the log may go up to here.
    pub snapshot_index: u64,
    /// Purged from the log.
    pub purged_index: u64,
    /// Of a leader: how far each other member's log agrees, by replica id.
    pub matched: Vec<(u64, u64)>,
    /// Of a leader: how long ago a quorum answered.
    pub quorum_acked_ms_ago: Option<u64>,
    /// Syncs of the log since start.
    pub syncs: u64,
    /// How long each took.
    pub sync_times: Times,
    /// How long applying took, the write of the rows included: one a group of entries.
    pub apply_times: Times,
    /// Since the rows were last flushed; `None`: not since start.
    pub flushed_ms_ago: Option<u64>,
}

//! What a replica is opened with.

use std::path::PathBuf;

use muster_model::cluster::FEATURE_LEVEL_MAX;

use crate::store::MemoryDisk;

/// Where log, vote and rows are kept.
#[derive(Clone, Debug)]
pub enum StoreKind {
    /// A directory of this replica alone (`StateSaveLocation/CLUSTER/REPLICA`): two RocksDB instances, a lock, a watermark.
    Disk(PathBuf),
    /// The simulation's twin: outlives the [`crate::Replica`], and loses what was not synced when it crashes.
    Memory(MemoryDisk),
}

/// Raft's timers and the bounds of waiting, in milliseconds.
#[derive(Clone, Debug)]
pub struct Timers {
    /// The leader speaks at least this often.
    pub heartbeat_ms: u64,
    /// Shortest silence after which a follower may stand.
    pub election_min_ms: u64,
    /// Longest; also the leader's lease. Failover takes about this plus one election time-out.
    pub election_max_ms: u64,
    /// How long one append may take a follower, its fsync included.
    pub append_ms_max: u64,
    /// How long a whole snapshot may take.
    pub snapshot_ms_max: u64,
    /// How long a proposal waits for a quorum before its outcome is called unknown.
    pub propose_ms_max: u64,
    /// How long a barrier waits for a leader, a quorum and the local apply.
    pub barrier_ms_max: u64,
    /// How long a membership change waits, the learner's catching up included.
    pub membership_ms_max: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Timers {
            heartbeat_ms: 50,
            election_min_ms: 150,
            election_max_ms: 300,
            append_ms_max: 2_000,
            snapshot_ms_max: 600_000,
            propose_ms_max: 10_000,
            barrier_ms_max: 5_000,
            membership_ms_max: 60_000,
        }
    }
}

/// What a replica is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it keeps what it knows.
    pub store: StoreKind,
    /// Raft's timers.
    pub timers: Timers,
    /// Seeds election time-outs on the thread that opens the replica. For the simulation; `None`: the system's generator.
    pub random_seed: Option<u64>,
    /// Raft runs there, on threads of its own, so that a busy door cannot starve heartbeats. `None`: the current runtime.
    pub runtime: Option<tokio::runtime::Handle>,
    /// Rows are flushed, and the log before them may be purged, every so many entries.
    pub snapshot_every: u64,
    /// So many entries stay in the log after a purge, so that a follower that was briefly away needs no snapshot.
    pub log_keep: u64,
    /// The newest feature level that this program carries out; tests of rolling upgrades say another.
    pub feature_level_max: u32,
}

impl Options {
    /// The defaults of a production replica, on the current runtime.
    pub fn new(store: StoreKind) -> Options {
        Options {
            store,
            timers: Timers::default(),
            random_seed: None,
            runtime: None,
            snapshot_every: 50_000,
            log_keep: 20_000,
            feature_level_max: FEATURE_LEVEL_MAX,
        }
    }
}

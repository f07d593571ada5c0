//! The replicated state, kept: openraft's log, vote, rows and snapshots on RocksDB, behind [`Replica`].
//!
//! ```text
//! propose ─► Raft ─► log (synced, group commit) ─► quorum ─► apply ─► Cluster in memory
//!                                                              └────► rows + applied record, one write
//! ```
//!
//! This crate knows nothing of jobs: it applies batches, and keeps the rows that come out. Names of openraft appear in
//! `raft/` and in the handle's private parts only. What must hold here:
//!
//! - log and vote are synced before they are acknowledged; a failed write or sync ends the process ([`Replica::failed`]);
//! - a replica applies only what its own log holds durably;
//! - the log is purged only up to an applied record that was read back after a completed flush;
//! - a log that ends before what was acknowledged never votes again ([`OpenError::Damaged`]).

mod appender;
mod aside;
mod backup;
mod digests;
mod durations;
mod encoding;
mod errors;
mod fault;
mod identity;
mod options;
mod purge_gate;
mod raft;
mod replica;
mod rounds;
mod stall;
mod status;
mod store;
mod transport;

pub use backup::{
    BackupError, NewHome, Recovered, Restored, SavedSnapshot, SnapshotInfo, inspect, recover, restore, survivor,
};
pub use durations::{DURATION_BUCKETS_US, Durations, Times};
pub use errors::{BarrierError, MemberError, OpenError, ProposeError, ReadError};
pub use identity::{Identity, Peer, StoreState};
pub use options::{Options, StoreKind, Timers};
pub use raft::CHUNK_BYTES_MAX;
pub use replica::{ENTRY_BYTES_MAX, Events, Proposed, Replica};
pub use status::{Applied, Heard, Leadership, MemberState, Metrics, Noted, Role};
pub use store::{KeyAndValue, MemoryDisk, peek};
pub use transport::{RaftKind, Talk, Transport, Unreachable};

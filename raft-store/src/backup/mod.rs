//! Snapshots as files, and going on from one: from a file, or from the one replica that is left.
//!
//! ```text
//! file = "MUSTSNP1" | { length (4, little endian) | chunk } …
//! ```
//!
//! The chunks are those that replicas send to each other: rows in their durable encoding, numbered and checksummed, the state's
//! digest at the end. Whoever goes on begins a new *generation*: nothing of the old one is obeyed by those who heard of it,
//! and ids that can have been given out since are passed over (`BeginGeneration`, the first entry of the new log).

mod file;
mod inspect;
mod recover;
mod restore;
mod save;

use std::path::PathBuf;

use thiserror::Error;

use crate::encoding::{LogRecord, MemberRecord, MembershipRecord, Payload, Position, Voters};
use crate::errors::OpenError;
use crate::identity::Identity;

pub use inspect::{SnapshotInfo, inspect};
pub use recover::{Recovered, recover, survivor};
pub use restore::{Restored, restore};
pub use save::SavedSnapshot;

/// Why a snapshot was not read, or a store not made to go on.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The file is cut, damaged, or of a newer version.
    #[error("{0}")]
    Snapshot(String),
    /// The store must be empty.
    #[error("{path}: is not empty: a snapshot is restored into a new store only")]
    NotEmpty {
        /// The store.
        path: PathBuf,
    },
    /// The store was never a replica's.
    #[error("{path}: holds no replica of any cluster")]
    NoReplica {
        /// The store.
        path: PathBuf,
    },
    /// It cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Where and who the replica is that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHome {
    /// Of its `SlurmctldHost` line.
    pub name: String,
    /// `host:port` of its replica door.
    pub address: String,
    /// `host:port` of its client door.
    pub client_address: String,
    /// This host's clock, seconds since the epoch.
    pub now_s: u64,
}

/// The number of a generation is the second in which it began, counted from here: the beginning of 2026.
const GENERATIONS_FROM_S: u64 = 1_767_225_600;

/// Above `old`, and another one each time: one snapshot may be restored twice, and two replicas recovered at once. Nodes that
/// obeyed the one must not take the other for it.
fn next_generation(old: u64, home: &NewHome) -> u64 {
    home.now_s.saturating_sub(GENERATIONS_FROM_S).max(old + 1)
}

fn alone(replica: u64, address: &str, at: Option<Position>) -> MembershipRecord {
    MembershipRecord {
        configs: vec![Voters { replicas: vec![replica] }],
        members: vec![MemberRecord { replica, address: address.to_owned() }],
        at,
    }
}

/// The entry with which the generation of `identity` begins.
fn first_of_generation(
    at: Position,
    identity: &Identity,
    home: &NewHome,
    stamp_ms: u64,
    feature_level: u32,
) -> LogRecord {
    use muster_proto::durable::{Batch, BeginGeneration, Channel, Command, Origin, command::Body};
    use prost::Message;
    let begin = BeginGeneration {
        generation: identity.generation,
        replica: identity.replica,
        name: home.name.clone(),
        address: home.address.clone(),
        client_address: home.client_address.clone(),
        store_id: identity.store_id.to_vec().into(),
    };
    let origin = Origin { channel: Channel::Leader.into(), admin: true, ..Origin::default() };
    let command = Command { origin: Some(origin), request: None, body: Some(Body::BeginGeneration(begin)) };
    let batch = Batch { stamp_ms, feature_level, generation: identity.generation, commands: vec![command] };
    LogRecord { at, payload: Some(Payload::Batch(batch.encode_to_vec().into())) }
}

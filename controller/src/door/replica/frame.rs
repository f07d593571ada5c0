//! Frames between replicas that are not Raft's own, answers, and how replicas address each other.

use bytes::Bytes;
use muster_proto::wire::{Failure, RaftFrame};

/// Asks for the peer's wall clock: the answer's body is milliseconds since the epoch, 8 bytes, big endian. Above every
/// number of `RaftKind`.
pub(super) const WALL_CLOCK: u32 = 1_000;

/// Replicas address each other by id: a name can move to another store, an id cannot.
pub(super) fn audience(replica: u64) -> String {
    format!("replica:{replica}")
}

pub(super) fn answer(handled: Result<Bytes, Failure>) -> RaftFrame {
    match handled {
        Ok(body) => RaftFrame { body, ..RaftFrame::default() },
        Err(failure) => RaftFrame { failure: Some(failure), ..RaftFrame::default() },
    }
}

pub(super) fn wall_ms(body: &[u8]) -> Option<u64> {
    body.try_into().ok().map(u64::from_be_bytes)
}

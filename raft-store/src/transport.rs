//! The road between replicas: opaque bytes, carried by the controller's replica door or by a test.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use thiserror::Error;

use crate::identity::Peer;

/// What a frame holds. The number is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum RaftKind {
    /// Log entries, or a heartbeat.
    Append = 1,
    /// A candidate asks.
    Vote = 2,
    /// A follower asks whether it would be granted, before it disturbs anybody.
    PreVote = 3,
    /// The leader hands over.
    TransferLeader = 4,
    /// A follower asks up to where a linearizable read must have applied.
    ReadIndex = 5,
    /// A snapshot, as a stream of chunks.
    Snapshot = 6,
    /// What was the state worth at that index?
    Digest = 7,
}

impl RaftKind {
    /// From the number on the wire.
    pub fn from_number(number: u32) -> Option<RaftKind> {
        use RaftKind::*;
        [Append, Vote, PreVote, TransferLeader, ReadIndex, Snapshot, Digest]
            .into_iter()
            .find(|kind| *kind as u32 == number)
    }
}

/// The peer did not answer: not there, too late, or it refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

/// An open road to one peer. Frames arrive in the order in which [`Talk::ask`] was called; answers may overtake each other.
/// Once broken it stays broken: every later frame is unreachable.
pub trait Talk: Send + Sync {
    /// One frame there, one back. Sent at once, not when the answer is first polled.
    fn ask(&self, kind: RaftKind, body: Bytes, timeout: Duration) -> BoxFuture<'static, Result<Bytes, Unreachable>>;
}

/// Carries frames to peers. Each call ends within its time-out, whatever the network does.
pub trait Transport: Send + Sync {
    /// One frame there, one back: what the peer's [`crate::Replica::handle`] answered.
    fn call(
        &self,
        to: &Peer,
        kind: RaftKind,
        body: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>>;

    /// The road that stays open, for what goes there many times a second; opened if it is not.
    fn talk(&self, to: &Peer, timeout: Duration) -> BoxFuture<'static, Result<Arc<dyn Talk>, Unreachable>>;

    /// Many frames there, each at most [`crate::CHUNK_BYTES_MAX`], one back: what [`crate::Replica::handle_stream`] answered.
    fn stream(
        &self,
        to: &Peer,
        kind: RaftKind,
        chunks: BoxStream<'static, Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>>;
}

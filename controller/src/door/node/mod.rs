//! The node door: each node keeps one stream to the leader.
//!
//! ```text
//! Hello (signed) ─► believed? leader? ─► RegisterNode ─► Registered ─┬─ Report ─► command ─► ReportAck, after commit
//!                                                                   ├─ Heartbeat ─► soft state ─► HeartbeatAck; another that renews the lease, after a barrier
//!                                                                   └─ Inventory ─► what the state does not know ends
//! ```
//!
//! A node that dials a follower is told where the leader is. Orders come from the leader's dispatch duty through
//! [`Sessions`].

mod conf_hash;
mod down;
mod hello;
mod inventory;
mod renewal;
mod report;
mod session;
mod sessions;
mod sightings;

pub(crate) use conf_hash::ConfHashes;
pub(crate) use sessions::{Link, Sessions};
pub(crate) use sightings::Sightings;

use std::sync::Arc;

use muster_channel::Peer;
use muster_proto::wire::{NodeDown, NodeUp};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::seat::Seat;

/// Frames on their way to one node. A node that reads slower gets its orders later: they are derived again.
const FRAMES_WAITING_MAX: usize = 256;

/// Serves a stream that a node opened.
pub(crate) fn open(seat: Arc<Seat>, peer: Peer, up: Streaming<NodeUp>) -> ReceiverStream<Result<NodeDown, Status>> {
    let (down, frames) = mpsc::channel(FRAMES_WAITING_MAX);
    tokio::spawn(session::run(seat, peer, up, down));
    ReceiverStream::new(frames)
}

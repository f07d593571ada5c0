//! What is known of the way to one peer.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use muster_channel::MESSAGE_BYTES_MAX;
use muster_proto::wire::replica_client::ReplicaClient;
use muster_raft_store::{Talk, Unreachable};
use tokio::time::Instant;
use tonic::transport::Channel;

use super::dialled::Willing;
use super::hearing::Heard;
use super::waiting::Waiting;

/// One connection at a time.
pub(super) struct Link {
    pub(super) address: String,
    /// Once the state knows it.
    pub(super) name: Option<String>,
    pub(super) heard: Mutex<Heard>,
    pub(super) line: Mutex<Line>,
    pub(super) willing: Willing,
    pub(super) token: tokio::sync::Mutex<Token>,
    /// The road that stays open; who opens it holds the lock.
    pub(super) talking: tokio::sync::Mutex<Option<Arc<dyn Talk>>>,
    /// Who waits on that road.
    pub(super) road: Mutex<Option<Waiting>>,
}

/// What is dialled now.
pub(super) struct Line {
    pub(super) channel: Channel,
    /// Gone with it: what becomes of its connections then tells nothing.
    pub(super) _alive: Arc<()>,
}

#[derive(Default)]
pub(super) struct Token {
    pub(super) value: Option<Bytes>,
    pub(super) not_before: Option<Instant>,
}

impl Link {
    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().expect("no holder of this lock panics")
    }

    pub(super) fn client(&self) -> ReplicaClient<Channel> {
        let channel = self.line.lock().expect("no holder of this lock panics").channel.clone();
        ReplicaClient::new(channel)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Whether there is no road, or none that carries anything.
    pub(super) fn is_broken(&self) -> bool {
        self.road.lock().expect("no holder of this lock panics").as_ref().is_none_or(Waiting::is_broken)
    }
}

pub(super) fn unreachable(why: &str) -> Unreachable {
    Unreachable(why.to_owned())
}

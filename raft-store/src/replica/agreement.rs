//! Replicas compare what their state is worth at the same index (P8). Each judges itself: whoever differs from most voters
//! ends, naming index and digests; where no majority agrees, nothing is accepted any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use openraft::async_runtime::WatchReceiver;
use prost::Message;

use super::Replica;
use super::members::members;
use crate::digests::{Verdict, judge};
use crate::encoding::{DigestReply, DigestRequest};
use crate::fault::Fault;
use crate::identity::Peer;
use crate::raft::{Applying, Raft};
use crate::transport::{RaftKind, Transport};

/// Between two comparisons, in milliseconds.
const COMPARE_EVERY_MS: u64 = 5_000;
/// One question to one peer, in milliseconds.
const ASK_MS_MAX: u64 = 500;
/// A peer that has not applied that far is asked again so often, and after so many milliseconds.
const ASKS_MAX: usize = 5;
const ASK_AGAIN_MS: u64 = 100;

/// Why nothing may be accepted, if so.
#[derive(Clone, Default)]
pub(crate) struct Split(Arc<Mutex<Option<String>>>);

impl Split {
    pub(crate) fn why(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, why: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// Compares again and again.
pub(super) struct Comparing {
    pub(super) own: u64,
    pub(super) raft: Raft,
    pub(super) applying: Arc<Applying>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) fault: Fault,
    pub(super) split: Split,
}

impl Comparing {
    pub(super) async fn run(self) {
        // What all voters hold was compared up to here.
        let mut compared = None;
        loop {
            tokio::time::sleep(Duration::from_millis(COMPARE_EVERY_MS)).await;
            let newest = self.applying.digests.newest();
            let Some((index, digest)) = newest.filter(|newest| Some(*newest) != compared) else { continue };
            let (voters, answered) = self.ask_all(index, digest).await;
            match judge(index, digest, voters, &answered) {
                Verdict::Sound => self.split.set(None),
                Verdict::Astray(why) => return self.fault.set(why),
                Verdict::Split(why) => {
                    tracing::error!(why, "no majority holds the same state: nothing is accepted any more");
                    self.split.set(Some(why));
                }
            }
            compared = (answered.len() == voters).then_some((index, digest));
        }
    }

    /// How many voters there are, and what those who answered held at `index`.
    async fn ask_all(&self, index: u64, own: u128) -> (usize, BTreeMap<u64, u128>) {
        let mut voters = members(&self.raft.metrics().borrow_watched());
        voters.retain(|member| member.voter);
        let asked = voters.iter().map(|voter| async {
            let digest = if voter.peer.replica == self.own { Some(own) } else { self.ask(&voter.peer, index).await };
            digest.map(|digest| (voter.peer.replica, digest))
        });
        (voters.len(), join_all(asked).await.into_iter().flatten().collect())
    }

    async fn ask(&self, peer: &Peer, index: u64) -> Option<u128> {
        let patience = Duration::from_millis(ASK_MS_MAX);
        for _ in 0..ASKS_MAX {
            let body = DigestRequest { index }.encode_to_vec().into();
            let answer = self.transport.call(peer, RaftKind::Digest, body, patience);
            let answer = tokio::time::timeout(patience, answer).await.ok()?.ok()?;
            if let Ok(digest) = DigestReply::decode(answer).ok()?.digest.try_into() {
                return Some(u128::from_be_bytes(digest));
            }
            tokio::time::sleep(Duration::from_millis(ASK_AGAIN_MS)).await;
        }
        None
    }
}

impl Replica {
    pub(super) fn answer_digest(&self, asked: &DigestRequest) -> DigestReply {
        let digest = self.inner.applying.digests.at(asked.index);
        DigestReply { digest: digest.map(|digest| digest.to_be_bytes().to_vec()).unwrap_or_default() }
    }
}

//! Linearizable reads on any replica: the leader confirms its quorum and names an index, the reader applies up to it.

use std::time::Duration;

use openraft::ReadPolicy;
use prost::Message;

use super::Replica;
use crate::encoding::{ReadIndexReply, ReadIndexRequest};
use crate::errors::BarrierError;
use crate::status::Role;
use crate::transport::RaftKind;

/// How long one question to the leader may take, in heartbeats.
const ASK_HEARTBEATS_MAX: u64 = 20;
/// After a leader that could not be reached or was none, in milliseconds.
const AGAIN_MS: u64 = 10;

impl Replica {
    /// After this, reading [`Replica::state`] sees every proposal that was answered before this was called. Answers the index.
    pub async fn barrier(&self) -> Result<u64, BarrierError> {
        let patience = Duration::from_millis(self.inner.timers.barrier_ms_max);
        let mut last = BarrierError::NoLeader;
        let reached = tokio::time::timeout(patience, async {
            loop {
                match self.inner.asking.share(self.ask_leader()).await {
                    Ok(index) => {
                        last = BarrierError::Unavailable("applying is late".into());
                        return self.wait_applied(index).await;
                    }
                    Err(error) => last = error,
                }
                tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
            }
        });
        match reached.await {
            Ok(reached) => reached,
            Err(_) => Err(last),
        }
    }

    async fn ask_leader(&self) -> Result<u64, BarrierError> {
        if let Some(why) = self.inner.fault.why() {
            return Err(BarrierError::Unavailable(why));
        }
        let (role, leader) = {
            let leadership = self.inner.leadership.borrow();
            (leadership.role, leadership.leader.clone())
        };
        if role == Role::Leader {
            return self.read_index().await.map_err(BarrierError::Unavailable);
        }
        let leader = leader.ok_or(BarrierError::NoLeader)?;
        let patience = Duration::from_millis(self.inner.timers.heartbeat_ms * ASK_HEARTBEATS_MAX);
        let body = ReadIndexRequest {}.encode_to_vec().into();
        let answer = self.inner.transport.call(&leader, RaftKind::ReadIndex, body, patience);
        let answer = tokio::time::timeout(patience, answer).await;
        let unavailable = |why: String| BarrierError::Unavailable(format!("replica {}: {why}", leader.replica));
        let answer = answer.map_err(|_| unavailable("no answer".into()))?.map_err(|error| unavailable(error.0))?;
        let reply = ReadIndexReply::decode(answer).map_err(|error| unavailable(error.to_string()))?;
        match reply.index {
            0 if reply.not_leader => Err(BarrierError::NoLeader),
            0 => Err(unavailable(reply.refused)),
            index => Ok(index),
        }
    }

    /// Of a leader: a quorum follows it now, and this is what it had committed.
    pub(super) async fn read_index(&self) -> Result<u64, String> {
        let linearizer = self.inner.raft.get_read_linearizer(ReadPolicy::ReadIndex).await;
        linearizer.map(|linearizer| linearizer.read_log_id().index()).map_err(|error| error.to_string())
    }

    async fn wait_applied(&self, index: u64) -> Result<u64, BarrierError> {
        let mut applied = self.applied();
        let reached = applied.wait_for(|applied| applied.index >= index).await;
        reached.map(|_| index).map_err(|_| BarrierError::Unavailable("stopped".into()))
    }
}

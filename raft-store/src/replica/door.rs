//! What a peer asks of this replica. The controller's replica door has proved who it is before it calls these.

use bytes::Bytes;
use futures::stream::BoxStream;
use openraft::Snapshot;
use prost::Message;

use super::Replica;
use crate::encoding::{DigestRequest, ReadIndexReply};
use crate::raft::{
    SnapshotData, Vote, decode_append, encode_append_reply, encode_snapshot_reply, encode_transfer_reply,
    encode_vote_reply, receive, snapshot_meta, transfer_request, vote_request,
};
use crate::status::Role;
use crate::transport::RaftKind;

impl Replica {
    /// Answers one frame of replica `from`. What is first polled first reaches Raft first. `Err` is for the log of the caller: the peer is told that it was refused.
    pub async fn handle(&self, from: u64, kind: RaftKind, body: Bytes) -> Result<Bytes, String> {
        if let Some(why) = self.inner.fault.why() {
            return Err(why);
        }
        let raft = &self.inner.raft;
        match kind {
            RaftKind::Append => {
                let request = decode_append(body)?;
                check_speaker(from, &request.vote)?;
                Ok(encode_append_reply(&raft.append_entries(request).await.map_err(|error| error.to_string())?))
            }
            RaftKind::Vote => {
                let request = vote_request(body)?;
                self.check_may_vote(from, &request.vote)?;
                Ok(encode_vote_reply(&raft.vote(request).await.map_err(|error| error.to_string())?))
            }
            RaftKind::PreVote => {
                let request = vote_request(body)?;
                self.check_may_vote(from, &request.vote)?;
                Ok(encode_vote_reply(&raft.pre_vote(request).await.map_err(|error| error.to_string())?))
            }
            RaftKind::TransferLeader => {
                let request = transfer_request(body)?;
                check_speaker(from, request.from_leader())?;
                let answer = raft.handle_transfer_leader(request).await.map_err(|error| error.to_string())?;
                Ok(encode_transfer_reply(&answer))
            }
            RaftKind::ReadIndex => Ok(self.answer_read_index().await.encode_to_vec().into()),
            RaftKind::Digest => {
                let asked = DigestRequest::decode(body).map_err(|error| error.to_string())?;
                Ok(self.answer_digest(&asked).encode_to_vec().into())
            }
            RaftKind::Snapshot => Err("a snapshot is a stream".into()),
        }
    }

    /// Takes a stream of frames of replica `from`: a snapshot.
    pub async fn handle_stream(
        &self,
        from: u64,
        kind: RaftKind,
        chunks: BoxStream<'_, Bytes>,
    ) -> Result<Bytes, String> {
        if kind != RaftKind::Snapshot {
            return Err("only a snapshot is a stream".into());
        }
        if let Some(why) = self.inner.fault.why() {
            return Err(why);
        }
        let level = self.inner.feature_level_max;
        let (leader, incoming) = receive(&*self.inner.store, &self.inner.identity, level, chunks).await?;
        check_speaker(from, &leader)?;
        if incoming.cluster.meta().feature_level > level {
            let why = format!("the cluster is beyond feature level {level}, the newest that this program knows");
            self.inner.fault.set(why.clone());
            return Err(why);
        }
        let meta = snapshot_meta(&incoming.applied)?;
        let snapshot = Snapshot { meta, snapshot: SnapshotData::Received(Box::new(incoming)) };
        let answer =
            self.inner.raft.install_full_snapshot(leader, snapshot).await.map_err(|error| error.to_string())?;
        Ok(encode_snapshot_reply(&answer.vote))
    }

    async fn answer_read_index(&self) -> ReadIndexReply {
        if self.inner.leadership.borrow().role != Role::Leader {
            return ReadIndexReply { not_leader: true, ..ReadIndexReply::default() };
        }
        match self.inner.answering.share(self.read_index()).await {
            Ok(index) => ReadIndexReply { index, ..ReadIndexReply::default() },
            Err(refused) => ReadIndexReply { refused, ..ReadIndexReply::default() },
        }
    }

    /// An empty store never votes: it may be one that forgot what it promised.
    fn check_may_vote(&self, from: u64, candidate: &Vote) -> Result<(), String> {
        check_speaker(from, candidate)?;
        match self.log_end() {
            Some(_) => Ok(()),
            None => Err("an empty store does not vote".into()),
        }
    }
}

/// A peer speaks for itself only.
fn check_speaker(from: u64, vote: &Vote) -> Result<(), String> {
    if vote.leader_id.voted_for == from {
        return Ok(());
    }
    Err(format!("replica {from} speaks for replica {}", vote.leader_id.voted_for))
}

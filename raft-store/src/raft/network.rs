//! openraft's network on [`Transport`]. Every failure is `Unreachable`: openraft then backs off instead of retrying at once.
//! Not so where a road of appends cannot be opened, or breaks: there it would try again at once, and for ever, and starve the
//! elections of its thread. So a failure on a road is told only after a rest.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, Either, FutureExt};
use futures::stream::{BoxStream, Stream, StreamExt};
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetworkFactory};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult};
use openraft::raft::{TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse};
use openraft::{OptionalSend, RaftNetworkV2};

use super::acknowledged::Acknowledged;
use super::convert::{
    decode_append_reply, decode_snapshot_reply, decode_transfer_reply, decode_vote_reply, encode_append,
    encode_transfer, encode_vote_request,
};
use super::snapshot::{SnapshotData, chunks};
use super::{LogId, Member, Snapshot, Types, Vote};
use crate::fault::Fault;
use crate::identity::{Identity, Peer};
use crate::transport::{self, RaftKind, Talk, Transport};

/// Appends to one peer that may be under way at once: the next need not wait for the fsync of the one before.
const APPENDS_AHEAD_MAX: usize = 8;
/// How long to leave a peer alone that could not be reached.
const BACKOFF_MS: u64 = 100;
/// The same for a road: shorter than an election time-out, so that one broken connection costs nobody the leadership.
const ROAD_REST: Duration = Duration::from_millis(50);

/// Makes a [`Link`] to each peer.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) identity: Identity,
    pub(crate) append_timeout: Duration,
    pub(crate) snapshot_timeout: Duration,
    pub(crate) fault: Fault,
    pub(crate) acknowledged: Arc<Acknowledged>,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Link;

    async fn new_client(&mut self, target: u64, node: &Member) -> Link {
        Link { to: Peer { replica: target, address: node.address.clone() }, network: self.clone() }
    }
}

/// The way to one peer.
pub(crate) struct Link {
    to: Peer,
    network: Network,
}

fn unreachable(why: impl ToString) -> RPCError<Types> {
    RPCError::Unreachable(Unreachable::from_string(why))
}

impl Link {
    async fn call(&self, kind: RaftKind, body: Bytes, timeout: Duration) -> Result<Bytes, RPCError<Types>> {
        self.within(timeout, self.network.transport.call(&self.to, kind, body, timeout)).await
    }

    async fn within<T>(
        &self,
        timeout: Duration,
        answer: impl Future<Output = Result<T, transport::Unreachable>>,
    ) -> Result<T, RPCError<Types>> {
        match tokio::time::timeout(timeout, answer).await {
            Ok(answer) => answer.map_err(unreachable),
            Err(_) => Err(unreachable(format!("replica {} did not answer in {timeout:?}", self.to.replica))),
        }
    }

    /// openraft would give it one heartbeat; an fsync may take longer, and a repeat would only add to it.
    fn append_timeout(&self, option: &RPCOption) -> Duration {
        self.network.append_timeout.max(option.soft_ttl())
    }

    /// Sends the append now; the answer comes later.
    fn append<'a>(
        &'a self,
        talk: &dyn Talk,
        request: AppendEntriesRequest<Types>,
        timeout: Duration,
    ) -> impl Future<Output = Appended> + use<'a> {
        let (vote, previous) = (request.vote, request.prev_log_id);
        let last = request.entries.last().map_or(previous, |entry| Some(entry.log_id));
        let before = self.network.acknowledged.up_to(self.to.replica, &vote);
        let answer = talk.ask(RaftKind::Append, encode_append(&request), timeout);
        async move {
            let reply = decode_append_reply(self.within(timeout, answer).await?).map_err(unreachable)?;
            if previous.is_none() && matches!(reply, AppendEntriesResponse::Conflict) {
                return Err(unreachable("an append to an empty log cannot conflict"));
            }
            self.judge(&vote, previous, before, last, &reply)?;
            let partial = matches!(&reply, AppendEntriesResponse::PartialSuccess(matched) if *matched != last);
            Ok((reply.into_stream_result(previous, last), partial))
        }
    }

    /// Notes what the peer acknowledges. The answers of one that lost what it had acknowledged are errors from then on:
    /// they count for no commit and for no quorum, and it is not brought up to date as if nothing were the matter.
    fn judge(
        &self,
        vote: &Vote,
        previous: Option<LogId>,
        before: Option<LogId>,
        last: Option<LogId>,
        reply: &AppendEntriesResponse<Types>,
    ) -> Result<(), RPCError<Types>> {
        let (known, replica) = (&self.network.acknowledged, self.to.replica);
        let acknowledged = match reply {
            AppendEntriesResponse::HigherVote(_) => return Ok(()),
            AppendEntriesResponse::Conflict => None,
            AppendEntriesResponse::Success => Some(last),
            AppendEntriesResponse::PartialSuccess(matched) => Some(*matched),
        };
        if let (None, Some(missing)) = (acknowledged, previous)
            && known.is_taken_back(replica, vote, missing, before)
        {
            tell_of_loss(&self.to, missing, before);
        }
        if known.is_distrusted(replica, vote) {
            return Err(self.distrusted());
        }
        if let Some(up_to) = acknowledged {
            known.note(replica, vote, up_to);
        }
        Ok(())
    }

    fn distrusted(&self) -> RPCError<Types> {
        unreachable(format!("replica {} lost what it had acknowledged: it is not counted", self.to.replica))
    }
}

fn tell_of_loss(peer: &Peer, missing: LogId, before: Option<LogId>) {
    let (replica, address) = (peer.replica, &peer.address);
    let acknowledged = before.map_or(0, |before| before.index);
    tracing::error!(
        replica,
        address,
        missing = missing.index,
        acknowledged,
        "this replica no longer has log entries that it had synced and acknowledged: its disk loses data. This leader does \
         not count it any more. Stop its controller, give it another disk, and say: muster replica replace NAME"
    );
}

/// What one append led to, and whether the peer took a part of it only.
type Appended = Result<(StreamAppendResult<Types>, bool), RPCError<Types>>;

/// A success at once, a failure after a rest.
async fn rested<T>(answer: Result<T, RPCError<Types>>) -> Result<T, RPCError<Types>> {
    if answer.is_err() {
        tokio::time::sleep(ROAD_REST).await;
    }
    answer
}

/// The answers in order, up to the first that says that what was sent after it makes no sense.
fn until_refused(
    answers: impl Stream<Item = Appended>,
) -> impl Stream<Item = Result<StreamAppendResult<Types>, RPCError<Types>>> {
    answers.scan(false, |ended, answer| {
        if *ended {
            return std::future::ready(None);
        }
        *ended = !matches!(answer, Ok((Ok(_), false)));
        std::future::ready(Some(answer.map(|(result, _)| result)))
    })
}

impl RaftNetworkV2<Types> for Link {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let body = self.call(RaftKind::Append, encode_append(&request), self.append_timeout(&option)).await?;
        decode_append_reply(body).map_err(unreachable)
    }

    /// On the road that stays open, where frames keep their order: one that overtook another would look like a lost log.
    fn stream_append<'s, S>(
        &'s mut self,
        requests: S,
        option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<Types>, RPCError<Types>>>, RPCError<Types>>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        let link: &'s Link = self;
        let timeout = link.append_timeout(&option);
        async move {
            let opened = link.within(timeout, link.network.transport.talk(&link.to, timeout)).await;
            let talk = rested(opened).await?;
            let answers = requests
                .map(move |request| link.append(&*talk, request, timeout))
                .buffered(APPENDS_AHEAD_MAX)
                .then(rested);
            Ok(until_refused(answers).boxed())
        }
        .boxed()
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let body = self.call(RaftKind::Vote, encode_vote_request(&request), option.hard_ttl()).await?;
        decode_vote_reply(body).map_err(unreachable)
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let body = self.call(RaftKind::PreVote, encode_vote_request(&request), option.hard_ttl()).await?;
        decode_vote_reply(body).map_err(unreachable)
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let body = self.call(RaftKind::TransferLeader, encode_transfer(&request), option.hard_ttl()).await?;
        decode_transfer_reply(body, &request).map_err(unreachable)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        if self.network.acknowledged.is_distrusted(self.to.replica, &vote) {
            return Err(StreamingError::from(self.distrusted()));
        }
        let SnapshotData::View(outgoing) = snapshot.snapshot else {
            return Err(StreamingError::from(unreachable("only a view can be sent")));
        };
        let (timeout, last) = (self.network.snapshot_timeout, snapshot.meta.last_log_id);
        let chunks = chunks(outgoing, &vote, &self.network.identity, self.network.fault.clone());
        let sent = self.network.transport.stream(&self.to, RaftKind::Snapshot, chunks, timeout);
        let sent = tokio::time::timeout(timeout, sent);
        let answer = match futures::future::select(Box::pin(sent), Box::pin(cancel)).await {
            Either::Left((Ok(answer), _)) => answer.map_err(unreachable)?,
            Either::Left((Err(_), _)) => return Err(unreachable("the snapshot took too long").into()),
            Either::Right((closed, _)) => return Err(StreamingError::Closed(closed)),
        };
        let answered = decode_snapshot_reply(answer).map_err(unreachable)?;
        if answered == vote {
            self.network.acknowledged.note(self.to.replica, &vote, last);
        }
        Ok(SnapshotResponse::new(answered))
    }

    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(std::iter::repeat(Duration::from_millis(BACKOFF_MS))))
    }
}

#[cfg(test)]
mod tests;

//! Between openraft's types and the encoding. The only place where both are named.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use openraft::EntryPayload;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};
use openraft::raft::{TransferLeaderError, TransferLeaderRequest, TransferLeaderResponse};
use prost::Message;

use super::{Command, Entry, LogId, Member, Membership, StoredMembership, Types, Vote};
use crate::encoding::{
    AppendReply, AppendRequest, AppliedRecord, LogRecord, MemberRecord, MembershipRecord, Payload, Position,
    SnapshotReply, TransferReply, TransferRequest, VoteRecord, VoteReply, Voters, append_outcome,
};

pub(crate) fn position(id: &LogId) -> Position {
    Position { term: id.leader_id.term, index: id.index }
}

pub(crate) fn log_id(at: Position) -> LogId {
    LogId::new(openraft::vote::leader_id_std::CommittedLeaderId::new(at.term), at.index)
}

pub(crate) fn vote_record(vote: &Vote) -> VoteRecord {
    VoteRecord { term: vote.leader_id.term, candidate: vote.leader_id.voted_for, won: vote.committed }
}

pub(crate) fn vote(record: VoteRecord) -> Vote {
    if record.won {
        Vote::new_committed(record.term, record.candidate)
    } else {
        Vote::new(record.term, record.candidate)
    }
}

fn membership_record(membership: &Membership, at: Option<Position>) -> MembershipRecord {
    MembershipRecord {
        configs: membership
            .get_joint_config()
            .iter()
            .map(|config| Voters { replicas: config.iter().copied().collect() })
            .collect(),
        members: membership
            .nodes()
            .map(|(replica, member)| MemberRecord { replica: *replica, address: member.address.clone() })
            .collect(),
        at,
    }
}

fn membership(record: &MembershipRecord) -> Result<Membership, String> {
    let configs: Vec<BTreeSet<u64>> =
        record.configs.iter().map(|config| config.replicas.iter().copied().collect()).collect();
    let members: BTreeMap<u64, Member> =
        record.members.iter().map(|member| (member.replica, Member { address: member.address.clone() })).collect();
    if configs.is_empty() && members.is_empty() {
        return Ok(Membership::default());
    }
    Membership::new(configs, members).map_err(|error| error.to_string())
}

pub(super) fn stored_membership_record(stored: &StoredMembership) -> MembershipRecord {
    membership_record(stored.membership(), stored.log_id().as_ref().map(position))
}

pub(super) fn stored_membership(record: &MembershipRecord) -> Result<StoredMembership, String> {
    Ok(StoredMembership::new(record.at.map(log_id), membership(record)?))
}

/// Position and membership of an applied record.
pub(super) fn applied(record: &AppliedRecord) -> Result<(LogId, StoredMembership), String> {
    Ok((log_id(record.at), stored_membership(&record.membership)?))
}

pub(super) fn encode_entry(entry: &Entry) -> Bytes {
    let payload = match &entry.payload {
        EntryPayload::Blank => Payload::Blank(true),
        EntryPayload::Normal(command) => Payload::Batch(command.bytes().clone()),
        EntryPayload::Membership(members) => Payload::Membership(membership_record(members, None)),
    };
    LogRecord { at: position(&entry.log_id), payload: Some(payload) }.encode_to_vec().into()
}

pub(super) fn decode_entry(bytes: Bytes) -> Result<Entry, String> {
    let record = LogRecord::decode(bytes).map_err(|error| format!("a log entry does not decode: {error}"))?;
    let payload = match record.payload {
        Some(Payload::Blank(_)) => EntryPayload::Blank,
        Some(Payload::Batch(bytes)) => EntryPayload::Normal(Command::from_bytes(bytes)),
        Some(Payload::Membership(members)) => EntryPayload::Membership(membership(&members)?),
        None => return Err(format!("log entry {} is of an unknown kind", record.at.index)),
    };
    Ok(Entry { log_id: log_id(record.at), payload })
}

pub(super) fn encode_append(request: &AppendEntriesRequest<Types>) -> Bytes {
    let message = AppendRequest {
        vote: vote_record(&request.vote),
        previous: request.prev_log_id.as_ref().map(position),
        committed: request.leader_commit.as_ref().map(position),
        entries: request.entries.iter().map(encode_entry).collect(),
    };
    message.encode_to_vec().into()
}

pub(crate) fn decode_append(body: Bytes) -> Result<AppendEntriesRequest<Types>, String> {
    let message = AppendRequest::decode(body).map_err(|error| error.to_string())?;
    let entries = message.entries.into_iter().map(decode_entry).collect::<Result<Vec<_>, _>>()?;
    check_consecutive(message.previous, &entries)?;
    Ok(AppendEntriesRequest {
        vote: vote(message.vote),
        prev_log_id: message.previous.map(log_id),
        entries,
        leader_commit: message.committed.map(log_id),
    })
}

/// A hole in the log could never be mended.
fn check_consecutive(previous: Option<Position>, entries: &[Entry]) -> Result<(), String> {
    let mut before = previous;
    for entry in entries {
        let at = position(&entry.log_id);
        let follows = before.map_or(at.index == 0, |before| at.index == before.index + 1 && at.term >= before.term);
        if !follows {
            return Err(format!("entry {at:?} does not follow {before:?}"));
        }
        before = Some(at);
    }
    Ok(())
}

pub(crate) fn encode_append_reply(reply: &AppendEntriesResponse<Types>) -> Bytes {
    let (outcome, matched, vote) = match reply {
        AppendEntriesResponse::Success => (append_outcome::SUCCESS, None, None),
        AppendEntriesResponse::PartialSuccess(matched) => {
            (append_outcome::PARTIAL, matched.as_ref().map(position), None)
        }
        AppendEntriesResponse::Conflict => (append_outcome::CONFLICT, None, None),
        AppendEntriesResponse::HigherVote(vote) => (append_outcome::HIGHER_VOTE, None, Some(vote_record(vote))),
    };
    AppendReply { outcome, matched, vote }.encode_to_vec().into()
}

pub(super) fn decode_append_reply(body: Bytes) -> Result<AppendEntriesResponse<Types>, String> {
    let reply = AppendReply::decode(body).map_err(|error| error.to_string())?;
    match (reply.outcome, reply.vote) {
        (append_outcome::SUCCESS, _) => Ok(AppendEntriesResponse::Success),
        (append_outcome::PARTIAL, _) => Ok(AppendEntriesResponse::PartialSuccess(reply.matched.map(log_id))),
        (append_outcome::CONFLICT, _) => Ok(AppendEntriesResponse::Conflict),
        (append_outcome::HIGHER_VOTE, Some(higher)) => Ok(AppendEntriesResponse::HigherVote(vote(higher))),
        (other, _) => Err(format!("append outcome {other} is unknown")),
    }
}

pub(super) fn encode_vote_request(request: &VoteRequest<Types>) -> Bytes {
    let message = crate::encoding::VoteRequest {
        vote: vote_record(&request.vote),
        last: request.last_log_id.as_ref().map(position),
        transfer: request.leadership_transfer,
    };
    message.encode_to_vec().into()
}

pub(crate) fn vote_request(body: Bytes) -> Result<VoteRequest<Types>, String> {
    let message = crate::encoding::VoteRequest::decode(body).map_err(|error| error.to_string())?;
    let mut request = VoteRequest::new(vote(message.vote), message.last.map(log_id));
    request.leadership_transfer = message.transfer;
    Ok(request)
}

pub(crate) fn encode_vote_reply(reply: &VoteResponse<Types>) -> Bytes {
    let message = VoteReply {
        vote: vote_record(&reply.vote),
        granted: reply.vote_granted,
        last: reply.last_log_id.as_ref().map(position),
    };
    message.encode_to_vec().into()
}

pub(super) fn decode_vote_reply(body: Bytes) -> Result<VoteResponse<Types>, String> {
    let reply = VoteReply::decode(body).map_err(|error| error.to_string())?;
    Ok(VoteResponse::new(vote(reply.vote), reply.last.map(log_id), reply.granted))
}

pub(super) fn encode_transfer(request: &TransferLeaderRequest<Types>) -> Bytes {
    let message = TransferRequest {
        from: vote_record(request.from_leader()),
        to: *request.to_node_id(),
        last: request.last_log_id().map(position),
    };
    message.encode_to_vec().into()
}

pub(crate) fn transfer_request(body: Bytes) -> Result<TransferLeaderRequest<Types>, String> {
    let message = TransferRequest::decode(body).map_err(|error| error.to_string())?;
    Ok(TransferLeaderRequest::new(vote(message.from), message.to, message.last.map(log_id)))
}

pub(crate) fn encode_transfer_reply(reply: &TransferLeaderResponse<Types>) -> Bytes {
    let message = match reply {
        Ok(()) => TransferReply::default(),
        Err(TransferLeaderError::VoteChanged { actual, .. }) => {
            TransferReply { vote: Some(vote_record(actual)), ..TransferReply::default() }
        }
        Err(TransferLeaderError::LogNotFlushed { actual, .. }) => {
            TransferReply { vote: None, not_flushed: true, flushed: actual.as_ref().map(position) }
        }
    };
    message.encode_to_vec().into()
}

pub(super) fn decode_transfer_reply(
    body: Bytes,
    request: &TransferLeaderRequest<Types>,
) -> Result<TransferLeaderResponse<Types>, String> {
    let reply = TransferReply::decode(body).map_err(|error| error.to_string())?;
    Ok(match reply.vote {
        Some(actual) => {
            Err(TransferLeaderError::VoteChanged { expected: *request.from_leader(), actual: vote(actual) })
        }
        None if reply.not_flushed => Err(TransferLeaderError::LogNotFlushed {
            expected: request.last_log_id().copied(),
            actual: reply.flushed.map(log_id),
        }),
        None => Ok(()),
    })
}

pub(crate) fn encode_snapshot_reply(seen: &Vote) -> Bytes {
    SnapshotReply { vote: vote_record(seen) }.encode_to_vec().into()
}

pub(super) fn decode_snapshot_reply(body: Bytes) -> Result<Vote, String> {
    Ok(vote(SnapshotReply::decode(body).map_err(|error| error.to_string())?.vote))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(previous: Option<Position>, at: &[(u64, u64)]) -> Result<AppendEntriesRequest<Types>, String> {
        let entry = |(term, index): &(u64, u64)| {
            let at = Position { term: *term, index: *index };
            LogRecord { at, payload: Some(Payload::Blank(true)) }.encode_to_vec().into()
        };
        let vote = VoteRecord { term: 9, candidate: 1, won: true };
        let request = AppendRequest { vote, previous, committed: None, entries: at.iter().map(entry).collect() };
        decode_append(request.encode_to_vec().into())
    }

    #[test]
    fn entries_that_leave_a_hole_are_refused() {
        let previous = Some(Position { term: 2, index: 4 });
        assert!(append(previous, &[(2, 5), (3, 6)]).is_ok());
        assert!(append(previous, &[(2, 6)]).is_err());
        assert!(append(previous, &[(1, 5)]).is_err(), "terms never fall");
        assert!(append(None, &[(0, 0), (1, 1)]).is_ok());
        assert!(append(None, &[(1, 1)]).is_err());
    }

    #[test]
    fn bytes_of_any_kind_are_an_error_and_no_panic() {
        for length in 0..64 {
            let bytes: Bytes = (0..length).map(|at| (at * 37 + length) as u8).collect::<Vec<_>>().into();
            let _ = (decode_append(bytes.clone()), vote_request(bytes.clone()), transfer_request(bytes.clone()));
            let _ = (decode_entry(bytes.clone()), decode_append_reply(bytes.clone()), decode_vote_reply(bytes));
        }
    }
}

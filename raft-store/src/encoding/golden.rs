//! Golden bytes of what replicas keep and of what they say to each other. Lines of `durable` stay for ever; one of `rpc` or of a
//! snapshot may go once two releases have passed since its message changed.

use bytes::Bytes;
use muster_proto::golden::{Sample, breaches};

use super::*;

const GOLDEN: &str = include_str!("golden.tsv");

fn position(term: u64, index: u64) -> Position {
    Position { term, index }
}

fn vote() -> VoteRecord {
    VoteRecord { term: 9, candidate: 2, won: true }
}

fn membership() -> MembershipRecord {
    MembershipRecord {
        configs: vec![Voters { replicas: vec![1, 2] }, Voters { replicas: vec![1, 3] }],
        members: vec![member()],
        at: Some(position(2, 7)),
    }
}

fn member() -> MemberRecord {
    MemberRecord { replica: 1, address: "a:1".into() }
}

fn applied() -> AppliedRecord {
    AppliedRecord { at: position(3, 8), membership: membership(), installed: Some(position(1, 4)) }
}

fn durable() -> Vec<Sample> {
    let entry = |name, payload| Sample::alternative(name, &LogRecord { at: position(3, 300), payload: Some(payload) });
    let store_id = vec![1; 2];
    let cluster_id = vec![2; 2];
    vec![
        entry("Blank", Payload::Blank(true)),
        entry("Membership", Payload::Membership(membership())),
        entry("Batch", Payload::Batch(Bytes::from_static(b"xyz"))),
        Sample::of(&position(2, 9)),
        Sample::of(&membership()),
        Sample::of(&Voters { replicas: vec![1, 2] }),
        Sample::of(&member()),
        Sample::of(&vote()),
        Sample::of(&applied()),
        Sample::of(&IdentityRecord { store_id, cluster_id, generation: 1, replica: 3, name: "ctl".into() }),
        Sample::of(&MarkRecord { sequence: 7, last: Some(position(2, 9)), vote: Some(vote()) }),
    ]
}

fn rpc() -> Vec<Sample> {
    let last = Some(position(8, 41));
    let append = |name, outcome| Sample::alternative(name, &AppendReply { outcome, matched: last, vote: Some(vote()) });
    let entries = vec![Bytes::from_static(b"xyz")];
    vec![
        Sample::of(&AppendRequest { vote: vote(), previous: last, committed: Some(position(8, 40)), entries }),
        append("success", append_outcome::SUCCESS),
        append("partial", append_outcome::PARTIAL),
        append("conflict", append_outcome::CONFLICT),
        append("higher_vote", append_outcome::HIGHER_VOTE),
        Sample::of(&VoteRequest { vote: vote(), last, transfer: true }),
        Sample::of(&VoteReply { vote: vote(), granted: true, last }),
        Sample::of(&TransferRequest { from: vote(), to: 3, last }),
        Sample::of(&TransferReply { vote: Some(vote()), not_flushed: true, flushed: last }),
        Sample::of(&ReadIndexRequest {}),
        Sample::of(&ReadIndexReply { index: 41, refused: "r".into(), not_leader: true }),
        Sample::of(&DigestRequest { index: 41 }),
        Sample::of(&DigestReply { digest: vec![1, 2] }),
        Sample::of(&SnapshotReply { vote: vote() }),
    ]
}

fn snapshot() -> Vec<Sample> {
    let header = Header { format: 1, cluster_id: vec![7; 2], generation: 2, vote: vote(), applied: applied() };
    let row = KeyValue { key: b"k".to_vec(), value: b"v".to_vec() };
    let rows = RowsOf { table: 2, rows: vec![row.clone()] };
    let part = PartOf { table: 2, key: b"k".to_vec(), piece: b"xyz".to_vec(), ends: true };
    let footer = Footer { rows: 5, digest: vec![1, 2] };
    let chunk = |name, sequence, body| Sample::alternative(name, &SnapshotChunk { sequence, body: Some(body) });
    vec![
        Sample::of(&header),
        Sample::of(&row),
        Sample::of(&rows),
        Sample::of(&part),
        Sample::of(&footer),
        chunk("Header", 1, ChunkBody::Header(Header { applied: AppliedRecord::default(), ..header })),
        chunk("Rows", 2, ChunkBody::Rows(rows)),
        chunk("Footer", 3, ChunkBody::Footer(footer)),
        chunk("Part", 4, ChunkBody::Part(part)),
    ]
}

#[test]
fn bytes_of_every_version_are_read_and_written_as_they_were() {
    let samples: Vec<Sample> = [durable(), rpc(), snapshot()].into_iter().flatten().collect();
    let breaches = breaches(GOLDEN, &samples);
    assert!(breaches.is_empty(), "docs/checklists.md says what to do:\n{}", breaches.join("\n"));
}

#[test]
fn numbers_of_kinds_stay() {
    use crate::transport::RaftKind::*;
    let kinds = [Append, Vote, PreVote, TransferLeader, ReadIndex, Snapshot, Digest];
    assert_eq!(kinds.map(|kind| kind as u32), [1, 2, 3, 4, 5, 6, 7]);
}

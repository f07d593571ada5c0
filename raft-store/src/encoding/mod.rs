//! What this crate writes to disk and to peers, as protobuf messages of its own: an openraft release must not change either.
//!
//! DURABLE: `durable` outlives a version; fields are only ever added, `rpc` may differ by one release. `golden.tsv` holds bytes of both.

mod checksum;
mod durable;
#[cfg(test)]
mod golden;
mod rpc;
mod snapshot;

pub(crate) use checksum::crc32c;
pub(crate) use durable::{
    AppliedRecord, IdentityRecord, LogRecord, MarkRecord, MemberRecord, MembershipRecord, Payload, Position,
    VoteRecord, Voters,
};
pub(crate) use rpc::{
    AppendReply, AppendRequest, DigestReply, DigestRequest, ReadIndexReply, ReadIndexRequest, SnapshotReply,
    TransferReply, TransferRequest, VoteReply, VoteRequest, append_outcome,
};
pub(crate) use snapshot::{ChunkBody, Footer, Header, KeyValue, PartOf, RowsOf, SnapshotChunk, open_chunk, seal_chunk};

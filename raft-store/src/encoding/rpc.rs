//! What replicas say to each other. May differ by one release.

use bytes::Bytes;

use super::durable::{Position, VoteRecord};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AppendRequest {
    #[prost(message, required, tag = "1")]
    pub(crate) vote: VoteRecord,
    #[prost(message, optional, tag = "2")]
    pub(crate) previous: Option<Position>,
    #[prost(message, optional, tag = "3")]
    pub(crate) committed: Option<Position>,
    /// Each an encoded `LogRecord`.
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub(crate) entries: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AppendReply {
    /// One of [`append_outcome`].
    #[prost(uint32, tag = "1")]
    pub(crate) outcome: u32,
    #[prost(message, optional, tag = "2")]
    pub(crate) matched: Option<Position>,
    #[prost(message, optional, tag = "3")]
    pub(crate) vote: Option<VoteRecord>,
}

/// How an append ended.
pub(crate) mod append_outcome {
    pub(crate) const SUCCESS: u32 = 1;
    pub(crate) const PARTIAL: u32 = 2;
    pub(crate) const CONFLICT: u32 = 3;
    pub(crate) const HIGHER_VOTE: u32 = 4;
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VoteRequest {
    #[prost(message, required, tag = "1")]
    pub(crate) vote: VoteRecord,
    #[prost(message, optional, tag = "2")]
    pub(crate) last: Option<Position>,
    #[prost(bool, tag = "3")]
    pub(crate) transfer: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VoteReply {
    #[prost(message, required, tag = "1")]
    pub(crate) vote: VoteRecord,
    #[prost(bool, tag = "2")]
    pub(crate) granted: bool,
    #[prost(message, optional, tag = "3")]
    pub(crate) last: Option<Position>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TransferRequest {
    #[prost(message, required, tag = "1")]
    pub(crate) from: VoteRecord,
    #[prost(uint64, tag = "2")]
    pub(crate) to: u64,
    #[prost(message, optional, tag = "3")]
    pub(crate) last: Option<Position>,
}

/// Both absent: it stands for election at once.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TransferReply {
    /// It has seen another vote since.
    #[prost(message, optional, tag = "1")]
    pub(crate) vote: Option<VoteRecord>,
    #[prost(bool, tag = "2")]
    pub(crate) not_flushed: bool,
    #[prost(message, optional, tag = "3")]
    pub(crate) flushed: Option<Position>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ReadIndexRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ReadIndexReply {
    /// Applied up to here, a read is linearizable. 0: `refused` says why.
    #[prost(uint64, tag = "1")]
    pub(crate) index: u64,
    #[prost(string, tag = "2")]
    pub(crate) refused: String,
    #[prost(bool, tag = "3")]
    pub(crate) not_leader: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DigestRequest {
    #[prost(uint64, tag = "1")]
    pub(crate) index: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DigestReply {
    /// Of the state at that index, 16 bytes, big endian. Empty: not applied yet, or forgotten.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) digest: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SnapshotReply {
    #[prost(message, required, tag = "1")]
    pub(crate) vote: VoteRecord,
}

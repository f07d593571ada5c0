//! A snapshot on the road: a header, rows table by table, a footer; each chunk numbered and checksummed. A row that is too
//! large for a chunk goes in parts.
//!
//! ```text
//! crc32c (4, little endian) | SnapshotChunk { sequence, header | rows | part | footer }
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use super::checksum::crc32c;
use super::durable::{AppliedRecord, VoteRecord};

const CHECKSUM_BYTES: usize = 4;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SnapshotChunk {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    #[prost(oneof = "ChunkBody", tags = "2, 3, 4, 5")]
    pub(crate) body: Option<ChunkBody>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum ChunkBody {
    #[prost(message, tag = "2")]
    Header(Header),
    #[prost(message, tag = "3")]
    Rows(RowsOf),
    #[prost(message, tag = "4")]
    Footer(Footer),
    #[prost(message, tag = "5")]
    Part(PartOf),
}

/// Read from inside the consistent view that the rows come from.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Header {
    #[prost(uint32, tag = "1")]
    pub(crate) format: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) cluster_id: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(crate) generation: u64,
    #[prost(message, required, tag = "4")]
    pub(crate) vote: VoteRecord,
    #[prost(message, required, tag = "5")]
    pub(crate) applied: AppliedRecord,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RowsOf {
    /// Number of a `muster_model::cluster::Table`.
    #[prost(uint32, tag = "1")]
    pub(crate) table: u32,
    #[prost(message, repeated, tag = "2")]
    pub(crate) rows: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

/// A piece of one row, which the next chunks go on with until it ends.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PartOf {
    #[prost(uint32, tag = "1")]
    pub(crate) table: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) piece: Vec<u8>,
    #[prost(bool, tag = "4")]
    pub(crate) ends: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Footer {
    #[prost(uint64, tag = "1")]
    pub(crate) rows: u64,
    /// Of the sender's state at that index, 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) digest: Vec<u8>,
}

/// Checksum and body.
pub(crate) fn seal_chunk(chunk: &SnapshotChunk) -> Bytes {
    let mut bytes = BytesMut::with_capacity(CHECKSUM_BYTES + chunk.encoded_len());
    bytes.put_u32_le(0);
    chunk.encode(&mut bytes).expect("a growing buffer has room");
    let checksum = crc32c(&bytes[CHECKSUM_BYTES..]);
    bytes[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    bytes.freeze()
}

/// The body of chunk number `sequence`, or what is wrong with it.
pub(crate) fn open_chunk(bytes: &[u8], sequence: u64) -> Result<ChunkBody, String> {
    let Some((checksum, body)) = bytes.split_first_chunk::<CHECKSUM_BYTES>() else {
        return Err(format!("snapshot chunk {sequence} is cut"));
    };
    if crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err(format!("snapshot chunk {sequence} is damaged"));
    }
    let chunk = SnapshotChunk::decode(body).map_err(|error| format!("snapshot chunk {sequence}: {error}"))?;
    if chunk.sequence != sequence {
        return Err(format!("snapshot chunk {} came in place of {sequence}", chunk.sequence));
    }
    chunk.body.ok_or_else(|| format!("snapshot chunk {sequence} is of an unknown kind"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footer() -> SnapshotChunk {
        SnapshotChunk { sequence: 3, body: Some(ChunkBody::Footer(Footer { rows: 5, digest: vec![1, 2] })) }
    }

    #[test]
    fn a_chunk_keeps_its_bytes() {
        let hex: String = seal_chunk(&footer()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex[8..], *"08032206080512020102");
        assert_eq!(hex[..8], *"e8f59105");
    }

    #[test]
    fn a_flipped_bit_is_seen() {
        let mut bytes = seal_chunk(&footer()).to_vec();
        assert!(open_chunk(&bytes, 3).is_ok());
        bytes[6] ^= 1;
        assert_eq!(open_chunk(&bytes, 3), Err("snapshot chunk 3 is damaged".into()));
    }

    #[test]
    fn a_missing_chunk_is_seen() {
        assert_eq!(open_chunk(&seal_chunk(&footer()), 2), Err("snapshot chunk 3 came in place of 2".into()));
        assert_eq!(open_chunk(b"ab", 0), Err("snapshot chunk 0 is cut".into()));
    }
}

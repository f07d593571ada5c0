//! What was acknowledged, kept apart from the log: tells a torn tail from damage.
//!
//! A log that ends before the watermark lost something that others were told is safe. For entries it may lag behind what was
//! acknowledged by `appender::WATERMARK_LAG`; for votes it never does. Two slots are written in turn, so
//! that a torn write of one leaves the other; each is `length (4) | crc32c (4) | MarkRecord`, little endian, in its own sector.

use prost::Message;

use crate::encoding::{MarkRecord, Position, VoteRecord, crc32c};

/// One sector.
pub(crate) const SLOT_BYTES: usize = 512;
const HEAD_BYTES: usize = 8;

/// What was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watermark {
    /// Grows with each write; the higher slot counts.
    pub(crate) sequence: u64,
    /// Entries up to here were acknowledged as durable.
    pub(crate) last: Option<Position>,
    /// The newest vote that was given.
    pub(crate) vote: Option<VoteRecord>,
}

/// One slot, padded.
pub(crate) fn encode_slot(mark: &Watermark) -> [u8; SLOT_BYTES] {
    let body = MarkRecord { sequence: mark.sequence, last: mark.last, vote: mark.vote }.encode_to_vec();
    let mut slot = [0; SLOT_BYTES];
    slot[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
    slot[4..HEAD_BYTES].copy_from_slice(&crc32c(&body).to_le_bytes());
    slot[HEAD_BYTES..HEAD_BYTES + body.len()].copy_from_slice(&body);
    slot
}

/// `None`: torn, or never written.
pub(crate) fn decode_slot(slot: &[u8]) -> Option<Watermark> {
    let (length, rest) = slot.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let body = rest.get(..length).filter(|body| !body.is_empty())?;
    if crc32c(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let record = MarkRecord::decode(body).ok()?;
    Some(Watermark { sequence: record.sequence, last: record.last, vote: record.vote })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Watermark {
        Watermark {
            sequence: 7,
            last: Some(Position { term: 2, index: 9 }),
            vote: Some(VoteRecord { term: 2, candidate: 1, won: true }),
        }
    }

    #[test]
    fn a_slot_keeps_its_bytes() {
        let hex: String = encode_slot(&mark())[..24].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex[..8], *"10000000");
        assert_eq!(hex[16..], *"0807120408021009 1a06080210011801".replace(' ', ""));
        assert_eq!(decode_slot(&encode_slot(&mark())), Some(mark()));
    }

    #[test]
    fn a_torn_or_empty_slot_says_nothing() {
        let mut slot = encode_slot(&mark());
        slot[12] ^= 4;
        assert_eq!(decode_slot(&slot), None);
        assert_eq!(decode_slot(&[0; SLOT_BYTES]), None);
        assert_eq!(decode_slot(&[0xff; SLOT_BYTES]), None);
    }
}

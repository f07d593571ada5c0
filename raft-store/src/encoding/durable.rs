//! DURABLE: log entries, the vote, the membership, the applied record, the watermark and the identity.

use bytes::Bytes;

/// A place in the log. Order: term, then index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Message)]
pub(crate) struct Position {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) index: u64,
}

/// One entry of the log.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct LogRecord {
    #[prost(message, required, tag = "1")]
    pub(crate) at: Position,
    #[prost(oneof = "Payload", tags = "2, 3, 4")]
    pub(crate) payload: Option<Payload>,
}

/// What an entry carries.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Payload {
    /// A new leader's first entry.
    #[prost(bool, tag = "2")]
    Blank(bool),
    /// Who the members are from here on.
    #[prost(message, tag = "3")]
    Membership(MembershipRecord),
    /// Encoded `muster.durable.Batch`.
    #[prost(bytes = "bytes", tag = "4")]
    Batch(Bytes),
}

/// Who may vote, and who follows. Two voter sets while a change is under way: a quorum of both is needed.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MembershipRecord {
    #[prost(message, repeated, tag = "1")]
    pub(crate) configs: Vec<Voters>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) members: Vec<MemberRecord>,
    /// The entry that it came with; absent in the entry itself.
    #[prost(message, optional, tag = "3")]
    pub(crate) at: Option<Position>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Voters {
    #[prost(uint64, repeated, tag = "1")]
    pub(crate) replicas: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MemberRecord {
    #[prost(uint64, tag = "1")]
    pub(crate) replica: u64,
    #[prost(string, tag = "2")]
    pub(crate) address: String,
}

/// Whom this replica voted for, and whether that leader won.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct VoteRecord {
    #[prost(uint64, tag = "1")]
    pub(crate) term: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) candidate: u64,
    #[prost(bool, tag = "3")]
    pub(crate) won: bool,
}

impl VoteRecord {
    /// Whether a store that holds `self` forgot `promised`. Who has won a term takes the place of whomever this replica had
    /// voted for in it.
    pub(crate) fn is_behind(&self, promised: &VoteRecord) -> bool {
        let (held, given) = ((self.term, self.won), (promised.term, promised.won));
        held < given || (held == given && self.candidate != promised.candidate)
    }
}

/// Stored with the rows, in the same write: up to where they are applied, and who the members were.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AppliedRecord {
    #[prost(message, required, tag = "1")]
    pub(crate) at: Position,
    #[prost(message, required, tag = "2")]
    pub(crate) membership: MembershipRecord,
    /// The snapshot that these rows began with, if they came from one: the log may lawfully end before it.
    #[prost(message, optional, tag = "3")]
    pub(crate) installed: Option<Position>,
}

/// The identity file.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct IdentityRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) store_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) cluster_id: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(crate) generation: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) replica: u64,
    #[prost(string, tag = "5")]
    pub(crate) name: String,
}

/// One slot of the watermark's file.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MarkRecord {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) last: Option<Position>,
    #[prost(message, optional, tag = "3")]
    pub(crate) vote: Option<VoteRecord>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_won_a_term_takes_the_place_of_whom_this_replica_voted_for() {
        let promised = VoteRecord { term: 7, candidate: 1, won: false };
        let leader = VoteRecord { term: 7, candidate: 3, won: true };
        assert!(!leader.is_behind(&promised), "a crash came between the vote and the watermark");
        assert!(promised.is_behind(&leader));
        assert!(VoteRecord { candidate: 2, ..leader }.is_behind(&leader));
    }

    #[test]
    fn a_vote_of_the_same_term_for_another_is_behind() {
        let promised = VoteRecord { term: 4, candidate: 1, won: false };
        assert!(VoteRecord { term: 4, candidate: 2, won: false }.is_behind(&promised));
        assert!(VoteRecord { term: 3, candidate: 1, won: true }.is_behind(&promised));
        assert!(!VoteRecord { term: 4, candidate: 1, won: true }.is_behind(&promised));
        assert!(!VoteRecord { term: 5, candidate: 9, won: false }.is_behind(&promised));
    }
}

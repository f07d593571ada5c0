//! What each peer acknowledged to this leader, and whether it still stands by it.
//!
//! A follower syncs before it acknowledges, and nothing that it acknowledged to a leader is taken back under the same one. So
//! one that then does not have it has lost what it had synced: its disk lies. Nobody else may notice: such a replica
//! starts where the loss is newer than its watermark. openraft takes such an answer for a bug (an assertion, and without
//! assertions a search in a range that ends before it begins), so it never hears it.
//!
//! What is counted here is only what was acknowledged before a frame was sent: an answer of before the loss that comes late
//! accuses nobody, and a new leader, to whom nothing was acknowledged yet, finds the conflicts of any election.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{LogId, Vote};

/// Of every peer, in the newest leadership of this replica.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged(Mutex<BTreeMap<u64, OfPeer>>);

#[derive(Debug)]
struct OfPeer {
    /// The leadership that all of this is of.
    vote: Vote,
    up_to: Option<LogId>,
    taken_back: bool,
}

impl Acknowledged {
    fn peers(&self) -> MutexGuard<'_, BTreeMap<u64, OfPeer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to where `peer` has acknowledged to the leader of `vote`.
    pub(super) fn up_to(&self, peer: u64, vote: &Vote) -> Option<LogId> {
        self.peers().get(&peer).filter(|known| known.vote == *vote)?.up_to
    }

    /// `peer` says that it has everything up to there, synced.
    pub(super) fn note(&self, peer: u64, vote: &Vote, up_to: Option<LogId>) {
        let mut peers = self.peers();
        let known = peers.entry(peer).or_insert_with(|| OfPeer { vote: *vote, up_to: None, taken_back: false });
        if known.vote != *vote {
            *known = OfPeer { vote: *vote, up_to: None, taken_back: false };
        }
        known.up_to = known.up_to.max(up_to);
    }

    /// `peer` does not have the entry at `missing`. `before` is what it had acknowledged when it was asked.
    /// True where that is news: it is not to be counted any more.
    pub(super) fn is_taken_back(&self, peer: u64, vote: &Vote, missing: LogId, before: Option<LogId>) -> bool {
        let mut peers = self.peers();
        let known = peers.get_mut(&peer).filter(|known| known.vote == *vote);
        let lost = before.is_some_and(|before| missing.index <= before.index);
        known.is_some_and(|known| lost && !std::mem::replace(&mut known.taken_back, true))
    }

    /// Whether `peer` is not counted in the leadership of `vote`.
    pub(super) fn is_distrusted(&self, peer: u64, vote: &Vote) -> bool {
        self.peers().get(&peer).is_some_and(|known| known.vote == *vote && known.taken_back)
    }

    /// Who is not counted in the leadership of that term.
    pub(crate) fn distrusted(&self, term: u64) -> Vec<u64> {
        let peers = self.peers();
        let of_term = peers.iter().filter(|(_, known)| known.taken_back && known.vote.leader_id.term == term);
        of_term.map(|(peer, _)| *peer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(term: u64, index: u64) -> LogId {
        LogId::new(openraft::vote::leader_id_std::CommittedLeaderId::new(term), index)
    }

    #[test]
    fn who_lacks_what_it_acknowledged_is_distrusted_until_another_leadership() {
        let (known, vote) = (Acknowledged::default(), Vote::new_committed(3, 1));
        known.note(2, &vote, Some(id(2, 7)));
        known.note(2, &vote, Some(id(2, 5)));
        let before = known.up_to(2, &vote);
        assert_eq!(before, Some(id(2, 7)), "the newest counts");
        assert!(!known.is_taken_back(2, &vote, id(3, 8), before), "it never had that");
        assert!(!known.is_distrusted(2, &vote));
        assert!(known.is_taken_back(2, &vote, id(2, 7), before), "news");
        assert!(!known.is_taken_back(2, &vote, id(2, 7), before), "no news");
        assert!(known.is_distrusted(2, &vote) && !known.is_distrusted(3, &vote));
        assert_eq!((known.distrusted(3), known.distrusted(4)), (vec![2], vec![]));
        let later = Vote::new_committed(4, 1);
        assert!(!known.is_distrusted(2, &later) && known.up_to(2, &later).is_none());
        known.note(2, &later, Some(id(2, 5)));
        assert!(!known.is_distrusted(2, &later) && known.distrusted(3).is_empty());
    }

    #[test]
    fn a_conflict_with_what_was_acknowledged_after_the_frame_was_sent_accuses_nobody() {
        let (known, vote) = (Acknowledged::default(), Vote::new_committed(3, 1));
        let before = known.up_to(2, &vote);
        known.note(2, &vote, Some(id(2, 7)));
        assert!(!known.is_taken_back(2, &vote, id(2, 6), before));
        assert!(known.distrusted(3).is_empty());
    }
}

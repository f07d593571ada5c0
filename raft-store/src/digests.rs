//! What the state was worth at the last indices: what replicas compare (P8).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Indices that are remembered: at ten thousand entries a second, what was applied within the last half second.
const INDICES_MAX: usize = 4_096;

/// The last digests, by index.
#[derive(Debug, Default)]
pub(crate) struct Digests(Mutex<VecDeque<(u64, u128)>>);

impl Digests {
    fn held(&self) -> MutexGuard<'_, VecDeque<(u64, u128)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state at `index`, which is newer than all before, is worth `digest`.
    pub(crate) fn note(&self, index: u64, digest: u128) {
        let mut held = self.held();
        if held.len() >= INDICES_MAX {
            held.pop_front();
        }
        held.push_back((index, digest));
    }

    /// `None`: not applied yet, or forgotten.
    pub(crate) fn at(&self, index: u64) -> Option<u128> {
        let held = self.held();
        held.binary_search_by_key(&index, |(index, _)| *index).ok().map(|at| held[at].1)
    }

    /// Of the index applied last.
    pub(crate) fn newest(&self) -> Option<(u64, u128)> {
        self.held().back().copied()
    }

    /// The state was replaced as a whole.
    pub(crate) fn forget(&self) {
        self.held().clear();
    }
}

/// What a comparison says to the replica that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nobody who answered differs, or most voters hold what this replica holds: those who differ stop themselves.
    Sound,
    /// Most voters hold something else: this replica must end.
    Astray(String),
    /// Some differ, and no majority holds the same: nothing may be accepted any more.
    Split(String),
}

/// Compares what `voters` hold at `index`, as far as they answered, with `own`.
pub(crate) fn judge(index: u64, own: u128, voters: usize, answered: &BTreeMap<u64, u128>) -> Verdict {
    let mut holders: BTreeMap<u128, Vec<u64>> = BTreeMap::new();
    for (replica, digest) in answered {
        holders.entry(*digest).or_default().push(*replica);
    }
    if holders.keys().all(|digest| *digest == own) {
        return Verdict::Sound;
    }
    let says = |who: String| format!("the replicated state differs at entry {index}: here {own:032x}, {who}");
    match holders.iter().find(|(_, replicas)| replicas.len() * 2 > voters) {
        Some((digest, _)) if *digest == own => Verdict::Sound,
        Some((digest, replicas)) => Verdict::Astray(says(format!("at replicas {replicas:?} {digest:032x}"))),
        None => {
            let others: Vec<String> =
                holders.iter().map(|(digest, replicas)| format!("at replicas {replicas:?} {digest:032x}")).collect();
            Verdict::Split(says(others.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(own: u128, voters: usize, answered: &[(u64, u128)]) -> Verdict {
        judge(40, own, voters, &answered.iter().copied().collect())
    }

    #[test]
    fn who_differs_from_most_voters_is_astray() {
        assert_eq!(verdict(7, 3, &[(1, 7), (2, 7), (3, 7)]), Verdict::Sound);
        assert_eq!(verdict(7, 3, &[(1, 7), (2, 7), (3, 8)]), Verdict::Sound, "the third stops itself");
        let Verdict::Astray(why) = verdict(8, 3, &[(1, 7), (2, 7), (3, 8)]) else { panic!("went on") };
        assert_eq!(
            why,
            "the replicated state differs at entry 40: here 00000000000000000000000000000008, at replicas [1, 2] \
             00000000000000000000000000000007"
        );
    }

    #[test]
    fn a_learner_is_judged_by_the_voters() {
        assert!(matches!(verdict(8, 1, &[(1, 7)]), Verdict::Astray(_)));
    }

    #[test]
    fn without_a_majority_nobody_goes_on() {
        assert!(matches!(verdict(7, 3, &[(1, 7), (2, 8)]), Verdict::Split(_)), "the third did not answer");
        assert!(matches!(verdict(7, 3, &[(1, 7), (2, 8), (3, 9)]), Verdict::Split(_)));
        assert!(matches!(verdict(7, 2, &[(1, 7), (2, 8)]), Verdict::Split(_)));
        assert_eq!(verdict(7, 3, &[(1, 7)]), Verdict::Sound, "nobody else answered");
    }

    #[test]
    fn the_last_indices_are_remembered() {
        let digests = Digests::default();
        assert_eq!(digests.newest(), None);
        for index in 10..10 + INDICES_MAX as u64 + 5 {
            digests.note(index, u128::from(index) * 3);
        }
        assert_eq!((digests.at(14), digests.at(15)), (None, Some(45)));
        assert_eq!(digests.newest().unwrap().0, 10 + INDICES_MAX as u64 + 4);
    }
}

//! Stories with a name, a fixed seed and faults of their own: each is one way in which a cluster of this kind was lost before.
//!
//! `sim --story NAME` plays one with its trace; `sim --stories` lists them.

mod a_leader_ahead_of_its_time;
mod a_leader_without_a_quorum;
mod a_node_lost_as_it_returns;
mod a_spool_wiped_under_living_steps;
mod all_lose_power_thrice;
mod launches_late_for_their_cancels;
mod leaders_die_one_after_the_other;

use super::faults::{Fault, What};

/// See the module.
#[derive(Debug, PartialEq, Eq)]
pub struct Story {
    /// As its file.
    pub name: &'static str,
    /// Decides everything that the faults leave open.
    pub seed: u64,
    /// What happens, in order of time.
    pub(super) faults: &'static [Fault],
    /// Counts that must not be 0, or nothing was told.
    pub must_reach: &'static [&'static str],
}

/// All of them.
pub const ALL: [&Story; 7] = [
    &a_leader_ahead_of_its_time::STORY,
    &a_leader_without_a_quorum::STORY,
    &a_node_lost_as_it_returns::STORY,
    &a_spool_wiped_under_living_steps::STORY,
    &all_lose_power_thrice::STORY,
    &launches_late_for_their_cancels::STORY,
    &leaders_die_one_after_the_other::STORY,
];

/// `what` at `at_ms`, for `for_ms`.
const fn fault(at_ms: u64, for_ms: u64, what: What) -> Fault {
    Fault { at_ms, for_ms, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_are_told_in_the_order_of_time_and_named_once() {
        for story in ALL {
            assert!(story.faults.is_sorted_by_key(|fault| fault.at_ms), "{}", story.name);
            assert_eq!(ALL.iter().filter(|other| other.name == story.name).count(), 1, "{}", story.name);
            let known = |state: &&str| super::super::states::STATES.contains(state);
            assert!(story.must_reach.iter().all(known), "{}: {:?}", story.name, story.must_reach);
        }
    }
}

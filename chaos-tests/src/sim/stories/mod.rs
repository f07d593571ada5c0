//! Stories with a name, a fixed seed and faults of their own: each is one way in which a cluster of this kind was lost before.
//!
//! `sim --story NAME` plays one with its trace; `sim --stories` lists them; `tests/stories.rs` plays them all.

mod a_clock_put_right_as_others_are_asked;
mod a_damaged_log;
mod a_leader_ahead_of_its_time;
mod a_leader_dies_and_nothing_else;
mod a_leader_restarted_on_old_state;
mod a_leader_without_a_quorum;
mod a_network_fault;
mod a_node_lost_as_it_returns;
mod a_power_cut_as_logs_are_purged;
mod a_power_cut_between_rows_and_log;
mod a_program_put_back;
mod a_spool_wiped_under_living_steps;
mod all_lose_power_thrice;
mod devices_of_every_manner;
mod disks_replaced_one_after_the_other;
mod late_strike;
mod launches_late_for_their_cancels;
mod leaders_die_at_each_step_of_a_fence;
mod leaders_die_one_after_the_other;
mod leases;
mod noded_dies_under_steps;
mod nodes_return_as_they_are_given_up;
mod retries_that_must_not_be_carried_out;
mod the_dead_return_after_forced_recovery;
mod two_reinstalled_replicas;

use super::bmc::Manner;
use super::faults::{Fault, What};
use super::moment::{Moment, Step};

/// See the module.
#[derive(Debug, PartialEq, Eq)]
pub struct Story {
    /// As its file, or one of several in it.
    pub name: &'static str,
    /// Decides everything that the story leaves open.
    pub seed: u64,
    /// Controllers.
    pub replicas: usize,
    /// Devices that switch nodes off, where the site has them.
    pub(super) devices: Option<Devices>,
    /// Whether nodes keep leases.
    pub(super) leases: bool,
    /// What happens, in order of time.
    pub(super) faults: &'static [Fault],
    /// What happens as soon as the run has come so far, once.
    pub(super) then: Option<(Moment, &'static [Fault])>,
    /// Whether somebody repeats requests as nobody may.
    pub(super) repeats: bool,
    /// Whether a job runs on the first node before anything fails, and would for as long as the story.
    pub(super) lasting: bool,
    /// Whether controllers begin with an older program than there is.
    pub(super) upgrades: bool,
    /// Counts that must not be 0, or nothing was told.
    pub(super) must_reach: &'static [&'static str],
    /// Counts that must be 0.
    pub(super) must_not_reach: &'static [&'static str],
}

/// Of every node of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Devices {
    /// Of the first level.
    pub(super) manner: Manner,
    /// `MaxFences`.
    pub(super) max_fences: u32,
}

/// All of them.
pub const ALL: [&Story; 36] = [
    &a_clock_put_right_as_others_are_asked::STORY,
    &a_damaged_log::STORY,
    &a_leader_ahead_of_its_time::STORY,
    &a_leader_dies_and_nothing_else::STORY,
    &a_leader_restarted_on_old_state::STORY,
    &a_leader_without_a_quorum::STORY,
    &a_network_fault::STORY,
    &a_node_lost_as_it_returns::STORY,
    &a_power_cut_as_logs_are_purged::STORY,
    &a_power_cut_between_rows_and_log::STORY,
    &a_program_put_back::STORY,
    &a_spool_wiped_under_living_steps::STORY,
    &all_lose_power_thrice::STORY,
    &devices_of_every_manner::SLOW,
    &devices_of_every_manner::DEAD,
    &devices_of_every_manner::LYING,
    &devices_of_every_manner::DOUBLED,
    &disks_replaced_one_after_the_other::STORY,
    &late_strike::STORY,
    &launches_late_for_their_cancels::STORY,
    &leases::CUT_OFF,
    &leases::NEXT_LEADER,
    &leases::NO_QUORUM,
    &leases::RENEWED,
    &leases::FENCED,
    &leaders_die_at_each_step_of_a_fence::REQUESTED,
    &leaders_die_at_each_step_of_a_fence::CALLED,
    &leaders_die_at_each_step_of_a_fence::STRUCK,
    &leaders_die_at_each_step_of_a_fence::ASKED,
    &leaders_die_at_each_step_of_a_fence::CONFIRMED,
    &leaders_die_one_after_the_other::STORY,
    &nodes_return_as_they_are_given_up::STORY,
    &noded_dies_under_steps::STORY,
    &retries_that_must_not_be_carried_out::STORY,
    &the_dead_return_after_forced_recovery::STORY,
    &two_reinstalled_replicas::STORY,
];

/// What most stories leave as it is.
const PLAIN: Story = Story {
    name: "",
    seed: 0,
    replicas: 3,
    devices: None,
    leases: false,
    faults: &[],
    then: None,
    repeats: false,
    lasting: false,
    upgrades: false,
    must_reach: &[],
    must_not_reach: &[],
};

/// Devices that do what they are told.
const WORKING: Option<Devices> = Some(Devices { manner: Manner::Well, max_fences: 3 });

/// `what` at `at_ms`, for `for_ms`.
const fn fault(at_ms: u64, for_ms: u64, what: What) -> Fault {
    Fault { at_ms, for_ms, what }
}

impl Story {
    /// Of its name.
    pub fn named(name: &str) -> Option<&'static Story> {
        ALL.into_iter().find(|story| story.name == name)
    }

    /// States that it is about and that the run did not reach, given how often it reached what. A fault of the story's under its
    /// own seed only: under another one, chance may go another way.
    pub(super) fn untold(&self, reached: impl Fn(&str) -> u64) -> Vec<String> {
        let missing = self.must_reach.iter().filter(|state| reached(state) == 0);
        missing.map(|state| format!("the story was not told: no {state}")).collect()
    }

    /// What must not come of it under any seed, and did.
    pub(super) fn unwanted(&self, reached: impl Fn(&str) -> u64) -> Vec<String> {
        let unwanted = self.must_not_reach.iter().filter(|state| reached(state) != 0);
        unwanted.map(|state| format!("the story ended otherwise: {state}")).collect()
    }
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
            assert!(story.must_not_reach.iter().all(known), "{}: {:?}", story.name, story.must_not_reach);
        }
    }
}

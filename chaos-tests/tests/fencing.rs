//! Stories about fencing, with seeds that reach what they are about. Each runs twice, in processes of its own.

mod seed;

use seed::{count, twice};

/// A story of `sim/scenario.rs`, a seed, and what the run must have reached.
const STORIES: [(&str, u64, &[&str]); 11] = [
    ("leader-dies-requested", 1, &["scenario steps reached", "leader crashes", "strikes"]),
    ("leader-dies-called", 1, &["scenario steps reached", "leader crashes", "strikes"]),
    ("leader-dies-struck", 1, &["scenario steps reached", "leader crashes", "strikes on a boot that nobody fences"]),
    ("leader-dies-asked", 1, &["scenario steps reached", "leader crashes", "strikes"]),
    ("leader-dies-confirmed", 1, &["scenario steps reached", "leader crashes", "fences confirmed"]),
    ("slow-device", 1, &["strikes", "fence calls repeated", "fences confirmed"]),
    ("dead-device", 1, &["fence calls repeated", "fences confirmed"]),
    ("lying-device", 3, &["fence levels that failed", "fences confirmed"]),
    ("doubled-device", 1, &["strikes", "fences confirmed"]),
    ("node-returns", 1, &["node reboots", "fences asked for"]),
    ("network-fault", 2, &["nodes lost", "fences held back", "fences cancelled"]),
];

/// Seeds with devices of all manners under the faults of the seed.
const STORMS: [u64; 2] = [2, 4];

#[test]
fn a_leader_may_die_at_every_step_of_a_fence_and_its_late_strike_finds_no_work() {
    tell("leader-dies");
}

#[test]
fn devices_may_be_slow_or_dead_or_lie_or_strike_twice() {
    tell("device");
}

#[test]
fn nodes_that_return_as_they_are_given_up_are_left_alone() {
    tell("node-returns");
}

#[test]
fn a_network_fault_of_the_controllers_switches_nobody_off() {
    let said = tell("network-fault");
    assert_eq!(count(&said, "strikes"), 0, "{said}");
}

#[test]
fn promises_hold_under_faults_where_nodes_are_fenced() {
    for seed in STORMS {
        twice(seed, &["--fencing"]);
    }
}

/// Every story whose name has `part` in it; what the last run printed.
fn tell(part: &str) -> String {
    let mut last = String::new();
    for (name, seed, wanted) in STORIES.into_iter().filter(|(name, ..)| name.contains(part)) {
        last = twice(seed, &["--scenario", name]);
        for what in wanted {
            assert!(count(&last, what) > 0, "{name}, seed {seed}: no {what}:\n{last}");
        }
    }
    last
}

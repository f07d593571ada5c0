//! Whoever is elected dies soon, eight times; each comes back with the log that it had kept.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "leaders-die-one-after-the-other",
    seed: 2_107,
    faults: &[
        fault(1_000, 400, What::CrashLeader),
        fault(2_200, 400, What::CrashLeader),
        fault(3_400, 400, What::CrashLeader),
        fault(4_600, 900, What::CrashLeader),
        fault(6_300, 400, What::CrashLeader),
        fault(7_500, 400, What::CrashLeader),
        fault(8_700, 1_500, What::CrashLeader),
        fault(10_800, 400, What::CrashLeader),
    ],
    must_reach: &["leader crashes", "elections won"],
    ..PLAIN
};

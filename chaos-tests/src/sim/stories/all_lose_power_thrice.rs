//! Every controller loses its power at once, three times, the last time while it comes back.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "all-lose-power-thrice",
    seed: 2_105,
    faults: &[
        fault(1_500, 300, What::CrashAll),
        fault(4_500, 1_000, What::CrashAll),
        fault(6_000, 200, What::CrashAll),
    ],
    must_reach: &["power cuts of all controllers", "elections won"],
    ..PLAIN
};

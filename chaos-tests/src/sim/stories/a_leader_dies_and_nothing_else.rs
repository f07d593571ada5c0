//! Leaders lose their power for long, one after the other, and nothing else happens: another one leads within two seconds.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-leader-dies-and-nothing-else",
    seed: 2_111,
    faults: &[fault(1_500, 4_500, What::CrashLeader), fault(6_500, 4_500, What::CrashLeader)],
    must_reach: &["leader crashes", "elections won"],
    ..PLAIN
};

//! Leaders that no other controller hears, and that clients and nodes do: each must stop acting, and answer nobody.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-leader-without-a-quorum",
    seed: 2_102,
    faults: &[
        fault(1_000, 2_500, What::IsolateLeader),
        fault(4_500, 2_500, What::IsolateLeader),
        fault(8_000, 4_000, What::IsolateLeader),
    ],
    must_reach: &["isolated leaders", "elections won"],
    ..PLAIN
};

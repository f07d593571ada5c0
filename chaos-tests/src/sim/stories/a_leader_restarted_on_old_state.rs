//! A leader that loses power starts again at once, and reaches no other controller: its state is old, and it must not act.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-leader-restarted-on-old-state",
    seed: 2110,
    faults: &[
        fault(1_500, 2_500, What::LeaderReturnsAlone),
        fault(5_000, 3_000, What::LeaderReturnsAlone),
        fault(9_500, 2_500, What::LeaderReturnsAlone),
    ],
    must_reach: &["leaders that return alone", "elections won"],
    ..PLAIN
};

//! Node daemons are killed while what they started runs, and come back: it goes on, and its end counts.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "noded-dies-under-steps",
    seed: 2_113,
    lasting: true,
    faults: &[
        fault(1_500, 300, What::KillNoded(0)),
        fault(2_500, 300, What::KillNoded(1)),
        fault(3_500, 300, What::KillNoded(2)),
        fault(4_500, 300, What::KillNoded(3)),
        fault(6_000, 900, What::KillNoded(0)),
        fault(8_000, 900, What::KillNoded(1)),
        fault(9_000, 300, What::KillNoded(0)),
    ],
    must_reach: &["noded kills"],
    ..PLAIN
};

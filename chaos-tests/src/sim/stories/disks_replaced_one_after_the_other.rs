//! Every controller gets an empty disk, one after the other, with jobs running: each rejoins under a new identity.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "disks-replaced-one-after-the-other",
    seed: 2109,
    faults: &[
        fault(1_500, 300, What::WipeDisk(0)),
        fault(4_500, 300, What::WipeDisk(1)),
        fault(7_500, 300, What::WipeDisk(2)),
        fault(10_500, 300, What::WipeDisk(0)),
    ],
    must_reach: &["disks replaced", "membership changes"],
    ..PLAIN
};

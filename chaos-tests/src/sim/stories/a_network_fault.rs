//! The controllers lose every node at once: more than the storm guard lets them fence. Nobody is switched off.

use super::{Devices, Manner, PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-network-fault",
    seed: 2,
    devices: Some(Devices { manner: Manner::Well, max_fences: 1 }),
    faults: &[
        fault(1_500, 8_000, What::CutNode(0)),
        fault(1_500, 8_000, What::CutNode(1)),
        fault(1_500, 8_000, What::CutNode(2)),
        fault(1_500, 8_000, What::CutNode(3)),
    ],
    must_reach: &["nodes lost", "fences held back", "fences cancelled"],
    must_not_reach: &["strikes", "strikes on a boot that nobody fences"],
    ..PLAIN
};

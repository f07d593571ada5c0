//! Nodes that hear nothing for a while, and a slow net: what a cancelled job was ordered to do arrives after its cancel.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "launches-late-for-their-cancels",
    seed: 2_106,
    faults: &[
        fault(500, 12_000, What::SlowNet(150)),
        fault(800, 1_500, What::DeafenNode(0)),
        fault(1_200, 1_500, What::DeafenNode(1)),
        fault(2_000, 300, What::CrashLeader),
        fault(4_000, 1_700, What::DeafenNode(2)),
        fault(5_000, 1_700, What::DeafenNode(3)),
        fault(5_500, 300, What::CrashLeader),
        fault(8_000, 1_600, What::DeafenNode(0)),
        fault(8_500, 1_600, What::DeafenNode(2)),
    ],
    must_reach: &["nodes that hear nothing", "slow networks", "leader crashes"],
    ..PLAIN
};

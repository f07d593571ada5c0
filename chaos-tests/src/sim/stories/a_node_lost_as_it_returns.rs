//! Nodes are silent for about as long as SlurmdTimeout: NodeLost may reach a node that has just returned, and is void then.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-node-lost-as-it-returns",
    seed: 2_103,
    faults: &[
        fault(500, 2_050, What::CutNode(0)),
        fault(900, 2_250, What::MuteNode(1)),
        fault(3_600, 2_150, What::CutNode(2)),
        fault(4_000, 2_350, What::MuteNode(3)),
        fault(6_800, 2_450, What::CutNode(0)),
        fault(7_200, 300, What::CrashLeader),
        fault(9_400, 2_550, What::MuteNode(2)),
        fault(9_600, 2_200, What::CutNode(1)),
    ],
    must_reach: &["nodes cut off", "nodes without a voice", "nodes lost"],
    ..PLAIN
};

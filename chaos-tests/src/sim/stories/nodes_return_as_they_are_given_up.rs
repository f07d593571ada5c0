//! Nodes with devices come back just when they are given up: whoever is back is left alone.

use super::{PLAIN, Story, WORKING, What, fault};

pub(super) const STORY: Story = Story {
    name: "node-returns",
    seed: 1,
    devices: WORKING,
    faults: &[
        fault(1_000, 1_850, What::RebootNode(0)),
        fault(3_500, 1_910, What::MuteNode(0)),
        fault(6_000, 1_970, What::RebootNode(0)),
        fault(8_500, 2_030, What::MuteNode(0)),
        fault(11_000, 2_090, What::RebootNode(0)),
        fault(13_500, 2_150, What::MuteNode(0)),
    ],
    must_reach: &["node reboots", "fences asked for"],
    ..PLAIN
};

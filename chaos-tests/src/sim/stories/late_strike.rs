//! The leader is cut off, not dead, while its slow device works: the strike falls on a node that has booted anew.

use super::{Devices, Manner, Moment, PLAIN, Step, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "late-strike",
    seed: 1,
    devices: Some(Devices { manner: Manner::Slow(3_500), max_fences: 3 }),
    faults: &[fault(1_500, 12_000, What::CutNode(0))],
    then: Some((
        Moment::Fence(Step::Called),
        &[fault(0, 0, What::Rejoin(0)), fault(0, 3_000, What::IsolateLeader), fault(0, 300, What::RebootNode(0))],
    )),
    must_reach: &["story moments reached", "isolated leaders", "node reboots"],
    ..PLAIN
};

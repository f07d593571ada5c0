//! A node is lost; whoever leads dies as soon as its fence has come so far. The next leader carries it to its end.

use super::{Fault, Moment, PLAIN, Step, Story, WORKING, What, fault};

const LOST: &[Fault] = &[fault(1_500, 12_000, What::CutNode(0))];
const DIES: &[Fault] = &[fault(0, 700, What::CrashLeader)];

pub(super) const REQUESTED: Story = Story {
    name: "leader-dies-requested",
    must_reach: &["story moments reached", "leader crashes", "strikes"],
    ..at(Step::Requested)
};

pub(super) const CALLED: Story = Story {
    name: "leader-dies-called",
    must_reach: &["story moments reached", "leader crashes", "strikes"],
    ..at(Step::Called)
};

/// Its own call strikes once more, when it is dead: no work may be there.
pub(super) const STRUCK: Story = Story {
    name: "leader-dies-struck",
    must_reach: &["story moments reached", "leader crashes", "strikes on a boot that nobody fences"],
    ..at(Step::Struck)
};

pub(super) const ASKED: Story = Story {
    name: "leader-dies-asked",
    must_reach: &["story moments reached", "leader crashes", "strikes"],
    ..at(Step::Asked)
};

pub(super) const CONFIRMED: Story = Story {
    name: "leader-dies-confirmed",
    must_reach: &["story moments reached", "leader crashes", "fences confirmed"],
    ..at(Step::Confirmed)
};

const fn at(step: Step) -> Story {
    Story { seed: 1, devices: WORKING, faults: LOST, then: Some((Moment::Fence(step), DIES)), ..PLAIN }
}

//! A node with work is lost; whoever leads dies as soon as its fence has come so far. The next leader carries it to its end.

use super::{Fault, Moment, PLAIN, Step, Story, WORKING, What, fault};
use crate::sim::states::STRIKES_ON_WORK;

const LOST: &[Fault] = &[fault(1_500, 12_000, What::CutNode(0))];
const DIES: &[Fault] = &[fault(0, 700, What::CrashLeader)];

pub(super) const REQUESTED: Story = Story {
    name: "leader-dies-requested",
    must_reach: &["story moments reached", "leader crashes", STRIKES_ON_WORK],
    ..at(Step::Requested)
};

pub(super) const CALLED: Story = Story {
    name: "leader-dies-called",
    must_reach: &["story moments reached", "leader crashes", STRIKES_ON_WORK],
    ..at(Step::Called)
};

/// Its own call strikes once more, when it is dead: no work may be there.
pub(super) const STRUCK: Story = Story {
    name: "leader-dies-struck",
    must_reach: &["story moments reached", "leader crashes", STRIKES_ON_WORK, "strikes on a boot that nobody fences"],
    ..at(Step::Struck)
};

pub(super) const ASKED: Story = Story {
    name: "leader-dies-asked",
    must_reach: &["story moments reached", "leader crashes", STRIKES_ON_WORK],
    ..at(Step::Asked)
};

pub(super) const CONFIRMED: Story = Story {
    name: "leader-dies-confirmed",
    must_reach: &["story moments reached", "leader crashes", "fences confirmed", STRIKES_ON_WORK],
    ..at(Step::Confirmed)
};

const fn at(step: Step) -> Story {
    Story { seed: 1, devices: WORKING, faults: LOST, lasting: true, then: Some((Moment::Fence(step), DIES)), ..PLAIN }
}

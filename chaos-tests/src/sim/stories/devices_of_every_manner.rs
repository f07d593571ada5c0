//! A node with work is lost, and the first device that shall switch it off is slow, dead, lies, or strikes twice.

use super::{Devices, Fault, Manner, PLAIN, Story, What, fault};
use crate::sim::states::STRIKES_ON_WORK;

const LOST: &[Fault] = &[fault(1_500, 12_000, What::CutNode(0))];

/// Later than its time-out: asked again before it has struck.
pub(super) const SLOW: Story = Story {
    name: "slow-device",
    seed: 1,
    must_reach: &[STRIKES_ON_WORK, "fence calls repeated", "fences confirmed"],
    ..of(Manner::Slow(3_500))
};

/// The next level serves.
pub(super) const DEAD: Story = Story {
    name: "dead-device",
    seed: 1,
    must_reach: &[STRIKES_ON_WORK, "fence calls repeated", "fences confirmed"],
    ..of(Manner::Dead)
};

/// What it acknowledges is no proof: the state is asked for.
pub(super) const LYING: Story = Story {
    name: "lying-device",
    seed: 3,
    must_reach: &[STRIKES_ON_WORK, "fence levels that failed", "fences confirmed"],
    ..of(Manner::Lying)
};

/// The second strike comes when the node may have booted.
pub(super) const DOUBLED: Story = Story {
    name: "doubled-device",
    seed: 1,
    must_reach: &[STRIKES_ON_WORK, "fences confirmed"],
    ..of(Manner::Doubled(2_500))
};

const fn of(manner: Manner) -> Story {
    Story { devices: Some(Devices { manner, max_fences: 3 }), faults: LOST, lasting: true, ..PLAIN }
}

//! Two of three controllers lose power, the third goes on alone; then one of the dead returns as it was. It has no part in it.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "the-dead-return-after-forced-recovery",
    seed: 2112,
    faults: &[fault(3_000, 6_000, What::LoseOthers), fault(5_000, 500, What::Recover)],
    must_reach: &["majorities lost", "forced recoveries", "removed replicas that ended"],
    ..PLAIN
};

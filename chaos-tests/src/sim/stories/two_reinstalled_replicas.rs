//! Two of three controllers come back with empty disks: they found no second cluster. Forced recovery of the third admits them.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "two-reinstalled-replicas",
    seed: 2111,
    faults: &[fault(3_000, 500, What::ReinstallOthers), fault(7_000, 500, What::Recover)],
    must_reach: &["majorities reinstalled", "forced recoveries", "membership changes"],
    ..PLAIN
};

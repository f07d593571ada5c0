//! A disk loses what it had synced: its controller refuses it, and comes back with an empty one under a new identity.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-damaged-log",
    seed: 2108,
    faults: &[
        fault(3_000, 2_000, What::DamageDisk(0)),
        fault(8_000, 2_000, What::DamageDisk(1)),
        fault(9_000, 400, What::CrashLeader),
    ],
    must_reach: &["disks that lost what was synced", "damaged stores refused", "membership changes"],
    ..PLAIN
};

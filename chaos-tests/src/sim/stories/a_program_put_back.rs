//! A rolling upgrade that is given up in the middle: the old program comes back and is half of the majority. Then it is carried
//! through, the level is raised, and the old program comes too late.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-program-put-back",
    seed: 2_131,
    upgrades: true,
    faults: &[
        fault(1_000, 300, What::Upgrade(0)),
        fault(2_000, 300, What::Upgrade(1)),
        fault(3_500, 300, What::Downgrade(0)),
        // Nothing goes on without the old program now.
        fault(4_500, 3_000, What::CrashController(2)),
        fault(8_000, 200, What::Upgrade(0)),
        fault(8_800, 200, What::Upgrade(2)),
        fault(10_000, 0, What::RaiseLevel),
        fault(11_000, 200, What::Downgrade(1)),
        fault(12_500, 500, What::CrashLeader),
    ],
    must_reach: &[
        "programs upgraded",
        "programs put back",
        "older programs that served",
        "upgrades",
        "older programs refused",
    ],
    ..PLAIN
};

//! Single controllers and all of them lose power again and again: rows that were applied and not flushed come from the log.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-power-cut-between-rows-and-log",
    seed: 2114,
    faults: &[
        fault(500, 13_000, What::SlowDisk(0, 30)),
        fault(500, 13_000, What::SlowDisk(1, 30)),
        fault(500, 13_000, What::SlowDisk(2, 30)),
        fault(1_000, 200, What::CrashController(0)),
        fault(1_700, 200, What::CrashController(1)),
        fault(2_400, 200, What::CrashController(2)),
        fault(3_500, 200, What::CrashAll),
        fault(5_000, 200, What::CrashAll),
        fault(6_500, 200, What::CrashController(0)),
        fault(7_200, 200, What::CrashController(1)),
        fault(7_900, 200, What::CrashController(2)),
        fault(9_500, 200, What::CrashAll),
    ],
    must_reach: &["power cuts of all controllers", "controller crashes", "unsynced writes lost"],
    ..PLAIN
};

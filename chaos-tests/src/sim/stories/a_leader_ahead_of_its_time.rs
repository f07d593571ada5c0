//! The leader's clock jumps a year ahead, twice: no time limit may end, no request may expire, before a majority agrees.

use super::{PLAIN, Story, What, fault};

const YEAR_MS: i64 = 365 * 24 * 3_600 * 1_000;

pub(super) const STORY: Story = Story {
    name: "a-leader-ahead-of-its-time",
    seed: 2_101,
    faults: &[
        fault(1_500, 4_000, What::LeaderClockAhead(YEAR_MS)),
        fault(7_000, 3_000, What::LeaderClockAhead(YEAR_MS)),
        fault(8_500, 500, What::CrashLeader),
    ],
    must_reach: &["leaders' clocks ahead", "leader crashes", "elections won"],
    ..PLAIN
};

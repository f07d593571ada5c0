//! The leader's clock is a year ahead for a moment, and right again before the others have said what theirs show.

use super::{Fault, PLAIN, Story, What, fault};

const YEAR_MS: i64 = 365 * 24 * 3_600 * 1_000;
/// Shorter than it takes to ask, ms.
const AHEAD_MS: u64 = 60;

pub(super) const STORY: Story = Story {
    name: "a-clock-put-right-as-others-are-asked",
    seed: 2_112,
    faults: &[
        fault(500, 13_000, What::SlowNet(80)),
        ahead(1_500),
        ahead(2_800),
        ahead(4_100),
        ahead(5_400),
        ahead(6_700),
        ahead(8_000),
        ahead(9_300),
        ahead(10_600),
        ahead(11_900),
    ],
    must_reach: &["leaders' clocks ahead", "slow networks"],
    ..PLAIN
};

/// Further apart than a refused step is not tried again.
const fn ahead(at_ms: u64) -> Fault {
    fault(at_ms, AHEAD_MS, What::LeaderClockAhead(YEAR_MS))
}

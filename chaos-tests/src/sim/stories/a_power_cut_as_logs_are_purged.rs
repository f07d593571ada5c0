//! Every controller loses power as the first log was purged: what is gone from the log must be in the rows that were flushed.

use super::{Moment, PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-power-cut-as-logs-are-purged",
    seed: 2_113,
    then: Some((Moment::LogPurged, &[fault(0, 500, What::CrashAll)])),
    must_reach: &["logs purged", "power cuts of all controllers", "story moments reached"],
    ..PLAIN
};

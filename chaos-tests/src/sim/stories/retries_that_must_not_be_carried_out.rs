//! A request is repeated under the next leader, with other content, by another user, and after its validity.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "retries-that-must-not-be-carried-out",
    seed: 2115,
    repeats: true,
    faults: &[fault(3_000, 500, What::CrashLeader), fault(6_000, 500, What::CrashLeader)],
    must_reach: &["repeats answered as at first", "repeats refused", "leader crashes"],
    ..PLAIN
};

//! Somebody removes noded's directory while steps live: a new spool in an old boot proves nothing. The next boot does.

use super::{PLAIN, Story, What, fault};

pub(super) const STORY: Story = Story {
    name: "a-spool-wiped-under-living-steps",
    seed: 2_104,
    faults: &[
        fault(3_000, 200, What::WipeSpool(0)),
        fault(5_000, 700, What::WipeSpool(1)),
        fault(8_000, 500, What::RebootNode(0)),
        fault(9_000, 500, What::RebootNode(1)),
    ],
    must_reach: &["wiped spools", "node reboots"],
    ..PLAIN
};

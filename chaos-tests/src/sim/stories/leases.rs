//! Nodes that keep leases: each ends its own work before the leader counts it as over, whoever leads by then.

use super::{PLAIN, Story, WORKING, What, fault};
use crate::sim::states::{LEASES_OVER, PROVEN_BY_TIME};

/// A node with work is cut off for good.
pub(super) const CUT_OFF: Story = Story {
    name: "lease-of-a-node-that-is-cut-off",
    seed: 6,
    faults: &[fault(1_500, 12_000, What::CutNode(0))],
    must_reach: &["nodes cut off", "nodes lost", LEASES_OVER, PROVEN_BY_TIME],
    ..LEASED
};

/// … and its leader dies when the node is lost: the next one counts from its own barrier. noded is dead too, for a while, on
/// another node that is cut off: supervisors are enough.
pub(super) const NEXT_LEADER: Story = Story {
    name: "lease-counted-by-the-next-leader",
    seed: 6,
    faults: &[
        fault(1_500, 12_000, What::CutNode(0)),
        fault(1_600, 11_800, What::CutNode(1)),
        fault(2_000, 9_000, What::KillNoded(1)),
        fault(4_200, 700, What::CrashLeader),
        fault(12_000, 300, What::CrashLeader),
    ],
    must_reach: &["noded kills", "leader crashes", "nodes lost", LEASES_OVER, PROVEN_BY_TIME],
    ..LEASED
};

/// A leader that nobody follows any more hears a node which nobody else hears: it must renew nothing.
pub(super) const NO_QUORUM: Story = Story {
    name: "lease-under-a-leader-without-a-quorum",
    seed: 6,
    faults: &[fault(1_500, 12_000, What::IsolateLeaderWith(0))],
    must_reach: &["leaders isolated with a node", "elections won", LEASES_OVER, PROVEN_BY_TIME],
    ..LEASED
};

/// Leaders die one after the other, and no node is cut off: every lease is renewed in time, and no work ends.
pub(super) const RENEWED: Story = Story {
    name: "leases-renewed-by-leader-after-leader",
    seed: 2_123,
    faults: &[
        fault(1_000, 400, What::CrashLeader),
        fault(3_500, 400, What::CrashLeader),
        fault(6_000, 400, What::IsolateLeader),
        fault(8_500, 400, What::CrashLeader),
        fault(11_000, 300, What::KillNoded(0)),
    ],
    must_reach: &["leader crashes", "elections won"],
    must_not_reach: &[LEASES_OVER, PROVEN_BY_TIME, "nodes lost"],
    ..LEASED
};

/// Devices that work, and leases: either is proof, whichever comes first.
pub(super) const FENCED: Story = Story {
    name: "lease-and-fence",
    seed: 2_124,
    devices: WORKING,
    faults: &[fault(1_500, 12_000, What::CutNode(0)), fault(3_000, 3_600, What::CutNode(1))],
    must_reach: &["nodes cut off", "nodes lost", LEASES_OVER, "fences confirmed"],
    ..LEASED
};

const LEASED: Story = Story { leases: true, lasting: true, ..PLAIN };

//! Everything that runs can reach and that a soak says of: what is not reached is not tested.

/// A node refused an order of a leader that was no more.
pub(super) const OLDER_AUTHORITY: &str = "orders of an older authority refused";
/// A node refused an order meant for its last life.
pub(super) const OTHER_EPOCH: &str = "orders for another epoch refused";
/// A controller acknowledged a report that no longer meant anything.
pub(super) const STALE_REPORTS: &str = "stale reports";
/// A leader gave its office away.
pub(super) const HAND_OVERS: &str = "leadership handed over";

/// An older program that was put back before the level was raised followed or led, and applied what was new.
pub(super) const OLD_PROGRAMS_SERVED: &str = "older programs that served";

/// A program that was older than what was in force ended, and said so.
pub(super) const OLD_PROGRAMS_REFUSED: &str = "older programs refused";

/// A node's lease ended, and work with it.
pub(super) const LEASES_OVER: &str = "leases that ended work";
/// A leader counted what ran on a lost node as over, because its lease was.
pub(super) const PROVEN_BY_TIME: &str = "nodes proven dead by time";

/// A fence ended processes.
pub(super) const STRIKES_ON_WORK: &str = "strikes that ended work";

/// Stories that, under a seed which is not theirs, did not come to what they are about. No state to be reached.
pub(super) const UNTOLD: &str = "stories not told under a seed of another's";

/// As runs count them.
pub const STATES: &[&str] = &[
    // Faults.
    "bridges between controllers",
    "clients cut off",
    "controller crashes",
    "controllers cut off",
    "isolated leaders",
    "leaders isolated with a node",
    "leader crashes",
    "leaders without a voice",
    "leaders' clocks ahead",
    "links that flap",
    "node reboots",
    "noded kills",
    "nodes cut off",
    "nodes that hear nothing",
    "nodes without a voice",
    "one-way partitions",
    "power cuts of all controllers",
    "slow disks",
    "slow networks",
    "wiped spools",
    // What came of them.
    "attempts of requeued jobs",
    "boots registered",
    "elections won",
    "logs purged",
    "logs truncated",
    "nodes lost",
    OLDER_AUTHORITY,
    OTHER_EPOCH,
    "shares that wait for proof",
    "snapshots installed",
    STALE_REPORTS,
    HAND_OVERS,
    "submits repeated until they were answered",
    "submits without an answer",
    "time limits passed",
    "unsynced writes lost",
    // Where nodes keep leases.
    LEASES_OVER,
    PROVEN_BY_TIME,
    // Where nodes can be fenced.
    "fence calls repeated",
    "fence levels that failed",
    "fences asked for",
    "fences cancelled",
    "fences confirmed",
    "fences held back",
    "fences overtaken",
    "fences started",
    "repeats answered as at first",
    "repeats by another user",
    "repeats refused",
    "story moments reached",
    "strikes",
    STRIKES_ON_WORK,
    "strikes on a boot that nobody fences",
    // Where the cluster itself changes.
    "clocks that jump",
    "controllers that ended for their disk",
    "damaged stores refused",
    "disks replaced",
    "disks that fail to sync",
    "disks that lost what was synced",
    "forced recoveries",
    "full disks",
    "leaders that return alone",
    "majorities lost",
    "majorities reinstalled",
    "levels to be raised",
    "membership changes",
    OLD_PROGRAMS_REFUSED,
    OLD_PROGRAMS_SERVED,
    "programs put back",
    "programs upgraded",
    "reconfigurations",
    "poisonous requests refused",
    "removed replicas that ended",
    "stalled disks",
    "upgrades",
];

//! What fails, and when: drawn from the seed before the run begins.

use super::chance::{Dice, mixed};
use super::site::Shape;

/// One fault. `for_ms` later it is over, unless healing comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Since the cluster was complete, virtual ms.
    pub(crate) at_ms: u64,
    /// How long.
    pub(crate) for_ms: u64,
    /// What.
    pub(crate) what: What,
}

/// Controllers and nodes by their place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Power cut of whoever leads.
    CrashLeader,
    /// Power cut of one controller.
    CrashController(usize),
    /// Power cut of every controller.
    CrashAll,
    /// Whoever leads hears and reaches no other controller; clients and nodes do.
    IsolateLeader,
    /// The same, and this node reaches nobody else.
    IsolateLeaderWith(usize),
    /// One controller is cut off from everybody.
    CutController(usize),
    /// What one controller sends to another is lost; not what comes back.
    OneWay(usize, usize),
    /// Two controllers reach each other by the others alone.
    Bridge(usize, usize),
    /// The same for a moment: one of many, of a link that flaps.
    Flap(usize, usize),
    /// Clients cannot reach one controller.
    CutLogin(usize),
    /// What whoever leads says to clients is lost; it hears them. Their requests are carried out, and repeated.
    MuteLeader,
    /// Power cut of a node: its processes die, it boots anew.
    RebootNode(usize),
    /// SIGKILL of noded: its processes live on.
    KillNoded(usize),
    /// A node is cut off from every controller; its processes live on.
    CutNode(usize),
    /// A node that was cut off reaches every controller again, before its time.
    Rejoin(usize),
    /// What a node says to controllers is lost; it hears them.
    MuteNode(usize),
    /// What controllers say to a node is lost; they hear it.
    DeafenNode(usize),
    /// noded is killed, and its directory removed; its processes live on.
    WipeSpool(usize),
    /// The clock of whoever leads is suddenly so many ms ahead.
    LeaderClockAhead(i64),
    /// The clock of one controller jumps by so many ms, and back at the end.
    ClockJump(usize, i64),
    /// A controller gets an empty disk in the place of its own. Only if all others have theirs.
    WipeDisk(usize),
    /// A controller's disk loses what it had synced, and gets an empty one in its place later. Only if all others have theirs.
    DamageDisk(usize),
    /// Nothing more can be written at one controller.
    FullDisk(usize),
    /// Every sync fails at one controller.
    FailSyncs(usize),
    /// A new program is installed at one controller, and started.
    Upgrade(usize),
    /// The old program is put back at one controller, and started.
    Downgrade(usize),
    /// Somebody wishes that the new feature level be put in force.
    RaiseLevel,
    /// Power cut of whoever leads, which starts again at once and reaches no other controller; clients and nodes do.
    LeaderReturnsAlone,
    /// All controllers but the leader lose power, and come back with empty disks: a majority is lost.
    ReinstallOthers,
    /// All controllers but the leader lose power. Later one of them comes back as it was, and the others with empty disks.
    LoseOthers,
    /// Forced recovery: the one controller that is left goes on alone.
    Recover,
    /// Messages take up to so many ms.
    SlowNet(u64),
    /// Each sync of a controller's disk takes so many ms.
    SlowDisk(usize, u64),
}

impl What {
    /// For coverage counts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            What::CrashLeader => "leader crashes",
            What::CrashController(_) => "controller crashes",
            What::CrashAll => "power cuts of all controllers",
            What::IsolateLeader => "isolated leaders",
            What::IsolateLeaderWith(_) => "leaders isolated with a node",
            What::CutController(_) => "controllers cut off",
            What::OneWay(..) => "one-way partitions",
            What::Bridge(..) => "bridges between controllers",
            What::Flap(..) => "links that flap",
            What::CutLogin(_) => "clients cut off",
            What::MuteLeader => "leaders without a voice",
            What::RebootNode(_) => "node reboots",
            What::KillNoded(_) => "noded kills",
            What::CutNode(_) => "nodes cut off",
            What::Rejoin(_) => "nodes that reach controllers again",
            What::MuteNode(_) => "nodes without a voice",
            What::DeafenNode(_) => "nodes that hear nothing",
            What::WipeSpool(_) => "wiped spools",
            What::LeaderClockAhead(_) => "leaders' clocks ahead",
            What::ClockJump(..) => "clocks that jump",
            What::WipeDisk(_) => "disks replaced",
            What::DamageDisk(_) => "disks that lost what was synced",
            What::FullDisk(_) => "full disks",
            What::FailSyncs(_) => "disks that fail to sync",
            What::Upgrade(_) => "programs upgraded",
            What::Downgrade(_) => "programs put back",
            What::RaiseLevel => "levels to be raised",
            What::LeaderReturnsAlone => "leaders that return alone",
            What::ReinstallOthers => "majorities reinstalled",
            What::LoseOthers => "majorities lost",
            What::Recover => "forced recoveries",
            What::SlowNet(_) => "slow networks",
            What::SlowDisk(_, STALLED_MS..) => "stalled disks",
            What::SlowDisk(..) => "slow disks",
        }
    }
}

/// A sync that takes so long, ms, is a stall.
pub(crate) const STALLED_MS: u64 = 1_000;
/// A year.
const YEAR_MS: i64 = 365 * 24 * 3_600 * 1_000;
/// Of so many runs with changes, one has old programs that come back.
const PUT_BACK_EVERY: u64 = 4;
/// Of so many runs, one has links between controllers that break or flap.
const BROKEN_LINKS_EVERY: u64 = 3;
/// How often a flapping link breaks, at most; for how long; and for how long it is whole, ms.
const FLAPS_MAX: u64 = 20;
const FLAP_MS: (u64, u64) = (20, 400);
/// Between two faults, ms.
const PAUSE_MS: (u64, u64) = (200, 1_800);

/// All faults of a run, in the order of their beginning.
pub(crate) fn plan(seed: u64, shape: &Shape) -> Vec<Fault> {
    if let Some(story) = shape.story {
        return story.faults.to_vec();
    }
    let mut dice = Dice::new(seed, "faults");
    let mut faults = Vec::new();
    let mut at_ms = dice.between(300, 1_500);
    while shape.faults && at_ms < shape.safety_ms {
        let of_changes = shape.changes && dice.once_in(2);
        let what = if of_changes { what_changes(&mut dice, shape) } else { what(&mut dice, shape) };
        faults.push(Fault { at_ms, for_ms: duration(&mut dice, what), what });
        at_ms += dice.between(PAUSE_MS.0, PAUSE_MS.1);
    }
    if shape.changes {
        // Everybody is upgraded somewhen in most runs, so that the new level can be put in force.
        faults.extend((0..shape.replicas).map(|one| {
            let at_ms = dice.between(500, shape.safety_ms);
            Fault { at_ms, for_ms: dice.between(50, 1_000), what: What::Upgrade(one) }
        }));
        faults.extend(plan_downgrades(seed, shape));
    }
    faults.extend(plan_broken_links(seed, shape));
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

/// In some runs the road between two controllers is broken while others reach both, or breaks again and again.
fn plan_broken_links(seed: u64, shape: &Shape) -> Vec<Fault> {
    if !shape.faults || shape.replicas < 3 || !mixed(seed, "broken links").is_multiple_of(BROKEN_LINKS_EVERY) {
        return Vec::new();
    }
    let mut dice = Dice::new(seed, "broken links");
    let mut faults = Vec::new();
    for _ in 0..dice.between(1, 4) {
        let one = dice.index(shape.replicas);
        let other = (one + 1 + dice.index(shape.replicas - 1)) % shape.replicas;
        let mut at_ms = dice.between(500, shape.safety_ms);
        if dice.once_in(2) {
            faults.push(Fault { at_ms, for_ms: dice.between(500, 5_000), what: What::Bridge(one, other) });
            continue;
        }
        for _ in 0..dice.between(2, FLAPS_MAX) {
            let for_ms = dice.between(FLAP_MS.0, FLAP_MS.1);
            faults.push(Fault { at_ms, for_ms, what: What::Flap(one, other) });
            at_ms += for_ms + dice.between(FLAP_MS.0, FLAP_MS.1);
        }
    }
    faults.retain(|fault| fault.at_ms < shape.safety_ms);
    faults
}

/// In some runs an upgrade is given up at one controller or another, or somebody puts the old program back too late.
fn plan_downgrades(seed: u64, shape: &Shape) -> Vec<Fault> {
    // By a number of its own: runs without any are what they were.
    if !mixed(seed, "programs put back").is_multiple_of(PUT_BACK_EVERY) {
        return Vec::new();
    }
    let mut dice = Dice::new(seed, "programs put back");
    let count = dice.between(1, 4);
    let downgrade = |_| {
        let at_ms = dice.between(shape.safety_ms / 4, shape.safety_ms);
        Fault { at_ms, for_ms: dice.between(50, 1_000), what: What::Downgrade(dice.index(shape.replicas)) }
    };
    (0..count).map(downgrade).collect()
}

fn what(dice: &mut Dice, shape: &Shape) -> What {
    let one = dice.index(shape.replicas);
    let node = dice.index(shape.nodes);
    match dice.between(0, 26) {
        0..=3 => What::CrashLeader,
        4 => What::CrashController(one),
        5 => What::CrashAll,
        6 | 7 => What::IsolateLeader,
        8 => What::CutController(one),
        9 => What::OneWay(one, (one + 1 + dice.index(shape.replicas)) % shape.replicas),
        10 => What::CutLogin(one),
        11..=13 => What::RebootNode(node),
        14 | 15 => What::KillNoded(node),
        16 | 17 | 23 | 24 => What::CutNode(node),
        18 => What::SlowNet(dice.between(10, 80)),
        19 | 20 => What::MuteLeader,
        21 => What::MuteNode(node),
        22 => What::DeafenNode(node),
        _ => What::SlowDisk(one, dice.between(2, 40)),
    }
}

fn what_changes(dice: &mut Dice, shape: &Shape) -> What {
    let one = dice.index(shape.replicas);
    match dice.between(0, 13) {
        0..=2 => What::WipeDisk(one),
        3 => What::DamageDisk(one),
        4 => What::FullDisk(one),
        5 => What::FailSyncs(one),
        6 | 7 => What::SlowDisk(one, dice.between(STALLED_MS, 5_000)),
        8 => What::ClockJump(one, i64::try_from(dice.between(0, 20_000)).expect("small") - 10_000),
        9 => What::LeaderClockAhead(YEAR_MS),
        _ => What::Upgrade(one),
    }
}

fn duration(dice: &mut Dice, what: What) -> u64 {
    match what {
        What::CrashLeader | What::CrashController(_) | What::CrashAll => dice.between(50, 2_500),
        What::WipeDisk(_) | What::Upgrade(_) => dice.between(50, 1_500),
        What::DamageDisk(_) | What::FullDisk(_) | What::FailSyncs(_) => dice.between(500, 3_000),
        What::KillNoded(_) | What::WipeSpool(_) => dice.between(10, 1_500),
        What::RebootNode(_) => dice.between(200, 4_000),
        // Often longer than SlurmdTimeout, so that the node is lost.
        What::CutNode(_) | What::MuteNode(_) | What::DeafenNode(_) => dice.between(1_000, 7_000),
        _ => dice.between(200, 4_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_faults_and_another_seed_others() {
        let shape = Shape::default();
        assert_eq!(plan(1, &shape), plan(1, &shape));
        assert_ne!(plan(1, &shape), plan(2, &shape));
        assert_eq!(plan(1, &Shape { faults: false, ..shape }), Vec::new());
    }
}

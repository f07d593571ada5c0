//! Carries faults out on the simulation, takes them back, and heals everything at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use turmoil::Sim;

use super::calm::Calm;
use super::chance::Dice;
use super::faults::{Fault, What};
use super::site::LOGIN;
use super::strikes::pairs;
use super::world::World;

/// Longest time that a message takes in a healthy network.
pub(crate) const LATENCY_MS_MAX: u64 = 4;
/// Log operations of a torn write that may survive a power cut.
const TORN_MAX: u64 = 3;

/// What undoes a fault.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    Start(String),
    Join(Vec<(String, String)>),
    Hear(Vec<(String, String)>),
    NormalNet,
    NormalDisk(String),
    EaseDisk(String),
    MendDisk(String),
    ReplaceDisk(String),
    ClockBack(String, i64),
    Nothing,
}

/// See the module.
pub(crate) struct Storm {
    pub(super) world: World,
    pub(super) dice: Dice,
    coming: Vec<Fault>,
    /// And whether its fault lasts until then.
    undo: BTreeMap<(u64, usize), (Undo, bool)>,
    serial: usize,
    pub(super) down: BTreeSet<String>,
    /// The story's second part has begun.
    followed: bool,
    pub(super) calm: Calm,
    /// Faults of networks, disks and clocks that are not over.
    pub(super) disturbances: usize,
    /// How often each kind happened.
    pub(crate) happened: BTreeMap<&'static str, u64>,
}

impl Storm {
    /// Of `coming`, in their order; `began_ms`: virtual time of their zero.
    pub(crate) fn new(world: &World, mut coming: Vec<Fault>, began_ms: u64) -> Self {
        coming.iter_mut().for_each(|fault| fault.at_ms += began_ms);
        coming.reverse();
        let dice = Dice::new(world.seed, "storm");
        let (undo, happened) = (BTreeMap::new(), BTreeMap::new());
        Self {
            world: world.clone(),
            dice,
            coming,
            undo,
            serial: 0,
            down: BTreeSet::new(),
            followed: false,
            calm: Calm::default(),
            disturbances: 0,
            happened,
        }
    }

    /// Does what is due at `now_ms`.
    pub(crate) fn go_on(&mut self, sim: &mut Sim<'_>, now_ms: u64) {
        while let Some(entry) = self.undo.first_entry().filter(|entry| entry.key().0 <= now_ms) {
            let (undo, lasts) = entry.remove();
            self.take_back(sim, now_ms, &undo);
            self.disturbances -= usize::from(lasts);
        }
        while let Some(fault) = self.coming.pop_if(|fault| fault.at_ms <= now_ms) {
            self.begin(sim, now_ms, fault);
        }
    }

    /// Once, when the run has come as far as its story waits for.
    pub(crate) fn follow_story(&mut self, sim: &mut Sim<'_>, now_ms: u64) {
        let then = self.world.shape.story.and_then(|story| story.then).filter(|_| !self.followed);
        let Some((_, faults)) = then.filter(|(moment, _)| self.is_reached(*moment)) else { return };
        self.followed = true;
        self.count("story moments reached");
        faults.iter().for_each(|fault| self.begin(sim, now_ms, *fault));
    }

    /// Everything is up and reaches everything.
    pub(crate) fn heal(&mut self, sim: &mut Sim<'_>, now_ms: u64) {
        self.coming.clear();
        for (undo, _) in std::mem::take(&mut self.undo).into_values() {
            self.take_back(sim, now_ms, &undo);
        }
        self.disturbances = 0;
        self.power_all(sim, now_ms);
        self.world.trace.event_at(now_ms, "healed");
    }

    fn begin(&mut self, sim: &mut Sim<'_>, now_ms: u64, fault: Fault) {
        let undo = self.strike(sim, now_ms, fault.what);
        if undo.is_empty() {
            return;
        }
        self.world.trace.event_at(now_ms, &format!("FAULT {:?} for {} ms: {undo:?} ends it", fault.what, fault.for_ms));
        *self.happened.entry(fault.what.name()).or_default() += 1;
        self.note_kind(now_ms, fault.what);
        if let What::SlowDisk(_, ms) = fault.what {
            self.calm.not_before_ms = self.calm.not_before_ms.max(now_ms + fault.for_ms + ms);
        }
        let lasts = !fault.what.is_a_crash() && fault.what.disturbs_controllers();
        for undo in undo {
            self.serial += 1;
            self.disturbances += usize::from(lasts);
            self.undo.insert((now_ms + fault.for_ms, self.serial), (undo, lasts));
        }
    }

    /// Which nodes may lose work, or that controllers are disturbed.
    fn note_kind(&mut self, now_ms: u64, what: What) {
        if let Some(node) = what.node() {
            let name = self.world.shape.node_names()[node].clone();
            self.world.oracle.seen().node_faults.entry(name).or_insert(now_ms);
        }
        if what.disturbs_controllers() {
            self.disturb(now_ms);
        }
    }

    pub(super) fn crash_controller(&mut self, sim: &mut Sim<'_>, _: u64, name: String) -> Vec<Undo> {
        if !self.down.insert(name.clone()) {
            return Vec::new();
        }
        self.world.seats.leave(&name);
        sim.crash(name.as_str());
        let torn = usize::try_from(self.dice.between(0, TORN_MAX + 1)).expect("small");
        let disk = &self.world.disks[&name];
        let lost = disk.crash_keeping(torn);
        if lost > 0 {
            self.count("unsynced writes lost");
        }
        vec![Undo::Start(name)]
    }

    pub(super) fn crash_node(&mut self, sim: &mut Sim<'_>, now_ms: u64, node: usize, power: bool) -> Vec<Undo> {
        let name = self.world.shape.node_names()[node].clone();
        if self.world.bmcs.is_off(&name) || !self.down.insert(name.clone()) {
            return Vec::new();
        }
        sim.crash(name.as_str());
        if power {
            self.world.machines[&name].power_cut(now_ms);
        }
        vec![Undo::Start(name)]
    }

    pub(super) fn part(&self, sim: &Sim<'_>, between: Vec<(String, String)>) -> Undo {
        for (one, other) in &between {
            sim.partition(one.as_str(), other.as_str());
        }
        Undo::Join(between)
    }

    pub(super) fn is_a_clock_wrong(&self) -> bool {
        self.undo.values().any(|(undo, _)| matches!(undo, Undo::ClockBack(..)))
    }

    pub(super) fn turn_clock(&self, name: String, ms: i64) -> Undo {
        self.world.skews[&name].fetch_add(ms, Ordering::Relaxed);
        Undo::ClockBack(name, ms)
    }

    pub(super) fn everybody_but(&self, name: &str) -> Vec<(String, String)> {
        let shape = &self.world.shape;
        let all = [shape.controllers(), shape.node_names(), vec![LOGIN.to_owned()]].concat();
        pairs(name, all.iter().filter(|other| *other != name))
    }

    /// If it is down.
    pub(super) fn start(&mut self, sim: &mut Sim<'_>, name: &str) {
        if self.down.remove(name) && !self.world.bmcs.is_off(name) {
            sim.bounce(name);
        }
    }

    fn take_back(&mut self, sim: &mut Sim<'_>, now_ms: u64, undo: &Undo) {
        self.world.trace.event_at(now_ms, &format!("over: {undo:?}"));
        self.disturb(now_ms);
        match undo {
            Undo::Start(name) => {
                self.start(sim, name);
            }
            Undo::Join(pairs) => {
                for (one, other) in pairs {
                    sim.repair(one.as_str(), other.as_str());
                }
            }
            Undo::Hear(ways) => {
                for (from, to) in ways {
                    sim.repair_oneway(from.as_str(), to.as_str());
                }
            }
            Undo::Nothing => {}
            Undo::NormalNet => sim.set_max_message_latency(Duration::from_millis(LATENCY_MS_MAX)),
            Undo::EaseDisk(name) => self.ease_disk(sim, now_ms, name),
            Undo::MendDisk(name) => self.mend_disk(sim, now_ms, name),
            Undo::ReplaceDisk(name) => self.replace_disk(sim, now_ms, name),
            Undo::NormalDisk(name) => self.world.disks[name].set_sync_ms(0),
            Undo::ClockBack(name, ms) => {
                self.world.skews[name].fetch_sub(*ms, Ordering::Relaxed);
            }
        }
    }
}

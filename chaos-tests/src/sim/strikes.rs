//! Every kind of fault, and what is done to the simulation for it.

use std::time::Duration;

use turmoil::Sim;

use super::faults::{STALLED_MS, What};
use super::seats::look_for_leader;
use super::site::LOGIN;
use super::storm::{Storm, Undo};

impl Storm {
    /// What undoes it; nothing: it cannot be now.
    pub(super) fn strike(&mut self, sim: &mut Sim<'_>, now_ms: u64, what: What) -> Vec<Undo> {
        let all = self.world.changes.members();
        let leader = look_for_leader(&self.world.seats);
        match what {
            What::CrashLeader => leader.into_iter().flat_map(|name| self.crash_controller(sim, now_ms, name)).collect(),
            What::CrashController(one) => self.crash_controller(sim, now_ms, all[one].clone()),
            What::CrashAll => all.into_iter().flat_map(|name| self.crash_controller(sim, now_ms, name)).collect(),
            What::LeaderReturnsAlone => self.return_alone(sim, now_ms, &all, leader),
            What::ReinstallOthers => self.reinstall_others(sim, now_ms, leader),
            What::LoseOthers => self.lose_others(sim, now_ms, leader),
            What::Recover => self.recover(sim, now_ms),
            What::IsolateLeader => leader.iter().map(|name| self.part(sim, to_others(name, name, &all))).collect(),
            What::IsolateLeaderWith(node) => {
                let node = self.node(node);
                let with = |name: &String| [to_others(name, name, &all), to_others(&node, name, &all)].concat();
                leader.iter().map(|name| self.part(sim, with(name))).collect()
            }
            What::CutController(one) => vec![self.part(sim, self.everybody_but(&all[one]))],
            What::OneWay(from, to) if from == to => Vec::new(),
            What::OneWay(from, to) => vec![silence(sim, vec![(all[from].clone(), all[to].clone())])],
            What::Bridge(one, other) | What::Flap(one, other) => {
                vec![self.part(sim, vec![(all[one].clone(), all[other].clone())])]
            }
            What::MuteLeader => leader.into_iter().map(|name| silence(sim, vec![(name, LOGIN.to_owned())])).collect(),
            What::CutLogin(one) => vec![self.part(sim, vec![(LOGIN.to_owned(), all[one].clone())])],
            What::MuteNode(node) => vec![silence(sim, pairs(&self.node(node), all.iter()))],
            What::DeafenNode(node) => {
                vec![silence(sim, all.iter().map(|from| (from.clone(), self.node(node))).collect())]
            }
            What::CutNode(node) => vec![self.part(sim, pairs(&self.node(node), all.iter()))],
            What::Rejoin(node) => {
                all.iter().for_each(|controller| sim.repair(self.node(node), controller.as_str()));
                vec![Undo::Nothing]
            }
            What::SlowNet(ms) => {
                sim.set_max_message_latency(Duration::from_millis(ms));
                vec![Undo::NormalNet]
            }
            What::RebootNode(node) => self.crash_node(sim, now_ms, node, true),
            What::KillNoded(node) => self.crash_node(sim, now_ms, node, false),
            What::WipeSpool(node) => self.wipe_spool(sim, now_ms, node),
            What::WipeDisk(one) => self.wipe_disk(sim, now_ms, &all[one]),
            What::DamageDisk(one) => self.damage_disk(sim, now_ms, &all[one]),
            What::FullDisk(one) | What::FailSyncs(one) => self.fail_disk(&all[one], what),
            What::SlowDisk(one, ms) => self.slow_disk(&all[one], ms),
            What::Upgrade(one) => self.upgrade(sim, now_ms, &all[one]),
            What::Downgrade(one) => self.downgrade(sim, now_ms, &all[one]),
            What::RaiseLevel => {
                self.world.changes.want_level();
                vec![Undo::Nothing]
            }
            // What a majority of clocks says is true: one is wrong at a time.
            What::LeaderClockAhead(_) | What::ClockJump(..) if self.is_a_clock_wrong() => Vec::new(),
            What::ClockJump(one, ms) => vec![self.turn_clock(all[one].clone(), ms)],
            What::LeaderClockAhead(ms) => leader.into_iter().map(|name| self.turn_clock(name, ms)).collect(),
        }
    }

    fn node(&self, node: usize) -> String {
        self.world.shape.node_names()[node].clone()
    }

    fn return_alone(&mut self, sim: &mut Sim<'_>, now_ms: u64, all: &[String], leader: Option<String>) -> Vec<Undo> {
        let Some(name) = leader else { return Vec::new() };
        if self.crash_controller(sim, now_ms, name.clone()).is_empty() {
            return Vec::new();
        }
        self.start(sim, &name);
        vec![self.part(sim, to_others(&name, &name, all))]
    }

    fn wipe_spool(&mut self, sim: &mut Sim<'_>, now_ms: u64, node: usize) -> Vec<Undo> {
        let undo = self.crash_node(sim, now_ms, node, false);
        if !undo.is_empty() {
            self.world.machines[&self.node(node)].wipe_spool();
        }
        undo
    }

    fn slow_disk(&mut self, name: &str, ms: u64) -> Vec<Undo> {
        self.world.disks[name].set_sync_ms(ms);
        if ms < STALLED_MS {
            return vec![Undo::NormalDisk(name.to_owned())];
        }
        // A leader that nobody relieves ends by itself.
        self.world.changes.set_ill(name, true);
        vec![Undo::EaseDisk(name.to_owned())]
    }
}

/// From `from` to all but `one`.
fn to_others(from: &str, one: &str, all: &[String]) -> Vec<(String, String)> {
    pairs(from, all.iter().filter(|other| *other != one))
}

/// What the first of each pair says to the second is lost.
fn silence(sim: &Sim<'_>, ways: Vec<(String, String)>) -> Undo {
    for (from, to) in &ways {
        sim.partition_oneway(from.as_str(), to.as_str());
    }
    Undo::Hear(ways)
}

pub(super) fn pairs<'a>(name: &str, others: impl Iterator<Item = &'a String>) -> Vec<(String, String)> {
    others.map(|other| (name.to_owned(), other.clone())).collect()
}

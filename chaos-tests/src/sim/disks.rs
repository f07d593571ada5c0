//! Disks of controllers that fail, are damaged or replaced; programs that are replaced; and processes that ended by themselves.

use turmoil::Sim;

use super::chance::mixed;
use super::faults::What;
use super::seats::look_for_leader;
use super::states::OLD_PROGRAMS_REFUSED;
use super::storm::{Storm, Undo};

/// Entries of the log that a damaged disk loses.
const LOST_ENTRIES: usize = 40;

impl Storm {
    pub(super) fn wipe_disk(&mut self, sim: &mut Sim<'_>, now_ms: u64, name: &str) -> Vec<Undo> {
        if !self.may_lose(name) {
            return Vec::new();
        }
        let undo = self.crash_controller(sim, now_ms, name.to_owned());
        self.put_new_disk(name);
        undo
    }

    /// It starts at once, and refuses what it finds; where it could not see what it lost, it only crashes.
    pub(super) fn damage_disk(&mut self, sim: &mut Sim<'_>, now_ms: u64, name: &str) -> Vec<Undo> {
        if !self.may_lose(name) {
            return Vec::new();
        }
        let undo = self.crash_controller(sim, now_ms, name.to_owned());
        if undo.is_empty() || !self.world.disks[name].lose_synced_entries(LOST_ENTRIES) {
            return undo;
        }
        self.world.changes.set_ill(name, true);
        self.start(sim, name);
        vec![Undo::ReplaceDisk(name.to_owned())]
    }

    pub(super) fn fail_disk(&mut self, name: &str, what: What) -> Vec<Undo> {
        if self.down.contains(name) || self.world.changes.excuse(name) {
            return Vec::new();
        }
        self.world.changes.set_ill(name, true);
        match what {
            What::FullDisk(_) => self.world.disks[name].fail("No space left on device"),
            _ => self.world.disks[name].fail_syncs("Input/output error"),
        }
        vec![Undo::MendDisk(name.to_owned())]
    }

    pub(super) fn upgrade(&mut self, sim: &mut Sim<'_>, now_ms: u64, name: &str) -> Vec<Undo> {
        if self.down.contains(name) || !self.world.changes.upgrade(name) {
            return Vec::new();
        }
        self.crash_controller(sim, now_ms, name.to_owned())
    }

    pub(super) fn downgrade(&mut self, sim: &mut Sim<'_>, now_ms: u64, name: &str) -> Vec<Undo> {
        if self.down.contains(name) || !self.world.changes.downgrade(name) {
            return Vec::new();
        }
        self.crash_controller(sim, now_ms, name.to_owned())
    }

    /// Whoever ended by itself, and may, is gone as a process is; mended disks start again.
    pub(crate) fn bury_ended(&mut self, sim: &mut Sim<'_>, now_ms: u64) {
        for (name, why) in self.world.seats.take_ended() {
            self.world.trace.event_at(now_ms, &format!("{name} is gone: {why}"));
            self.disturb(now_ms);
            let too_old = self.world.changes.is_too_old(&name, &why);
            self.count(match why.as_str() {
                _ if too_old => OLD_PROGRAMS_REFUSED,
                why if why.contains("was removed from the cluster") => "removed replicas that ended",
                why if why.starts_with("did not start") => "damaged stores refused",
                _ => "controllers that ended for their disk",
            });
            if self.down.insert(name.clone()) {
                sim.crash(name.as_str());
                self.world.disks[&name].crash();
            }
            // Its people read why, and install what the others run.
            if too_old {
                self.world.changes.upgrade(&name);
                self.start(sim, &name);
            }
            // Somebody who shall be a replica, and has a store that is none any more, is installed anew.
            if why.contains("was removed from the cluster") && self.world.changes.wants(&name) {
                self.put_new_disk(&name);
                self.world.changes.set_ill(&name, false);
                self.start(sim, &name);
            }
        }
    }

    /// Whoever could not wait has ended; whoever waits yet is started again, since a sync that stands still goes on standing.
    pub(super) fn ease_disk(&mut self, sim: &mut Sim<'_>, now_ms: u64, name: &str) {
        self.world.disks[name].set_sync_ms(0);
        self.mend_disk(sim, now_ms, name);
    }

    pub(super) fn mend_disk(&mut self, sim: &mut Sim<'_>, now_ms: u64, name: &str) {
        let _ = self.crash_controller(sim, now_ms, name.to_owned());
        self.world.disks[name].crash();
        self.world.changes.set_ill(name, false);
        self.start(sim, name);
    }

    pub(super) fn replace_disk(&mut self, sim: &mut Sim<'_>, now_ms: u64, name: &str) {
        let _ = self.crash_controller(sim, now_ms, name.to_owned());
        self.put_new_disk(name);
        self.world.changes.set_ill(name, false);
        self.start(sim, name);
    }

    pub(super) fn put_new_disk(&self, name: &str) {
        let number = self.world.changes.next_disk();
        self.world.disks[name].replace(mixed(self.world.seed, &format!("{name} disk {number}")));
    }

    /// Whether the cluster survives the loss of everything that `name` has: all others have theirs, and vote.
    fn may_lose(&self, name: &str) -> bool {
        let wanted = self.world.changes.members();
        let Some(leader) = look_for_leader(&self.world.seats) else { return false };
        let replicas = self.world.seats.replicas();
        let members = |replica: &muster_raft_store::Replica| {
            let members = replica.members();
            !replica.changing() && members.len() == wanted.len() && members.iter().all(|member| member.voter)
        };
        wanted.len() >= 3
            && wanted.iter().any(|member| member == name)
            && !self.world.changes.anybody_ill()
            && wanted.iter().all(|member| !self.down.contains(member))
            && replicas.len() == wanted.len()
            && replicas.iter().any(|(of, replica)| *of == leader && members(replica))
            && self.knows_all(&replicas)
    }

    /// Every controller that runs is the replica that the state has under its name: none was replaced and not yet admitted.
    fn knows_all(&self, replicas: &[(String, muster_raft_store::Replica)]) -> bool {
        replicas.iter().all(|(_, replica)| replica.members().len() == replicas.len())
    }
}

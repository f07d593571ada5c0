//! A majority is lost for good, and forced recovery: the one that is left goes on alone, in a new generation.

use muster_raft_store::{NewHome, StoreKind, recover};
use turmoil::Sim;

use super::site::{CLIENT_PORT, REPLICA_PORT};
use super::storm::{Storm, Undo};

impl Storm {
    /// They ask to be admitted, and found nothing.
    pub(super) fn reinstall_others(&mut self, sim: &mut Sim<'_>, now_ms: u64, leader: Option<String>) -> Vec<Undo> {
        let others = self.all_but(leader);
        for name in &others {
            let _ = self.crash_controller(sim, now_ms, name.clone());
            self.put_new_disk(name);
            self.start(sim, name);
        }
        others.iter().map(|_| Undo::Nothing).collect()
    }

    /// The first comes back with what it had: it has no part in the new generation, and ends by itself.
    pub(super) fn lose_others(&mut self, sim: &mut Sim<'_>, now_ms: u64, leader: Option<String>) -> Vec<Undo> {
        let others = self.all_but(leader);
        let mut undo = Vec::new();
        for (at, name) in others.iter().enumerate() {
            let _ = self.crash_controller(sim, now_ms, name.clone());
            if at == 0 {
                self.world.changes.set_ill(name, true);
                undo.push(Undo::Start(name.clone()));
            } else {
                undo.push(Undo::ReplaceDisk(name.clone()));
            }
        }
        undo
    }

    /// Of the one that has its disk, and is not alone in having one.
    pub(super) fn recover(&mut self, sim: &mut Sim<'_>, now_ms: u64) -> Vec<Undo> {
        let Some((name, _)) = self.world.seats.replicas().into_iter().next() else { return Vec::new() };
        let _ = self.crash_controller(sim, now_ms, name.clone());
        let home = NewHome {
            name: name.clone(),
            address: format!("{name}:{REPLICA_PORT}"),
            client_address: format!("{name}:{CLIENT_PORT}"),
            now_s: 1_800_000_000 + now_ms / 1000,
        };
        match recover(&StoreKind::Memory(self.world.disks[&name].clone()), &home) {
            Ok(recovered) => self.world.trace.event_at(now_ms, &format!("{name} goes on alone: {recovered:?}")),
            Err(why) => self.world.seats.failed(&name, &format!("forced recovery: {why}")),
        }
        self.start(sim, &name);
        vec![Undo::Nothing]
    }

    fn all_but(&self, leader: Option<String>) -> Vec<String> {
        let Some(leader) = leader else { return Vec::new() };
        self.world.changes.members().into_iter().filter(|name| *name != leader).collect()
    }
}

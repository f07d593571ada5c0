//! Carries out what devices were told: nodes lose their power, and get it back. And sees whom a strike hits.

use turmoil::Sim;

use super::bmc::Order;
use super::moment::Step;
use super::seats::look;
use super::states::STRIKES_ON_WORK;
use super::storm::Storm;

/// A node that was switched off is switched on again by somebody after this, virtual ms.
const ON_AGAIN_MS: (u64, u64) = (200, 3_000);

impl Storm {
    /// What is due at `now_ms`. What must never be, in words.
    pub(crate) fn power(&mut self, sim: &mut Sim<'_>, now_ms: u64) -> Vec<String> {
        let mut breaches = Vec::new();
        for Order { node, on } in self.world.bmcs.due(now_ms) {
            match (on, self.world.bmcs.is_off(&node)) {
                (true, true) => self.switch_on(sim, now_ms, &node),
                (false, false) => breaches.extend(self.switch_off(sim, now_ms, &node)),
                (true, false) | (false, true) => {}
            }
        }
        breaches
    }

    /// Every node has power.
    pub(crate) fn power_all(&mut self, sim: &mut Sim<'_>, now_ms: u64) {
        self.world.bmcs.heal();
        for node in self.world.shape.node_names() {
            if self.world.bmcs.is_off(&node) {
                self.switch_on(sim, now_ms, &node);
            }
        }
    }

    fn switch_off(&mut self, sim: &mut Sim<'_>, now_ms: u64, node: &str) -> Option<String> {
        let machine = self.world.machines[node].clone();
        let (boot, working) = (machine.boot_id(), machine.works(now_ms));
        self.world.trace.event_at(now_ms, &format!("{boot} loses its power, working: {working}"));
        let meant = self.is_being_fenced(&boot);
        self.count(if meant { "strikes" } else { "strikes on a boot that nobody fences" });
        if meant && working {
            self.count(STRIKES_ON_WORK);
        }
        self.world.bmcs.set_off(node, true);
        self.world.oracle.seen().node_faults.entry(node.to_owned()).or_insert(now_ms);
        if !self.down.contains(node) {
            sim.crash(node);
        }
        machine.power_cut(now_ms);
        let again_ms = now_ms + self.dice.between(ON_AGAIN_MS.0, ON_AGAIN_MS.1);
        self.world.bmcs.order(node, again_ms, true);
        (!meant && working).then(|| format!("P5 jobs-outlive-controllers: a late fence struck {boot}, which had work"))
    }

    fn switch_on(&mut self, sim: &mut Sim<'_>, now_ms: u64, node: &str) {
        self.world.trace.event_at(now_ms, &format!("{node} has power again"));
        self.world.bmcs.set_off(node, false);
        if !self.down.contains(node) {
            sim.bounce(node);
        }
    }

    /// Whether some replica knows of an operation that was begun to end this boot.
    fn is_being_fenced(&self, boot: &str) -> bool {
        let replicas = self.world.seats.replicas();
        let fences =
            |replica| look(replica, |cluster| cluster.fences().any(|row| row.boot_id == boot && row.started_ms > 0));
        // While all controllers are down nobody can be asked.
        replicas.is_empty() || replicas.iter().any(|(_, replica)| fences(replica))
    }

    /// How far the first fence of the run has come.
    pub(crate) fn fence_step(&self) -> Option<Step> {
        let replicas = self.world.seats.replicas();
        let known = |is_so: fn(&muster_proto::durable::FenceRow) -> bool| {
            replicas.iter().any(|(_, replica)| look(replica, |cluster| cluster.fences().any(is_so)))
        };
        let struck = self.happened.contains_key("strikes");
        let steps = [
            (Step::Confirmed, known(|row| row.off_ms != 0)),
            (Step::Asked, self.world.bmcs.was_asked()),
            (Step::Struck, struck),
            (Step::Called, self.world.bmcs.was_called()),
            (Step::Requested, known(|_| true)),
        ];
        steps.into_iter().find(|(_, reached)| *reached).map(|(step, _)| step)
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }
}

//! What a node says that it has, compared with the state. What should run there is sent by dispatch; this is about the rest:
//! attempts that the state knows nothing of, or knows to be over there, end or are forgotten.

use muster_model::cluster::Cluster;
use muster_proto::durable::{Attempt, EndCause, NodePhase};
use muster_proto::wire::{AttemptHere, EndAttempt, Forget, Inventory, order};

/// Attempts that one inventory may name; a node has no more.
const ATTEMPTS_MAX: usize = 100_000;

/// The orders for what `node` has and should not have: job uid, attempt, order.
pub(super) fn reconcile(cluster: &Cluster, node: u32, inventory: &Inventory) -> Vec<(u64, u32, order::Body)> {
    let here = inventory.attempts.iter().take(ATTEMPTS_MAX);
    here.filter_map(|here| Some((here.uid, here.attempt, wanted(cluster, node, here)?))).collect()
}

fn wanted(cluster: &Cluster, node: u32, here: &AttemptHere) -> Option<order::Body> {
    let attempt = cluster.job(here.uid).and_then(|job| job.newest_attempt().cloned());
    let phase = attempt.as_ref().filter(|attempt| attempt.number == here.attempt).and_then(|it| phase_of(it, node));
    let over_here = here.tombstone || here.phase() == NodePhase::Released;
    match phase {
        // Live: dispatch knows what to do with it.
        Some(NodePhase::Placed | NodePhase::Held | NodePhase::Running | NodePhase::Completing) => None,
        // It waits for proof that it is over: the node's own report is that.
        Some(NodePhase::Lost) => None,
        Some(NodePhase::Released | NodePhase::ProvenDead) | None if over_here => Some(order::Body::Forget(Forget {})),
        Some(NodePhase::Released | NodePhase::ProvenDead) | None => Some(order::Body::EndAttempt(EndAttempt {
            cause: EndCause::Cancelled.into(),
            kill_wait_s: cluster.config().map_or(0, |config| config.settings.kill_wait_s),
            by_uid: 0,
        })),
    }
}

fn phase_of(attempt: &Attempt, node: u32) -> Option<NodePhase> {
    attempt.nodes.iter().find(|part| part.node == node).map(|part| part.phase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_state_does_not_know_ends_and_tombstones_are_forgotten() {
        let inventory = Inventory {
            attempts: vec![
                AttemptHere { uid: 5, attempt: 1, phase: NodePhase::Running.into(), ..AttemptHere::default() },
                AttemptHere { uid: 6, attempt: 1, tombstone: true, ..AttemptHere::default() },
            ],
        };
        let orders = reconcile(&Cluster::new(), 0, &inventory);
        assert!(matches!(orders[0], (5, 1, order::Body::EndAttempt(_))));
        assert!(matches!(orders[1], (6, 1, order::Body::Forget(_))));
    }
}

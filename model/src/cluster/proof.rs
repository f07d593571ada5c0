//! `ProveNodeDead`: what ran on a lost node counts as over because of time, where the site says so (`ProofOfDeath`).
//!
//! | `ProofOfDeath` | what the leader waits for, since it heard of the node last and since its own barrier | what makes it true |
//! |---|---|---|
//! | `certain` | never | |
//! | `lease` | the longest lease that the node may keep, and a margin | the node has ended its own work by then |
//! | `timeout` | nothing more than `SlurmdTimeout` | nothing: Slurm's way, and unsafe |
//!
//! The boot goes on counting, unlike after a fence: the node may come back in it, under a new epoch, so that nothing which was
//! ordered before is obeyed any more. Of an older epoch nothing is proven: its work may have been under no lease.

use muster_dialect::conf::Proof;
use muster_proto::durable::{HeldAttempt, NodeBase, NodePhase, ProveNodeDead};

use super::changes::Event;
use super::job::node_is_over;
use super::level::PROOF_LEVEL;
use super::node::Node;
use super::outcome::Outcome;
use super::ruling::{done, stale};
use super::state::Cluster;

/// For SIGKILL to do its work and for supervisors to be late, ms.
const MARGIN_MS: u64 = 2_000;
/// And a part of the lease: for clocks that run at different speeds, and since longer leases are of bigger nodes.
const MARGIN_PART: u64 = 10;
/// How the reason begins of a node that still had what its lease should have ended. A boot ends that drain.
pub(super) const OUTLIVED: &str = "Outlived its lease";

/// A lost node whose shares wait, and how long it must have been silent for them to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provable {
    /// Its index.
    pub node: u32,
    /// Its epoch.
    pub epoch: u64,
    /// Since it was heard last, and since the leader's own barrier, ms.
    pub wait_ms: u64,
}

/// Nodes that take part and are not lost, by whether they keep a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    /// They may keep one, as they said.
    pub kept: usize,
    /// They keep none, although they shall: time proves nothing of them.
    pub missing: usize,
}

impl Cluster {
    /// What counts as proof by the configuration in force.
    pub fn proof_of_death(&self) -> Proof {
        self.fence_conf().map_or(Proof::Certain, |conf| conf.proof)
    }

    /// The lease that nodes shall keep, ms; 0: none.
    pub fn lease_wanted_ms(&self) -> u64 {
        match self.proof_of_death() {
            Proof::Lease => self.fence_conf().map_or(0, |conf| u64::from(conf.lease_s) * 1_000),
            Proof::Certain | Proof::Timeout => 0,
        }
    }

    /// Nodes that keep one, and nodes that keep none although they shall; lost ones apart.
    pub fn lease_keepers(&self) -> (Vec<&Node>, Vec<&Node>) {
        let nodes = self.nodes().map(AsRef::as_ref);
        let present = nodes.filter(|node: &&Node| node.row.epoch != 0 && !node.row.removed && !is_lost(node));
        let (keep, do_not) = present.partition(|node| node.row.lease_ms != 0);
        let wanted = self.lease_wanted_ms() != 0;
        (keep, if wanted { do_not } else { Vec::new() })
    }

    /// How many these are.
    pub fn leases(&self) -> Leases {
        let (keep, do_not) = self.lease_keepers();
        Leases { kept: keep.len(), missing: do_not.len() }
    }

    /// Nodes whose shares time may prove over.
    pub fn provable(&self) -> Vec<Provable> {
        let proof = self.proof_of_death();
        if proof == Proof::Certain || self.meta.feature_level < PROOF_LEVEL {
            return Vec::new();
        }
        let lost = self.nodes().filter(|node| is_lost(node) && self.holds_of_this_epoch(node));
        lost.filter_map(|node| {
            Some(Provable { node: node.index(), epoch: node.row.epoch, wait_ms: self.wait_ms(proof, node)? })
        })
        .collect()
    }

    /// `None`: time proves nothing of this node.
    fn wait_ms(&self, proof: Proof, node: &Node) -> Option<u64> {
        match proof {
            Proof::Certain => None,
            Proof::Timeout => Some(0),
            // It never said that it keeps one: an older program, or one that was not told in time.
            Proof::Lease if node.row.lease_ms == 0 => None,
            Proof::Lease => {
                let lease_ms = node.row.lease_ms.max(self.lease_wanted_ms());
                Some(lease_ms.saturating_add(MARGIN_MS).saturating_add(lease_ms / MARGIN_PART))
            }
        }
    }

    fn holds_of_this_epoch(&self, node: &Node) -> bool {
        node.shares.keys().any(|uid| self.is_held_in(*uid, node.index(), node.row.epoch))
    }

    fn is_held_in(&self, uid: u64, index: u32, epoch: u64) -> bool {
        let attempt = self.job(uid).and_then(|job| job.live_attempt());
        let mut parts = attempt.into_iter().flat_map(|attempt| &attempt.nodes);
        parts.any(|part| part.node == index && part.epoch == epoch && !node_is_over(part))
    }

    /// Void unless the node is lost in this epoch. How long it was silent only the leader can know.
    pub(super) fn prove_node_dead(&mut self, command: &ProveNodeDead) -> Outcome {
        let (index, epoch) = (command.node, command.epoch);
        let Some(node) = self.node(index).filter(|node| node.row.epoch == epoch && is_lost(node)).cloned() else {
            return stale("the node is not lost in this epoch");
        };
        let proof = self.proof_of_death();
        let why = match self.wait_ms(proof, &node) {
            None => return stale("time proves nothing of this node"),
            Some(_) if proof == Proof::Lease => format!("the node's lease of {} ms is over", node.row.lease_ms),
            Some(_) => "silent for SlurmdTimeout (ProofOfDeath=timeout: unsafe)".to_owned(),
        };
        self.overtake_fence(index, &why);
        let newer = self.meta.next_epoch;
        self.meta.next_epoch += 1;
        self.edit_node(index, |row| row.epoch = newer);
        for uid in self.shares_of(index) {
            if self.is_held_in(uid, index, epoch) {
                self.end_for_node_failure(uid, index);
                self.set_phase(uid, index, NodePhase::ProvenDead, &why);
            }
        }
        self.events.push(Event::ScheduleAgain);
        Outcome::Done(done())
    }

    /// A node that comes back with something alive that its lease should have ended is not trusted with more.
    pub(super) fn check_outlived(&mut self, index: u32, holds: &[HeldAttempt]) {
        if self.proof_of_death() != Proof::Lease || self.meta.feature_level < PROOF_LEVEL {
            return;
        }
        let outlived = holds.iter().find(|held| held.lives && self.is_proven_dead(held, index));
        if let Some(job_id) = outlived.and_then(|held| self.job(held.uid)).map(|job| job.row.job_id) {
            self.drain_by_itself(index, &format!("{OUTLIVED}: job {job_id}; reboot the node"));
        }
    }

    fn is_proven_dead(&self, held: &HeldAttempt, index: u32) -> bool {
        let attempts = self.job(held.uid).map_or(&[][..], |job| &job.row.attempts);
        // An attempt is followed by another only when it is over on all its nodes.
        attempts.last().is_some_and(|newest| newest.number > held.attempt)
            || attempts.iter().filter(|attempt| attempt.number == held.attempt).any(|attempt| {
                attempt.nodes.iter().any(|part| part.node == index && part.phase() == NodePhase::ProvenDead)
            })
    }
}

fn is_lost(node: &Node) -> bool {
    node.row.epoch != 0 && node.row.base() == NodeBase::Down && node.row.not_responding
}

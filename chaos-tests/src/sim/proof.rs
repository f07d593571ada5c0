//! Proof must be true: of an attempt that the state says is over on a node, nothing lives there.
//!
//! Two attempts that run together show what false proof leads to, if a later one starts in time. This looks at the proof itself.

use std::collections::BTreeSet;

use muster_model::agent::AttemptKey;
use muster_model::cluster::{Job, node_is_over};
use muster_raft_store::Replica;

use super::seats::look;
use super::world::World;

/// Shares that are over, and were judged.
pub(crate) struct Proofs {
    world: World,
    judged: BTreeSet<(u64, u32, u32)>,
}

impl Proofs {
    /// Has judged none.
    pub(crate) fn new(world: &World) -> Self {
        Self { world: world.clone(), judged: BTreeSet::new() }
    }

    /// What `replica` takes for proven at `now_ms`, and is not so. `all`: also of jobs that are over, which takes longer.
    pub(crate) fn look(&mut self, now_ms: u64, replica: &Replica, all: bool) -> Vec<String> {
        let mut fresh = Vec::new();
        look(replica, |cluster| {
            let mut note = |job: &Job| {
                let Some(attempt) = job.newest_attempt() else { return };
                for part in attempt.nodes.iter().filter(|part| node_is_over(part)) {
                    if self.judged.insert((job.uid(), attempt.number, part.node)) {
                        let key = AttemptKey { uid: job.uid(), attempt: attempt.number };
                        fresh.extend(cluster.node(part.node).map(|node| (key, node.name().to_owned(), part.phase())));
                    }
                }
            };
            if all {
                cluster.jobs().for_each(|job| note(job));
            } else {
                cluster.active_jobs().for_each(|job| note(job));
            }
        });
        let lives = |(key, node, _): &(AttemptKey, String, _)| {
            self.world.machines.get(node).is_some_and(|machine| !machine.living(*key, now_ms).is_empty())
        };
        let untrue = fresh.iter().filter(|found| lives(found));
        untrue
            .map(|(key, node, phase)| format!("P3 one-run-at-a-time: {key} is {phase:?} on {node} and lives there"))
            .collect()
    }
}

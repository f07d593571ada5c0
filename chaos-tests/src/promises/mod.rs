//! One checker a promise. Each is a pure function of what was seen and of the replicas' states after healing.

mod p10_always_on;
mod p11_no_poison;
mod p1_acked_is_durable;
mod p2_exactly_once;
mod p3_one_run_at_a_time;
mod p4_no_oversubscription;
mod p5_jobs_outlive_controllers;
mod p6_one_voice;
mod p7_honest_reads;
mod p8_same_state;
mod p9_fast_failover;

use std::collections::BTreeMap;

use crate::oracle::Seen;

/// A job as a replica holds it after healing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalJob {
    /// Never reused.
    pub uid: u64,
    /// Slurm's number.
    pub job_id: u32,
    /// Its name.
    pub name: String,
    /// Of a task of an array: the uid of the array's own record.
    pub array: Option<u64>,
    /// Which task.
    pub task: Option<u32>,
    /// (attempt, nodes of its allocation)
    pub attempts: Vec<(u32, Vec<String>)>,
    /// Whether it has ended, and nothing of it is left on any node.
    pub finished: bool,
    /// Slurm's name of its state.
    pub state: String,
    /// Whether it has a script.
    pub batch: bool,
    /// Whether somebody must release it before it can run.
    pub held: bool,
}

/// A replica's state after healing.
#[derive(Clone, Debug)]
pub struct FinalState {
    /// Of the replica.
    pub name: String,
    /// Applied log index.
    pub index: u64,
    /// At that index.
    pub digest: u128,
    /// By uid.
    pub jobs: BTreeMap<u64, FinalJob>,
    /// What the state has in each register that clients write.
    pub registers: BTreeMap<String, String>,
    /// Broken invariants of the state machine, in its own words.
    pub broken: Vec<String>,
}

/// All breaches of all promises, each beginning with the name of its promise.
pub fn breaches(seen: &Seen, states: &[FinalState]) -> Vec<String> {
    let checks = [
        ("P1 acked-is-durable", p1_acked_is_durable::check(seen, states)),
        ("P2 exactly-once", p2_exactly_once::check(seen, states)),
        ("P3 one-run-at-a-time", p3_one_run_at_a_time::check(seen)),
        ("P4 no-oversubscription", p4_no_oversubscription::check(seen)),
        ("P5 jobs-outlive-controllers", p5_jobs_outlive_controllers::check(seen, states)),
        ("P6 one-voice", p6_one_voice::check(seen, states)),
        ("P7 honest-reads", p7_honest_reads::check(seen)),
        ("P8 same-state", p8_same_state::check(states)),
        ("P9 fast-failover", p9_fast_failover::check(seen)),
        ("P10 always-on", p10_always_on::check(seen)),
        ("P11 no-poison", p11_no_poison::check(seen)),
    ];
    let named =
        checks.into_iter().flat_map(|(name, found)| found.into_iter().map(move |line| format!("{name}: {line}")));
    named.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{FinalJob, FinalState};
    use crate::oracle::{Run, Seen, Submit, Told};

    pub(super) fn accepted(name: &str, job_id: u32, uid: u64) -> Seen {
        let submit = Submit { asked_ms: 1, told_ms: 2, told: Told::Accepted { job_id, uid } };
        Seen { submits: [(name.to_owned(), submit)].into(), ..Seen::default() }
    }

    pub(super) fn state_with(jobs: &[(u64, u32, &str)]) -> FinalState {
        let job = |&(uid, job_id, name): &(u64, u32, &str)| {
            let (name, state) = (name.to_owned(), "COMPLETED".to_owned());
            let (array, task, attempts, held) = (None, None, Vec::new(), false);
            (uid, FinalJob { uid, job_id, name, array, task, attempts, finished: true, state, batch: false, held })
        };
        FinalState {
            name: "c1".into(),
            index: 9,
            digest: 0,
            jobs: jobs.iter().map(job).collect(),
            registers: BTreeMap::new(),
            broken: Vec::new(),
        }
    }

    pub(super) fn run(uid: u64, attempt: u32, node: &str, began_ms: u64, over_ms: Option<u64>) -> Run {
        let node = node.to_owned();
        Run { uid, attempt, step: 0, node, cores: vec![1], began_ms, over_ms, ended_with: None }
    }
}

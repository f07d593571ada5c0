//! What the state wants of a node: every order that is not yet confirmed.
//!
//! A pure function of the state, without memory: a new leader continues where the old one was. Orders are idempotent, so that
//! asking again costs a message and starts nothing. Reports of the node (`RecordHeld`, …) make a want go away.

use muster_dialect::step::StepId;
use muster_proto::durable::{
    Attempt, AttemptNode, EndCause, JobKind, NodePhase, StepNode, StepRecord, StepSpec, StepState,
};

use super::job::{Job, UNLIMITED, is_ending, shares, step_id_of};
use super::state::Cluster;

/// One order to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Take the attempt: journal it, run the prolog, report held.
    Hold {
        /// Job.
        uid: u64,
        /// Its attempt.
        attempt: u32,
    },
    /// Start this node's tasks of a step.
    LaunchStep {
        /// Job.
        uid: u64,
        /// Its attempt.
        attempt: u32,
        /// Slurm's number of the step.
        step: u32,
    },
    /// Deliver a signal once.
    Signal {
        /// Job.
        uid: u64,
        /// Its attempt.
        attempt: u32,
        /// Slurm's number of the step.
        step: u32,
        /// Names this delivery: the node does not repeat it.
        signal_id: u64,
        /// Its number.
        signal: u32,
        /// The batch script's own process alone.
        batch_only: bool,
    },
    /// End a step: TERM, KillWait, KILL, or KILL at once.
    EndStep {
        /// Job.
        uid: u64,
        /// Its attempt.
        attempt: u32,
        /// Slurm's number of the step.
        step: u32,
        /// Why.
        cause: EndCause,
        /// Who.
        by_uid: u32,
        /// No TERM before KILL.
        at_once: bool,
    },
    /// End all of the attempt here, run the epilog, report released; tombstone it where it was never held.
    EndAttempt {
        /// Job.
        uid: u64,
        /// Its attempt.
        attempt: u32,
        /// Why.
        cause: EndCause,
        /// Who.
        by_uid: u32,
    },
    /// When the running attempt ends, so that the node enforces it by itself. A statement of fact, wanted as long as it runs:
    /// the dispatcher sends it again only when it differs from what this session was last told.
    SetTimeLimit {
        /// Job.
        uid: u64,
        /// Its attempt.
        attempt: u32,
        /// Cluster time; 0: no limit. Grace (`OverTimeLimit`) included.
        end_by_ms: u64,
        /// The limit itself; `u32::MAX`: unlimited.
        time_limit_s: u32,
    },
}

/// Everything that the state wants of a node, in order of uid. Empty for a node that orders cannot reach.
pub fn wanted(cluster: &Cluster, node: u32) -> Vec<Wanted> {
    let Some(found) = cluster.node(node).filter(|found| found.is_reachable()) else { return Vec::new() };
    let mut list = Vec::new();
    for uid in found.shares.keys() {
        let Some(job) = cluster.job(*uid) else { continue };
        let Some(attempt) = job.live_attempt() else { continue };
        let Some(part) = attempt.nodes.iter().find(|part| part.node == node) else { continue };
        // An order to another epoch would be refused: that share waits for proof.
        if part.epoch == found.row.epoch {
            wanted_of(cluster, job, attempt, part, &mut list);
        }
    }
    list
}

/// The batch step of an attempt that has one node to itself: it may be launched as soon as it is held there, since nobody
/// else is waited for. With its place on the node.
pub fn launched_with_hold(job: &Job) -> Option<(StepSpec, StepNode)> {
    let attempt = job.live_attempt().filter(|attempt| attempt.nodes.len() == 1)?;
    let (_, share) = shares(attempt).next().filter(|_| job.kind() == JobKind::Batch)?;
    Some(super::create_step::batch_step(share))
}

/// Whether a job has a live share on `node`: its records may still be of use there.
pub fn is_known_on(cluster: &Cluster, node: u32, uid: u64, attempt: u32) -> bool {
    let share = cluster.node(node).is_some_and(|found| found.shares.contains_key(&uid));
    share && cluster.job(uid).and_then(|job| job.newest_attempt()).is_some_and(|newest| newest.number == attempt)
}

fn wanted_of(cluster: &Cluster, job: &Job, attempt: &Attempt, part: &AttemptNode, list: &mut Vec<Wanted>) {
    let (uid, number) = (job.uid(), attempt.number);
    if is_ending(attempt) || part.phase() == NodePhase::Lost {
        let cause = if is_ending(attempt) { attempt.cause() } else { EndCause::NodeFail };
        return list.push(Wanted::EndAttempt { uid, attempt: number, cause, by_uid: attempt.ended_by_uid });
    }
    match part.phase() {
        NodePhase::Placed => list.push(Wanted::Hold { uid, attempt: number }),
        NodePhase::Running => {
            for step in &job.row.steps {
                wanted_of_step(job, number, part.node, step, list);
            }
            list.push(Wanted::SetTimeLimit {
                uid,
                attempt: number,
                end_by_ms: cluster.ends_by_ms(job).unwrap_or(0),
                time_limit_s: job.time_limit_s().unwrap_or(UNLIMITED),
            });
        }
        // Held: the other nodes are waited for. The rest is over, or handled above.
        NodePhase::Held | NodePhase::Completing | NodePhase::Released | NodePhase::Lost | NodePhase::ProvenDead => {}
    }
}

fn wanted_of_step(job: &Job, attempt: u32, node: u32, step: &StepRecord, list: &mut Vec<Wanted>) {
    let (uid, step_id) = (job.uid(), step_id_of(step));
    let here = step.nodes.iter().find(|part| part.node == node && !part.ended);
    let Some(part) = here.filter(|_| step.state() != StepState::Ended) else { return };
    // A step counts as sent from the moment it is made. One that was ended before the node confirmed it is launched all the
    // same, and ended right after: so that the node, and not a guess, says how it ended.
    launch(uid, attempt, step_id, part, list);
    if step.cause() != EndCause::None && step_id != StepId::EXTERN.0 {
        let (cause, by_uid, at_once) = (step.cause(), step.ended_by_uid, step.kill_at_once);
        return list.push(Wanted::EndStep { uid, attempt, step: step_id, cause, by_uid, at_once });
    }
    for signal in step.signals.iter().filter(|signal| signal.nodes_left.contains(&node) && part.started) {
        list.push(Wanted::Signal {
            uid,
            attempt,
            step: step_id,
            signal_id: signal.id,
            signal: signal.signal,
            batch_only: signal.batch_only,
        });
    }
}

/// The extern step starts with the attempt, not by an order of its own.
fn launch(uid: u64, attempt: u32, step: u32, part: &StepNode, list: &mut Vec<Wanted>) {
    if !part.started && step != StepId::EXTERN.0 {
        list.push(Wanted::LaunchStep { uid, attempt, step });
    }
}

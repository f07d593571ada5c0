//! What nodes report about attempts. Each report names the node's epoch and the attempt, so that a stale one changes nothing;
//! each is idempotent, since nodes repeat it until it is acknowledged.

use std::sync::Arc;

use muster_dialect::state::{JobState, Reason};
use muster_dialect::step::StepId;
use muster_proto::durable::{
    Attempt, AttemptNode, EndCause, JobKind, NodePhase, RecordHeld, RecordRefused, RecordReleased, RecordStepExit,
};

use super::ending::Ending;
use super::job::{Job, is_ending, node_is_over};
use super::mail;
use super::outcome::Outcome;
use super::ruling::{done, stale};
use super::state::Cluster;

impl Cluster {
    /// The part of the newest attempt that a report speaks of. `Err`: it is about something over or superseded.
    pub(super) fn reported_part(
        &self,
        uid: u64,
        attempt: u32,
        node: u32,
        epoch: u64,
    ) -> Result<(Arc<Job>, Attempt, AttemptNode), Outcome> {
        let job = self.job(uid).ok_or_else(|| stale("no such job"))?;
        let newest = job.newest_attempt().filter(|newest| newest.number == attempt);
        let newest = newest.ok_or_else(|| stale(format!("attempt {attempt} is not the newest")))?;
        let part = newest.nodes.iter().find(|part| part.node == node);
        let part = part.ok_or_else(|| stale("no part of the attempt"))?;
        let current = self.node(node).map_or(0, |node| node.row.epoch);
        if epoch != part.epoch || epoch != current {
            return Err(stale(format!("epoch {epoch} of the node is not that of the attempt")));
        }
        Ok((job.clone(), newest.clone(), part.clone()))
    }

    pub(super) fn record_held(&mut self, report: &RecordHeld) -> Outcome {
        let (_, attempt, part) = match self.reported_part(report.uid, report.attempt, report.node, report.epoch) {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        if part.phase() != NodePhase::Placed {
            return Outcome::Done(done());
        }
        if is_ending(&attempt) {
            // It was told to end before it said that it holds: it has something to release.
            self.set_phase(report.uid, report.node, NodePhase::Completing, "");
            return Outcome::Done(done());
        }
        self.set_phase(report.uid, report.node, NodePhase::Held, "");
        let others = attempt.nodes.iter().filter(|other| other.node != report.node);
        if others.into_iter().all(|other| other.phase() == NodePhase::Held || node_is_gone(other)) {
            self.start_running(report.uid);
        }
        if report.launched {
            self.note_step_started(report.uid, StepId::BATCH.0, report.node);
        }
        Outcome::Done(done())
    }

    /// Every node holds the attempt: it runs from now on.
    fn start_running(&mut self, uid: u64) {
        let now = self.now_ms();
        self.edit_job(uid, |row| {
            let Some(attempt) = row.attempts.last_mut() else { return };
            attempt.start_ms = now;
            for part in attempt.nodes.iter_mut().filter(|part| part.phase() == NodePhase::Held) {
                part.set_phase(NodePhase::Running);
                part.since_ms = now;
            }
            row.state = JobState::Running.code();
        });
        self.make_first_steps(uid);
        self.send_mail(uid, mail::BEGIN);
        self.refresh_dependents(uid);
    }

    pub(super) fn record_refused(&mut self, report: &RecordRefused) -> Outcome {
        let (job, attempt, part) = match self.reported_part(report.uid, report.attempt, report.node, report.epoch) {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        if node_is_over(&part) {
            return Outcome::Done(done());
        }
        if report.prolog_failed {
            self.drain_by_itself(report.node, "Prolog error");
        }
        if !is_ending(&attempt) {
            self.end_unlaunched(&job, 0);
        }
        if report.tombstone {
            self.set_phase(report.uid, report.node, NodePhase::Released, &report.why);
        }
        Outcome::Done(done())
    }

    /// The node could not begin the job: it waits again where it may, and held, lest it drain the next node too.
    pub(super) fn end_unlaunched(&mut self, job: &Job, wait_status: u32) {
        let again = Self::may_requeue(job);
        let ending = Ending { wait_status, requeue: again, hold: again, ..Ending::of(EndCause::LaunchFailed) };
        self.end_work(job.uid(), ending);
        if again {
            self.edit_job(job.uid(), |row| {
                row.reason = u32::from(Reason::JobLaunchFailure.code());
                "launch failed requeued held".clone_into(&mut row.reason_detail);
            });
        }
    }

    pub(super) fn record_released(&mut self, report: &RecordReleased) -> Outcome {
        if let Some(exit) = &report.exit {
            let RecordReleased { uid, attempt, node, epoch, .. } = *report;
            // Stale or known already: the release counts all the same.
            self.record_step_exit(&RecordStepExit { uid, attempt, node, epoch, ..exit.clone() });
        }
        let (job, attempt, part) = match self.reported_part(report.uid, report.attempt, report.node, report.epoch) {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        if node_is_over(&part) {
            return Outcome::Done(done());
        }
        if !report.drain_reason.is_empty() {
            self.drain_by_itself(report.node, &report.drain_reason);
        }
        if !is_ending(&attempt) {
            // Nobody told it to end: what ran there is gone.
            let requeue = Self::may_requeue(&job);
            self.end_work(report.uid, Ending { requeue, ..Ending::of(EndCause::NodeFail) });
        }
        self.set_phase(report.uid, report.node, NodePhase::Released, "");
        Outcome::Done(done())
    }

    /// Whether the end of a step is the end of the job: the batch script's, or that of a direct srun.
    pub(super) fn is_main_step(job: &Job, step_id: u32) -> bool {
        match job.kind() {
            JobKind::Batch => step_id == StepId::BATCH.0,
            JobKind::Run => step_id == 0,
            JobKind::Alloc | JobKind::Unspecified => false,
        }
    }
}

/// Lost, or over: it will not hold, and the attempt goes on without it (`--no-kill`).
fn node_is_gone(part: &AttemptNode) -> bool {
    node_is_over(part) || part.phase() == NodePhase::Lost
}

//! How an attempt ends: its work is told to end, its nodes report one by one, and then its job is over or waits again.
//!
//! ```text
//! end_work ──► cause set; held nodes COMPLETING ──► each node RELEASED or PROVEN_DEAD ──► finish_attempt
//!                                                     (a LOST one waits for proof)          ├─► history, job over
//!                                                                                           └─► history, PENDING again
//! ```

use muster_dialect::state::{JobState, Reason};
use muster_proto::durable::{Counters, EndCause, HistoryRow, HoldKind, JobKind, JobRow, JobSpec, NodePhase, StepState};
use prost::Message;

use super::changes::{Event, Row, Table};
use super::job::{Job, is_ending};
use super::mail;
use super::state::Cluster;

/// A requeued job becomes eligible again this long after its attempt ended, in ms, as in Slurm.
pub const REQUEUE_DELAY_MS: u64 = 121_000;

/// Who ends an attempt, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) cause: EndCause,
    pub(super) wait_status: u32,
    pub(super) by_uid: Option<u32>,
    /// PENDING again once the last share is over.
    pub(super) requeue: bool,
    /// … and held.
    pub(super) hold: bool,
}

impl Ending {
    pub(super) fn of(cause: EndCause) -> Self {
        Self { cause, wait_status: 0, by_uid: None, requeue: false, hold: false }
    }
}

impl Cluster {
    pub(super) fn counters(&mut self) -> &mut Counters {
        self.meta.counters.get_or_insert_default()
    }

    /// Whether a lost or failed attempt may be repeated.
    pub(super) fn may_requeue(job: &Job) -> bool {
        job.kind() == JobKind::Batch && job.spec().requeue.unwrap_or(false)
    }

    /// Ends the work of the live attempt. Does nothing when it is ending already: the first cause stays.
    pub(super) fn end_work(&mut self, uid: u64, ending: Ending) {
        let live = self.job(uid).and_then(|job| job.live_attempt());
        if live.is_none_or(is_ending) {
            return;
        }
        let now = self.now_ms();
        self.edit_job(uid, |row| mark_ended(row, ending, now));
        let counters = self.counters();
        match ending.cause {
            EndCause::Exited if ending.wait_status == 0 => counters.completed += 1,
            EndCause::Cancelled => counters.cancelled += 1,
            _ => counters.failed += u64::from(!ending.requeue),
        }
        self.send_mail(uid, if ending.requeue { mail::REQUEUE } else { mail::END });
        self.events.push(Event::ScheduleAgain);
    }

    /// Moves one node's part of the newest attempt to `phase`, and finishes the attempt when it was the last.
    pub(super) fn set_phase(&mut self, uid: u64, node: u32, phase: NodePhase, note: &str) {
        let now = self.now_ms();
        let over = matches!(phase, NodePhase::Released | NodePhase::ProvenDead);
        self.edit_job(uid, |row| {
            let Some(attempt) = row.attempts.last_mut() else { return };
            for part in attempt.nodes.iter_mut().filter(|part| part.node == node) {
                part.set_phase(phase);
                part.since_ms = now;
                note.clone_into(&mut part.note);
            }
            if over {
                let cause = if phase == NodePhase::ProvenDead { EndCause::NodeFail } else { EndCause::Exited };
                end_steps_on(row, node, cause, now);
            }
        });
        if over {
            self.note_idle(node);
            self.finish_attempt(uid);
        }
    }

    fn note_idle(&mut self, index: u32) {
        let now = self.now_ms();
        if self.node(index).is_some_and(|node| node.shares.is_empty()) {
            self.edit_node(index, |row| row.last_busy_ms = now);
        }
    }

    /// When no share of the newest attempt is left: the job is over, or pending again.
    pub(super) fn finish_attempt(&mut self, uid: u64) {
        let Some(job) = self.job(uid).cloned() else { return };
        if job.live_attempt().is_some() || job.newest_attempt().is_none() {
            return;
        }
        self.write_history(&job);
        if job.row.requeue_pending {
            self.edit_job_and_spec(uid, make_pending_again);
        }
        self.refresh_dependents(uid);
        self.events.push(Event::ScheduleAgain);
    }

    /// One attempt, or a job that never started.
    pub(super) fn write_history(&mut self, job: &Job) {
        let attempt = job.newest_attempt();
        let end_ms = attempt.map_or(job.row.end_ms, |attempt| attempt.end_ms);
        self.write_history_at(job, end_ms, attempt.map_or(0, |attempt| attempt.number));
    }

    pub(super) fn write_history_at(&mut self, job: &Job, end_ms: u64, attempt: u32) {
        let key = [&end_ms.to_be_bytes()[..], &job.uid().to_be_bytes(), &attempt.to_be_bytes()].concat();
        let mut row = job.whole_row();
        if let Some(state) = state_of_requeued(&row) {
            row.state = state.code();
        }
        let value = HistoryRow { job: Some(row), end_ms }.encode_to_vec();
        self.ledger.write_to_disk(Row { table: Table::History, key, value: Some(value) });
    }

    /// Somebody, or `reason`, cancels a job that waits.
    pub(super) fn cancel_pending(&mut self, uid: u64, by_uid: Option<u32>, reason: Reason) {
        self.end_pending(uid, JobState::Cancelled, by_uid, reason);
    }

    /// Ends a job that has no live attempt, or whose ended attempt would have been requeued.
    pub(super) fn end_pending(&mut self, uid: u64, state: JobState, by_uid: Option<u32>, reason: Reason) {
        let now = self.now_ms();
        let Some(job) = self.job(uid).cloned().filter(|job| job.state() == JobState::Pending) else { return };
        self.edit_job(uid, |row| {
            row.state = state.code();
            row.end_ms = if row.requeue_pending { row.end_ms } else { now };
            row.requeue_pending = false;
            row.cancelled_by = by_uid.unwrap_or(0);
            row.cancelled_by_set = by_uid.is_some();
            if reason != Reason::None {
                row.reason = u32::from(reason.code());
            }
            super::commit_plan::clear_plan(row);
        });
        self.counters().cancelled += 1;
        if job.live_attempt().is_none() {
            let cancelled = self.job(uid).cloned().unwrap_or(job);
            // Attempts before this have rows of their own; one more number keeps the key apart.
            let number = cancelled.newest_attempt().map_or(0, |attempt| attempt.number + 1);
            self.write_history_at(&cancelled, cancelled.row.end_ms, number);
        }
        self.send_mail(uid, mail::END);
        self.refresh_dependents(uid);
    }
}

/// The record of a run that is repeated says how that run ended; one that was requeued on request stays PENDING, and its
/// attempt's cause says REQUEUED.
fn state_of_requeued(row: &JobRow) -> Option<JobState> {
    let attempt = row.attempts.last().filter(|_| row.requeue_pending)?;
    if attempt.cause() == EndCause::Requeued {
        return None;
    }
    Some(final_state(Ending { wait_status: attempt.wait_status, ..Ending::of(attempt.cause()) }).0)
}

fn mark_ended(row: &mut JobRow, ending: Ending, now: u64) {
    let Some(attempt) = row.attempts.last_mut() else { return };
    attempt.set_cause(ending.cause);
    attempt.end_ms = now;
    attempt.wait_status = ending.wait_status;
    attempt.ended_by_uid = ending.by_uid.unwrap_or(0);
    if attempt.suspended_since_ms != 0 {
        attempt.suspended_ms += now.saturating_sub(attempt.suspended_since_ms);
        attempt.suspended_since_ms = 0;
    }
    for part in &mut attempt.nodes {
        if matches!(part.phase(), NodePhase::Held | NodePhase::Running) {
            part.set_phase(NodePhase::Completing);
            part.since_ms = now;
        }
    }
    let (state, reason) = final_state(ending);
    row.requeue_pending = ending.requeue;
    row.state = if ending.requeue { JobState::Pending } else { state }.code();
    row.reason = u32::from(reason.code());
    row.reason_detail.clear();
    row.end_ms = now;
    row.exit_status = ending.wait_status;
    if let Some(by) = ending.by_uid.filter(|_| ending.cause == EndCause::Cancelled) {
        row.cancelled_by = by;
        row.cancelled_by_set = true;
    }
    if ending.hold {
        row.set_hold(HoldKind::Admin);
        row.priority = 0;
    }
}

fn final_state(ending: Ending) -> (JobState, Reason) {
    match ending.cause {
        EndCause::None | EndCause::Exited if ending.wait_status == 0 => (JobState::Completed, Reason::None),
        EndCause::None | EndCause::Exited => (JobState::Failed, Reason::NonZeroExitCode),
        EndCause::Cancelled => (JobState::Cancelled, Reason::None),
        EndCause::Timeout => (JobState::Timeout, Reason::TimeLimit),
        EndCause::NodeFail => (JobState::NodeFail, Reason::NodeDown),
        EndCause::LaunchFailed => (JobState::Failed, Reason::JobLaunchFailure),
        EndCause::Requeued => (JobState::Cancelled, Reason::None),
        EndCause::Preempted => (JobState::Preempted, Reason::None),
        EndCause::OutOfMemory => (JobState::OutOfMemory, Reason::OutOfMemory),
        EndCause::Deadline => (JobState::Deadline, Reason::Deadline),
    }
}

/// Nothing lives on `node` any more, so no step does. `cause` is that of steps which nothing else has ended.
fn end_steps_on(row: &mut JobRow, node: u32, cause: EndCause, now: u64) {
    for step in &mut row.steps {
        for part in step.nodes.iter_mut().filter(|part| part.node == node) {
            part.ended = true;
        }
        for signal in &mut step.signals {
            signal.nodes_left.retain(|left| *left != node);
        }
        step.signals.retain(|signal| !signal.nodes_left.is_empty());
        if step.state() != StepState::Ended && step.nodes.iter().all(|part| part.ended) {
            step.set_state(StepState::Ended);
            step.end_ms = now;
            if step.cause() == EndCause::None {
                step.set_cause(cause);
            }
        }
    }
}

fn make_pending_again(row: &mut JobRow, spec: &mut JobSpec) {
    row.requeue_pending = false;
    row.restarts += 1;
    row.submit_ms = row.end_ms;
    let begin_ms = row.end_ms.saturating_add(REQUEUE_DELAY_MS);
    spec.begin_ms = begin_ms;
    let held = row.hold() != HoldKind::None;
    row.eligible_ms = if held { 0 } else { begin_ms };
    row.accrue_ms = 0;
    // A held job keeps its reason: "launch failed requeued held" and the like.
    if !held {
        row.reason = u32::from(Reason::BeginTime.code());
    }
    row.steps.clear();
    row.exit_status = 0;
    row.derived_exit = 0;
    row.end_ms = 0;
    row.cancelled_by = 0;
    row.cancelled_by_set = false;
}

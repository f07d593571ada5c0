//! What nodes report about steps: started, exited, signalled.

use muster_dialect::state::JobState;
use muster_dialect::step::StepId;
use muster_proto::durable::{
    EndCause, JobRow, RecordSignalled, RecordStepExit, RecordStepStarted, StepRecord, StepState,
};

use super::changes::Event;
use super::ending::Ending;
use super::job::{Job, is_ending, step_id_of};
use super::outcome::Outcome;
use super::ruling::{done, stale};
use super::state::Cluster;

impl Cluster {
    pub(super) fn record_step_started(&mut self, report: &RecordStepStarted) -> Outcome {
        let found = self.reported_part(report.uid, report.attempt, report.node, report.epoch);
        let (job, ..) = match found {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        let Some(part) = part_of(&job, report.step_id, report.node) else { return stale("no such step on this node") };
        if !part.started && !part.ended {
            self.note_step_started(report.uid, report.step_id, report.node);
        }
        Outcome::Done(done())
    }

    pub(super) fn note_step_started(&mut self, uid: u64, step_id: u32, node: u32) {
        let now = self.now_ms();
        self.edit_step(uid, step_id, |step| {
            for part in step.nodes.iter_mut().filter(|part| part.node == node) {
                part.started = true;
            }
            if step.start_ms == 0 {
                step.start_ms = now;
            }
            if step.state() == StepState::Pending && step.nodes.iter().all(|part| part.started || part.ended) {
                step.set_state(StepState::Running);
            }
        });
    }

    pub(super) fn record_step_exit(&mut self, report: &RecordStepExit) -> Outcome {
        let found = self.reported_part(report.uid, report.attempt, report.node, report.epoch);
        let (job, attempt, _) = match found {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        let Some(part) = part_of(&job, report.step_id, report.node) else { return stale("no such step on this node") };
        if part.ended {
            return Outcome::Done(done());
        }
        if !report.drain_reason.is_empty() {
            self.drain_by_itself(report.node, &report.drain_reason);
        }
        let now = self.now_ms();
        let end_ms = if report.end_ms == 0 { now } else { report.end_ms.min(now) };
        self.edit_step(report.uid, report.step_id, |step| note_exit(step, report, end_ms));
        let Some(step) = self.job(report.uid).and_then(|job| job.step(report.step_id)).cloned() else {
            return Outcome::Done(done());
        };
        if step.state() == StepState::Ended {
            self.step_ended(&job, &step, report, is_ending(&attempt));
        }
        Outcome::Done(done())
    }

    fn step_ended(&mut self, job: &Job, step: &StepRecord, report: &RecordStepExit, ending: bool) {
        let uid = job.uid();
        let status = step.wait_status;
        let main = Self::is_main_step(job, report.step_id);
        self.edit_job(uid, |row| {
            if StepId(report.step_id).is_normal() {
                row.derived_exit = highest(row.derived_exit, status);
            }
            if main && ending {
                // Cancelled or timed out: the script's status comes after the cause, and is shown with it.
                note_late_status(row, status);
            }
        });
        self.events.push(Event::ScheduleAgain);
        if !main || ending {
            return;
        }
        if !report.drain_reason.is_empty() {
            return self.end_unlaunched(job, status);
        }
        let cause = match () {
            () if report.timed_out => EndCause::Timeout,
            () if out_of_memory(step) => EndCause::OutOfMemory,
            () if !report.error.is_empty() => EndCause::LaunchFailed,
            () => EndCause::Exited,
        };
        self.end_work(uid, Ending { wait_status: status, ..Ending::of(cause) });
    }

    pub(super) fn record_signalled(&mut self, report: &RecordSignalled) -> Outcome {
        if self.node(report.node).is_none_or(|node| node.row.epoch != report.epoch) {
            return stale("epoch of the node");
        }
        self.edit_step(report.uid, report.step_id, |step| {
            for signal in step.signals.iter_mut().filter(|signal| signal.id == report.signal_id) {
                signal.nodes_left.retain(|node| *node != report.node);
            }
            step.signals.retain(|signal| !signal.nodes_left.is_empty());
        });
        Outcome::Done(done())
    }

    /// Changes a step; does nothing when there is none.
    pub(super) fn edit_step(&mut self, uid: u64, step_id: u32, change: impl FnOnce(&mut StepRecord)) {
        if self.job(uid).is_none_or(|job| job.step(step_id).is_none()) {
            return;
        }
        self.edit_job(uid, |row| {
            if let Some(step) = row.steps.iter_mut().find(|step| step_id_of(step) == step_id) {
                change(step);
            }
        });
        self.events.push(Event::StepChanged { uid, step: step_id });
    }
}

fn part_of(job: &Job, step_id: u32, node: u32) -> Option<&muster_proto::durable::StepNode> {
    job.step(step_id)?.nodes.iter().find(|part| part.node == node)
}

fn note_exit(step: &mut StepRecord, report: &RecordStepExit, end_ms: u64) {
    for part in step.nodes.iter_mut().filter(|part| part.node == report.node) {
        part.started = true;
        part.ended = true;
        part.wait_status = report.wait_status;
        part.usage = report.usage;
    }
    for signal in &mut step.signals {
        signal.nodes_left.retain(|node| *node != report.node);
    }
    step.signals.retain(|signal| !signal.nodes_left.is_empty());
    step.wait_status = highest(step.wait_status, report.wait_status);
    if step.start_ms == 0 {
        step.start_ms = end_ms;
    }
    if step.nodes.iter().all(|part| part.ended) {
        step.set_state(StepState::Ended);
        step.end_ms = end_ms.max(step.start_ms);
        if step.cause() == EndCause::None {
            let cause = if out_of_memory(step) { EndCause::OutOfMemory } else { EndCause::Exited };
            step.set_cause(if report.timed_out { EndCause::Timeout } else { cause });
        }
    } else {
        step.set_state(StepState::Completing);
    }
}

fn out_of_memory(step: &StepRecord) -> bool {
    step.nodes.iter().any(|part| part.usage.as_ref().is_some_and(|usage| usage.out_of_memory))
}

/// The status that counts of two: the higher exit code, then the higher signal.
fn highest(one: u32, other: u32) -> u32 {
    let rank = |status: u32| (status >> 8 & 0xff, status & 0x7f);
    if rank(other) > rank(one) { other } else { one }
}

fn note_late_status(row: &mut JobRow, status: u32) {
    let finished = JobState::from_code(row.state).is_some_and(JobState::is_finished);
    if finished && row.exit_status == 0 {
        row.exit_status = status;
    }
}

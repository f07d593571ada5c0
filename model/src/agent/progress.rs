//! News from the daemon: prolog, supervisors, containment, epilog.

use muster_proto::wire;

use super::machine::{step_key, step_limit};
use super::{Action, Agent, AttemptKey, ExitRow, Phase, StepExit, StepKey, StepRow};

/// Slurm's number of the extern step.
const EXTERN: u32 = 0xffff_fffc;
const BATCH: u32 = 0xffff_fffb;

impl Agent {
    pub(super) fn on_prolog_ended(
        &mut self,
        key: AttemptKey,
        failure: Option<String>,
        now: u64,
        out: &mut Vec<Action>,
    ) {
        let (launch, leased) = (self.launches.remove(&key), self.is_leased());
        let Some(row) = self.attempts.get_mut(&key) else { return };
        if row.phase() != Phase::Prologue {
            return;
        }
        if row.ending.is_some() {
            // Ended while the prolog ran: the epilog undoes what the prolog did.
            return self.begin_end(key, now, out);
        }
        if let Some(why) = failure {
            row.set_phase(Phase::Refused);
            let report = self.refused(key, &why, true);
            let report = self.add_report(key, report);
            out.push(self.journal_attempt(key));
            return out.push(report);
        }
        row.set_phase(Phase::Held);
        let hold = row.hold.clone().unwrap_or_default();
        if hold.extern_step {
            let time_limit_s = u32::MAX;
            row.steps.push(StepRow { step: EXTERN, launched_ms: now, time_limit_s, leased, ..StepRow::default() });
        }
        let launch = launch.and_then(|launch| self.launch_with_hold(key, *launch, &hold, now));
        let report = self.held(key, launch.is_some());
        let report = self.add_report(key, report);
        out.push(self.journal_attempt(key));
        if hold.extern_step {
            out.push(Action::StartExtern { step: step_key(key, EXTERN), hold });
        }
        out.extend(launch);
        out.push(report);
    }

    /// The step that came along with the hold: in the same row of the journal, so that it counts as started, and is told by the same report.
    fn launch_with_hold(
        &mut self,
        key: AttemptKey,
        launch: wire::LaunchStep,
        hold: &wire::Hold,
        now: u64,
    ) -> Option<Action> {
        let leased = self.is_leased();
        let row = self.attempts.get_mut(&key)?;
        let step = launch.spec.as_ref()?.step_id;
        let time_limit_s = step_limit(launch.spec.as_ref());
        row.steps.push(StepRow { step, launched_ms: now, time_limit_s, started: true, leased, ..StepRow::default() });
        row.running_since_ms = now.max(1);
        let launch = wire::LaunchStep { job: hold.spec.clone(), facts: hold.facts.clone(), ..launch };
        Some(Action::StartStep { step: step_key(key, step), launch: Box::new(launch) })
    }

    pub(super) fn on_step_started(&mut self, step: StepKey, out: &mut Vec<Action>) {
        let Some(row) = self.attempts.get_mut(&step.attempt).and_then(|row| row.step_mut(step.step)) else { return };
        if row.started || row.exit.is_some() {
            return;
        }
        row.started = true;
        let report = self.step_started(step);
        let report = self.add_report(step.attempt, report);
        out.push(self.journal_attempt(step.attempt));
        out.push(report);
    }

    pub(super) fn on_step_exited(&mut self, step: StepKey, exit: StepExit, now: u64, out: &mut Vec<Action>) {
        let key = step.attempt;
        let has_epilog = self.options.epilog;
        let lease_over = exit.lease_over;
        let Some(row) = self.attempts.get_mut(&key) else { return };
        let Some(known) = row.step_mut(step.step) else { return };
        if known.exit.is_some() {
            return;
        }
        let empty = exit.empty;
        known.exit = Some(ExitRow {
            wait_status: exit.wait_status,
            end_ms: exit.end_ms,
            error: exit.error,
            usage: Some(exit.usage),
            drain_reason: exit.drain_reason,
        });
        row.unproven |= !empty;
        let ending = row.phase() == Phase::Ending;
        // The script's end is the job's: where nothing else is left here, no order is waited for.
        let ended = ending || (row.phase() == Phase::Held && step.step == BATCH);
        let last = ended && !row.has_live_steps();
        if lease_over {
            return self.on_ended_by_lease(key, now, out);
        }
        if last && !row.unproven && !has_epilog {
            row.set_phase(Phase::Released);
            let report = self.released_by_exit(step);
            let report = self.add_report(key, report);
            out.push(self.journal_attempt(key));
            return out.push(report);
        }
        let report = self.step_exit(step);
        let report = self.add_report(key, report);
        if last && ending {
            self.begin_emptying(key, out);
        } else {
            out.push(self.journal_attempt(key));
        }
        out.push(report);
    }

    /// A step was killed because the lease was over. Its status is not told: the release alone says that the node failed the job.
    fn on_ended_by_lease(&mut self, key: AttemptKey, now: u64, out: &mut Vec<Action>) {
        let Some(row) = self.attempts.get_mut(&key) else { return };
        match row.phase() {
            Phase::Held => self.end_at_once(key, now, out),
            Phase::Ending if !row.has_live_steps() => self.begin_emptying(key, out),
            _ => out.push(self.journal_attempt(key)),
        }
    }

    pub(super) fn on_empty(&mut self, key: AttemptKey, drain_reason: String, out: &mut Vec<Action>) {
        let Some(row) = self.attempts.get_mut(&key) else { return };
        if row.phase() != Phase::Emptying {
            return;
        }
        row.drain_reason = drain_reason;
        self.begin_epilog(key, out);
    }

    fn begin_epilog(&mut self, key: AttemptKey, out: &mut Vec<Action>) {
        let row = self.attempts.get_mut(&key).expect("the caller found it");
        row.set_phase(Phase::Epilogue);
        let hold = row.hold.clone().unwrap_or_default();
        out.push(self.journal_attempt(key));
        out.push(Action::RunEpilog { attempt: key, hold });
    }

    /// No step is left. Each that ran was watched to its last process by its supervisor, or somebody has to look.
    pub(super) fn begin_emptying(&mut self, key: AttemptKey, out: &mut Vec<Action>) {
        let row = self.attempts.get_mut(&key).expect("the caller found it");
        if !row.unproven {
            return self.begin_epilog(key, out);
        }
        row.set_phase(Phase::Emptying);
        out.push(self.journal_attempt(key));
        out.push(Action::VerifyEmpty { attempt: key });
    }

    pub(super) fn on_epilog_ended(&mut self, key: AttemptKey, failure: Option<String>, out: &mut Vec<Action>) {
        let Some(row) = self.attempts.get_mut(&key) else { return };
        if row.phase() != Phase::Epilogue {
            return;
        }
        row.set_phase(Phase::Released);
        if let Some(why) = failure
            && row.drain_reason.is_empty()
        {
            row.drain_reason = why;
        }
        let report = self.released(key);
        let report = self.add_report(key, report);
        out.push(self.journal_attempt(key));
        out.push(report);
    }
}

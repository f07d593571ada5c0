//! Reports: made once, repeated until acknowledged, kept until the attempt is forgotten.

use muster_proto::durable::{
    RecordHeld, RecordRefused, RecordReleased, RecordSignalled, RecordStepExit, RecordStepStarted,
};
use muster_proto::wire::{self, report::Body};

use super::{Action, Agent, AttemptKey, ReportRow, StepKey};

/// Acknowledged signal reports of one attempt that are kept to answer repeats.
const SIGNALS_KEPT_MAX: usize = 1_000;

/// What a report is about, within its attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Held,
    Refused,
    StepStarted(u32),
    StepExit(u32),
    Released,
    Signalled(u64),
}

impl Kind {
    fn of(body: &Body) -> Self {
        match body {
            Body::Held(_) => Kind::Held,
            Body::Refused(_) => Kind::Refused,
            Body::StepStarted(record) => Kind::StepStarted(record.step_id),
            Body::StepExit(record) => Kind::StepExit(record.step_id),
            Body::Released(_) => Kind::Released,
            Body::Signalled(record) => Kind::Signalled(record.signal_id),
        }
    }

    pub(super) fn is_of_step(&self, step: u32) -> bool {
        matches!(self, Kind::StepStarted(of) | Kind::StepExit(of) if *of == step)
    }
}

impl Agent {
    /// Numbers a report, keeps it with its attempt, and gives the action that sends it.
    pub(super) fn add_report(&mut self, key: AttemptKey, body: Body) -> Action {
        let report = wire::Report { seq: self.next_seq, body: Some(body) };
        self.next_seq += 1;
        let row = self.attempts.get_mut(&key).expect("reports are of attempts that are known");
        let is_old_signal =
            |row: &ReportRow| row.acked && kind_of(row).is_some_and(|k| matches!(k, Kind::Signalled(_)));
        if row.reports.len() > SIGNALS_KEPT_MAX
            && let Some(old) = row.reports.iter().position(is_old_signal)
        {
            row.reports.remove(old);
        }
        row.reports.push(ReportRow { report: Some(Box::new(report.clone())), acked: false });
        Action::Report(Box::new(report))
    }

    /// Sends again what was reported before, with the same numbers, and waits for the acknowledgement anew.
    pub(super) fn repeat(&mut self, key: AttemptKey, wanted: impl Fn(&Kind) -> bool, out: &mut Vec<Action>) {
        let Some(row) = self.attempts.get_mut(&key) else { return };
        for kept in &mut row.reports {
            if kind_of(kept).is_some_and(|kind| wanted(&kind)) {
                kept.acked = false;
                out.extend(kept.report.clone().map(Action::Report));
            }
        }
    }

    pub(super) fn has_report(&self, key: AttemptKey, kind: &Kind) -> bool {
        let Some(row) = self.attempts.get(&key) else { return false };
        row.reports.iter().any(|kept| kind_of(kept).as_ref() == Some(kind))
    }

    // Not journalled: a report repeated after a restart is stale to the leader, and harmless.
    pub(super) fn on_acked(&mut self, seq: u64) {
        let kept = self.attempts.values_mut().flat_map(|row| &mut row.reports);
        for kept in kept.filter(|kept| kept.report.as_ref().is_some_and(|report| report.seq == seq)) {
            kept.acked = true;
        }
    }

    /// What the leader has not acknowledged, in the order in which it happened.
    #[must_use]
    pub fn unacknowledged(&self) -> Vec<wire::Report> {
        let kept = self.attempts.values().flat_map(|row| &row.reports);
        let mut reports: Vec<wire::Report> =
            kept.filter(|kept| !kept.acked).filter_map(|kept| kept.report.as_deref().cloned()).collect();
        reports.sort_by_key(|report| report.seq);
        reports
    }

    pub(super) fn held(&self, key: AttemptKey, launched: bool) -> Body {
        let (node, epoch) = self.here();
        Body::Held(RecordHeld { uid: key.uid, attempt: key.attempt, node, epoch, launched })
    }

    pub(super) fn refused(&self, key: AttemptKey, why: &str, prolog_failed: bool) -> Body {
        let (node, epoch) = self.here();
        let (uid, attempt, why) = (key.uid, key.attempt, why.to_owned());
        Body::Refused(RecordRefused { uid, attempt, node, epoch, why, tombstone: true, prolog_failed })
    }

    pub(super) fn step_started(&self, step: StepKey) -> Body {
        let (node, epoch) = self.here();
        let AttemptKey { uid, attempt } = step.attempt;
        Body::StepStarted(RecordStepStarted { uid, attempt, node, epoch, step_id: step.step })
    }

    pub(super) fn step_exit(&self, step: StepKey) -> Body {
        Body::StepExit(self.exit_of(step))
    }

    /// The release that follows from a step's exit at once, and brings it along.
    pub(super) fn released_by_exit(&self, step: StepKey) -> Body {
        let exit = Some(self.exit_of(step));
        match self.released(step.attempt) {
            Body::Released(released) => Body::Released(RecordReleased { exit, ..released }),
            other => other,
        }
    }

    fn exit_of(&self, step: StepKey) -> RecordStepExit {
        let (node, epoch) = self.here();
        let AttemptKey { uid, attempt } = step.attempt;
        let row = self.attempts.get(&step.attempt).and_then(|row| row.steps.iter().find(|s| s.step == step.step));
        let exit = row.and_then(|row| row.exit.clone()).unwrap_or_default();
        RecordStepExit {
            uid,
            attempt,
            node,
            epoch,
            step_id: step.step,
            wait_status: exit.wait_status,
            usage: exit.usage,
            end_ms: exit.end_ms,
            error: exit.error,
            timed_out: row.is_some_and(|row| row.timed_out),
            drain_reason: exit.drain_reason,
        }
    }

    pub(super) fn released(&self, key: AttemptKey) -> Body {
        let (node, epoch) = self.here();
        let drain_reason = self.attempts.get(&key).map(|row| row.drain_reason.clone()).unwrap_or_default();
        Body::Released(RecordReleased { uid: key.uid, attempt: key.attempt, node, epoch, drain_reason, exit: None })
    }

    pub(super) fn signalled(&self, key: AttemptKey, signal: &wire::SignalTasks) -> Body {
        let (node, epoch) = self.here();
        Body::Signalled(RecordSignalled {
            uid: key.uid,
            node,
            epoch,
            step_id: signal.step_id,
            signal_id: signal.signal_id,
        })
    }

    fn here(&self) -> (u32, u64) {
        (self.registration.node, self.registration.epoch)
    }
}

fn kind_of(row: &ReportRow) -> Option<Kind> {
    row.report.as_ref().and_then(|report| report.body.as_ref()).map(Kind::of)
}

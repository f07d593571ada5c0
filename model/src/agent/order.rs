//! Orders of the leader. A repeat starts nothing and is answered by the same report.

use muster_proto::wire::{self, order};

use super::ending::How;
use super::machine::{step_key, step_limit};
use super::report::Kind;
use super::row::{ForgottenRow, record};
use super::{Action, Agent, AttemptKey, AttemptRow, EndingRow, Phase, StepRow};

/// Steps of one attempt on one node that live, or whose exits are not acknowledged.
const STEPS_MAX: usize = 10_000;
/// Why nothing is begun.
const NO_LEASE: &str = "nothing is begun here: no leader has renewed the node's lease";

impl Agent {
    pub(super) fn on_order(&mut self, order: wire::Order, now_ms: u64, out: &mut Vec<Action>) {
        let refuse = |why: String, out: &mut Vec<Action>| out.push(Action::Refuse { why });
        let Some(authority) = &order.authority else { return refuse("an order of nobody".into(), out) };
        if let Err(why) = self.admit(authority, out) {
            return refuse(why, out);
        }
        if (order.epoch, order.node) != (self.registration.epoch, self.registration.node) {
            let told = order.epoch;
            return refuse(format!("an order for epoch {told}, and this is {}", self.registration.epoch), out);
        }
        let key = AttemptKey { uid: order.uid, attempt: order.attempt };
        let Some(body) = order.body else { return refuse(format!("an empty order for {key}"), out) };
        if let Err(why) = self.obey(key, body, now_ms, out) {
            refuse(format!("{key}: {why}"), out);
        }
    }

    fn obey(
        &mut self,
        key: AttemptKey,
        body: order::Body,
        now: u64,
        out: &mut Vec<Action>,
    ) -> Result<(), &'static str> {
        match body {
            order::Body::Hold(hold) => self.on_hold(key, hold, now, out),
            order::Body::LaunchStep(launch) => self.on_launch(key, launch, now, out),
            order::Body::SignalTasks(signal) => self.on_signal(key, signal, out),
            order::Body::EndStep(end) => {
                let how = How { cause: end.cause(), kill_wait_s: end.kill_wait_s, whole: false, at_once: end.at_once };
                self.end_step(key, end.step_id, how, now, out)
            }
            order::Body::EndAttempt(end) => {
                let ending = EndingRow { cause: end.cause, kill_wait_s: end.kill_wait_s, at_once: false };
                self.on_end_attempt(key, ending, now, out)
            }
            order::Body::SetTimeLimit(limit) => self.on_set_limit(key, limit.time_limit_s, out),
            order::Body::Forget(_) => self.on_forget(key, out),
        }
    }

    fn on_hold(
        &mut self,
        key: AttemptKey,
        mut hold: wire::Hold,
        now: u64,
        out: &mut Vec<Action>,
    ) -> Result<(), &'static str> {
        if self.attempts.contains_key(&key) {
            self.repeat(key, |kind| matches!(kind, Kind::Held | Kind::Refused | Kind::Released), out);
            return Ok(());
        }
        if self.forgotten.get(&key.uid).is_some_and(|last| key.attempt <= *last) {
            return Err("hold of an attempt that is over and forgotten");
        }
        let of_job = AttemptKey { uid: key.uid, attempt: 0 }..AttemptKey { uid: key.uid, attempt: u32::MAX };
        if self.attempts.range(of_job).any(|(_, row)| row.phase() < Phase::Released) {
            return Err("hold while another attempt of the job is not over here");
        }
        if !self.may_begin(now) {
            return Err(NO_LEASE);
        }
        if let Some(launch) = hold.launch.take() {
            self.launches.insert(key, Box::new(launch));
        }
        let row = AttemptRow {
            uid: key.uid,
            attempt: key.attempt,
            phase: Phase::Prologue as i32,
            time_limit_s: hold.time_limit_s,
            hold: Some(Box::new(hold.clone())),
            ..AttemptRow::default()
        };
        self.attempts.insert(key, row);
        if !self.options.prolog {
            self.on_prolog_ended(key, None, now, out);
            return Ok(());
        }
        out.push(self.journal_attempt(key));
        out.push(Action::RunProlog { attempt: key, hold: Box::new(hold) });
        Ok(())
    }

    fn on_launch(
        &mut self,
        key: AttemptKey,
        launch: wire::LaunchStep,
        now: u64,
        out: &mut Vec<Action>,
    ) -> Result<(), &'static str> {
        let step = launch.spec.as_ref().map(|spec| spec.step_id).ok_or("a launch without a step")?;
        let (may_begin, leased) = (self.may_begin(now), self.is_leased());
        let row = self.attempts.get_mut(&key).ok_or("a launch for an attempt that is not held")?;
        if row.is_done(step) {
            // The leader has committed its exit: this order is an echo.
            return Err("a launch of a step that is over");
        }
        if row.step_mut(step).is_some() || row.phase() == Phase::Refused {
            self.repeat(key, |kind| kind.is_of_step(step) || matches!(kind, Kind::Refused | Kind::Released), out);
            return Ok(());
        }
        if row.phase() != Phase::Held {
            return Err("a launch for an attempt that is not held");
        }
        if !may_begin {
            return Err(NO_LEASE);
        }
        if row.steps.len() >= STEPS_MAX {
            return Err("too many steps");
        }
        row.compact();
        let time_limit_s = step_limit(launch.spec.as_ref());
        row.steps.push(StepRow { step, launched_ms: now, time_limit_s, leased, ..StepRow::default() });
        if row.running_since_ms == 0 {
            row.running_since_ms = now.max(1);
        }
        out.push(self.journal_attempt(key));
        out.push(Action::StartStep { step: step_key(key, step), launch: Box::new(launch) });
        Ok(())
    }

    fn on_signal(
        &mut self,
        key: AttemptKey,
        signal: wire::SignalTasks,
        out: &mut Vec<Action>,
    ) -> Result<(), &'static str> {
        let row = self.attempts.get(&key).ok_or("a signal for an attempt that is not here")?;
        let known = Kind::Signalled(signal.signal_id);
        if self.has_report(key, &known) {
            self.repeat(key, |kind| *kind == known, out);
            return Ok(());
        }
        let targets: Vec<u32> = row.steps.iter().filter(|step| step.exit.is_none()).map(|step| step.step).collect();
        // Recorded first: after a crash a signal is lost rather than sent twice.
        let report = self.signalled(key, &signal);
        let report = self.add_report(key, report);
        out.push(self.journal_attempt(key));
        for step in targets.into_iter().filter(|step| signal.all_steps || *step == signal.step_id) {
            let step = step_key(key, step);
            out.push(Action::Signal { step, signal: signal.signal, batch_only: signal.batch_only });
        }
        out.push(report);
        Ok(())
    }

    fn on_end_attempt(
        &mut self,
        key: AttemptKey,
        ending: EndingRow,
        now: u64,
        out: &mut Vec<Action>,
    ) -> Result<(), &'static str> {
        if self.forgotten.get(&key.uid).is_some_and(|last| key.attempt <= *last) && !self.attempts.contains_key(&key) {
            return Err("the end of an attempt that is over and forgotten");
        }
        let Some(row) = self.attempts.get_mut(&key) else {
            self.bury(key, out);
            return Ok(());
        };
        match row.phase() {
            Phase::Released | Phase::Refused => {
                self.repeat(key, |kind| matches!(kind, Kind::Released | Kind::Refused), out);
            }
            Phase::Ending | Phase::Emptying | Phase::Epilogue => {}
            // The prolog is waited for; then the end begins.
            Phase::Prologue => {
                row.ending.get_or_insert(ending);
                out.push(self.journal_attempt(key));
            }
            Phase::Held => {
                row.ending = Some(ending);
                self.begin_end(key, now, out);
            }
        }
        Ok(())
    }

    /// An attempt that was never held is refused for ever.
    fn bury(&mut self, key: AttemptKey, out: &mut Vec<Action>) {
        let phase = Phase::Refused as i32;
        let row = AttemptRow { uid: key.uid, attempt: key.attempt, phase, ..AttemptRow::default() };
        self.attempts.insert(key, row);
        let report = self.refused(key, "ended before it was held", false);
        let report = self.add_report(key, report);
        out.push(self.journal_attempt(key));
        out.push(report);
    }

    fn on_set_limit(&mut self, key: AttemptKey, limit_s: u32, out: &mut Vec<Action>) -> Result<(), &'static str> {
        let row = self.attempts.get_mut(&key).ok_or("a time limit for an attempt that is not here")?;
        if row.time_limit_s != limit_s {
            row.time_limit_s = limit_s;
            out.push(self.journal_attempt(key));
        }
        Ok(())
    }

    fn on_forget(&mut self, key: AttemptKey, out: &mut Vec<Action>) -> Result<(), &'static str> {
        let Some(row) = self.attempts.get(&key) else { return Ok(()) };
        if row.phase() < Phase::Released {
            return Err("told to forget an attempt that is not over here");
        }
        let forgotten = ForgottenRow { uid: key.uid, attempt: key.attempt };
        self.forget_row(forgotten);
        out.push(self.journal(record::Body::Forgotten(forgotten)));
        out.push(Action::Clean { attempt: key });
        Ok(())
    }

    fn end_step(
        &mut self,
        key: AttemptKey,
        step: u32,
        how: How,
        now: u64,
        out: &mut Vec<Action>,
    ) -> Result<(), &'static str> {
        let row = self.attempts.get_mut(&key).ok_or("the end of a step of an attempt that is not here")?;
        let Some(known) = row.step_mut(step) else { return Err("the end of a step that is not here") };
        if known.exit.is_some() {
            self.repeat(key, |kind| matches!(kind, Kind::StepExit(of) if *of == step) || *kind == Kind::Released, out);
            return Ok(());
        }
        if known.kill_at_ms == 0 {
            self.tell_end(key, step, how, now, out);
        }
        Ok(())
    }
}

//! Time limits, warnings before them, and insisting on SIGKILL: all that happens because time passes.

use muster_proto::durable::{EndCause, WarnSignal};

use super::ending::How;
use super::machine::step_key;
use super::{Action, Agent, AttemptKey, AttemptRow, Phase};

/// SIGKILL is asked for again this often, milliseconds, while a step does not end.
const KILL_AGAIN_MS: u64 = 10_000;
const BATCH: u32 = 0xffff_fffb;
const UNLIMITED: u32 = u32::MAX;

impl Agent {
    pub(super) fn on_tick(&mut self, now: u64, out: &mut Vec<Action>) {
        let keys: Vec<AttemptKey> = self.attempts.keys().copied().collect();
        for key in keys {
            self.warn(key, now, out);
            self.expire_attempt(key, now, out);
            self.expire_steps(key, now, out);
            self.insist(key, now, out);
        }
    }

    /// When the next tick is due: nothing happens by time before.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        let over = u64::from(self.options.over_time_limit_s) * 1_000;
        let of_attempts = self.attempts.values().filter_map(|row| next_of(row, over));
        of_attempts.chain(self.lease_deadline_ms()).min()
    }

    /// `--signal`: the batch script alone, or every step but the batch script.
    fn warn(&mut self, key: AttemptKey, now: u64, out: &mut Vec<Action>) {
        let Some(row) = self.attempts.get_mut(&key) else { return };
        let Some((warn, at)) = warning(row) else { return };
        if now < at {
            return;
        }
        row.warned = true;
        let live = row.steps.iter().filter(|step| step.exit.is_none()).map(|step| step.step);
        let targets: Vec<u32> = live.filter(|step| (*step == BATCH) == warn.batch_only).collect();
        out.push(self.journal_attempt(key));
        for step in targets {
            let step = step_key(key, step);
            out.push(Action::Signal { step, signal: warn.signal, batch_only: warn.batch_only });
        }
    }

    fn expire_attempt(&mut self, key: AttemptKey, now: u64, out: &mut Vec<Action>) {
        let over = u64::from(self.options.over_time_limit_s) * 1_000;
        let Some(row) = self.attempts.get_mut(&key) else { return };
        if limit_at(row, over).is_none_or(|at| now < at) {
            return;
        }
        row.timed_out = true;
        let live: Vec<u32> =
            row.steps.iter().filter(|s| s.exit.is_none() && s.kill_at_ms == 0).map(|step| step.step).collect();
        out.push(self.journal_attempt(key));
        for step in live {
            self.tell_end(key, step, self.time_out(true), now, out);
        }
    }

    fn expire_steps(&mut self, key: AttemptKey, now: u64, out: &mut Vec<Action>) {
        let Some(row) = self.attempts.get(&key) else { return };
        let passed = |step: &&super::StepRow| step_limit_at(step).is_some_and(|at| now >= at);
        let due: Vec<u32> = row.steps.iter().filter(passed).map(|step| step.step).collect();
        for step in due {
            self.tell_end(key, step, self.time_out(false), now, out);
        }
    }

    fn time_out(&self, whole: bool) -> How {
        How { cause: EndCause::Timeout, kill_wait_s: self.options.kill_wait_s, whole, at_once: false }
    }

    fn insist(&mut self, key: AttemptKey, now: u64, out: &mut Vec<Action>) {
        let Some(row) = self.attempts.get_mut(&key) else { return };
        let due = row.steps.iter_mut().filter(|s| s.exit.is_none() && s.kill_at_ms != 0 && now >= s.kill_at_ms);
        for step in due {
            step.kill_at_ms = now + KILL_AGAIN_MS;
            out.push(Action::Kill { step: step_key(key, step.step) });
        }
    }
}

fn next_of(row: &AttemptRow, over: u64) -> Option<u64> {
    let kills = row.steps.iter().filter(|s| s.exit.is_none() && s.kill_at_ms != 0).map(|step| step.kill_at_ms);
    let limits = row.steps.iter().filter_map(step_limit_at);
    let warn = warning(row).map(|(_, at)| at);
    kills.chain(limits).chain(warn).chain(limit_at(row, over)).min()
}

/// When the attempt's limit passes, while that still matters.
fn limit_at(row: &AttemptRow, over: u64) -> Option<u64> {
    let counts = row.phase() == Phase::Held && row.running_since_ms != 0 && !row.timed_out;
    (counts && row.time_limit_s != UNLIMITED && row.time_limit_s != 0)
        .then(|| row.running_since_ms + u64::from(row.time_limit_s) * 1_000 + over)
}

fn warning(row: &AttemptRow) -> Option<(WarnSignal, u64)> {
    let warn = row.hold.as_ref()?.spec.as_ref()?.warn?;
    if warn.signal == 0 || row.warned {
        return None;
    }
    let limit = limit_at(row, 0)?;
    Some((warn, limit.saturating_sub(u64::from(warn.seconds_before) * 1_000)))
}

fn step_limit_at(step: &super::StepRow) -> Option<u64> {
    let counts =
        step.exit.is_none() && step.kill_at_ms == 0 && step.time_limit_s != UNLIMITED && step.time_limit_s != 0;
    counts.then(|| step.launched_ms + u64::from(step.time_limit_s) * 1_000)
}

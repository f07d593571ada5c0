//! How steps and attempts are brought to their end.

use muster_proto::durable::EndCause;

use super::machine::step_key;
use super::{Action, Agent, AttemptKey, Phase};

/// The supervisor sends SIGKILL by itself; the agent asks again this much later, milliseconds.
const KILL_BACKSTOP_MS: u64 = 5_000;

/// How a step is told to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub(super) cause: EndCause,
    pub(super) kill_wait_s: u32,
    /// With its whole attempt.
    pub(super) whole: bool,
    /// SIGKILL without SIGTERM before.
    pub(super) at_once: bool,
}

impl Agent {
    /// Ends all that lives, or goes on to verifying when nothing does.
    pub(super) fn begin_end(&mut self, key: AttemptKey, now: u64, out: &mut Vec<Action>) {
        let row = self.attempts.get_mut(&key).expect("the caller found it");
        row.set_phase(Phase::Ending);
        let ending = row.ending.expect("an attempt ends by an order");
        let live: Vec<(u32, bool)> =
            row.steps.iter().filter(|step| step.exit.is_none()).map(|step| (step.step, step.kill_at_ms != 0)).collect();
        if live.is_empty() {
            return self.begin_emptying(key, out);
        }
        out.push(self.journal_attempt(key));
        let cause = EndCause::try_from(ending.cause).unwrap_or(EndCause::None);
        for (step, told) in live {
            if !told {
                let how = How { cause, kill_wait_s: ending.kill_wait_s, whole: true, at_once: ending.at_once };
                self.tell_end(key, step, how, now, out);
            }
        }
    }

    /// Tells a step's supervisor to end it, and notes when to insist.
    pub(super) fn tell_end(&mut self, key: AttemptKey, step: u32, how: How, now: u64, out: &mut Vec<Action>) {
        let How { cause, kill_wait_s, whole, at_once } = how;
        let kill_wait_s = if at_once { 0 } else { kill_wait_s };
        let row = self.attempts.get_mut(&key).expect("the caller found it");
        if let Some(known) = row.step_mut(step) {
            known.kill_at_ms = now + u64::from(kill_wait_s) * 1_000 + KILL_BACKSTOP_MS;
            known.timed_out |= cause == EndCause::Timeout;
        }
        out.push(self.journal_attempt(key));
        out.push(Action::EndStep { step: step_key(key, step), cause, kill_wait_s, whole, at_once });
    }
}

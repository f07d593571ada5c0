//! Coming back after a restart: the journal's rows, and what was found alive.

use super::machine::step_key;
use super::row::record;
use super::{Action, Agent, AgentOptions, AttemptKey, Found, FoundStep, Phase, Record, StepExit};

/// A step that was begun and left neither a supervisor nor an exit record, as wait(2) would say "exit code 1".
const LOST_STATUS: u32 = 0x0100;

impl Agent {
    /// The agent that `records` describe, and what to go on with. Whatever `found` does not name has left no trace.
    #[must_use]
    pub fn restore(
        options: AgentOptions,
        boot_id: &str,
        records: Vec<Record>,
        found: Vec<FoundStep>,
        now_ms: u64,
    ) -> (Self, Vec<Action>) {
        let mut agent = Self::empty(options);
        for record in records {
            agent.put(record);
        }
        let mut out = Vec::new();
        if agent.boot_id != boot_id {
            agent.begin_boot(boot_id, &mut out);
        }
        for stray in found.iter().filter(|found| !agent.knows(found)) {
            // Its row is gone: nobody waits for it, and nothing may run that the cluster does not know of.
            out.push(Action::Kill { step: stray.step });
        }
        let keys: Vec<AttemptKey> = agent.attempts.keys().copied().collect();
        for key in keys {
            agent.resume_steps(key, &found, now_ms, &mut out);
            agent.resume_attempt(key, now_ms, &mut out);
        }
        (agent, out)
    }

    /// Whatever ran before the kernel was started anew is over; the registration tells the cluster so.
    fn begin_boot(&mut self, boot_id: &str, out: &mut Vec<Action>) {
        let of_another = !self.boot_id.is_empty();
        self.boot_id = boot_id.to_owned();
        out.push(self.journal(record::Body::Boot(self.boot_id.clone())));
        let open = self.attempts.values_mut().filter(|row| of_another && row.phase() < Phase::Released);
        let mut closed = Vec::new();
        for row in open {
            row.set_phase(Phase::Released);
            row.steps.clear();
            closed.push(row.key());
        }
        out.extend(closed.into_iter().map(|key| self.journal_attempt(key)));
    }

    fn knows(&self, found: &FoundStep) -> bool {
        let row = self.attempts.get(&found.step.attempt);
        found.found != Found::Lives || row.is_some_and(|row| row.steps.iter().any(|step| step.step == found.step.step))
    }

    fn resume_steps(&mut self, key: AttemptKey, found: &[FoundStep], now: u64, out: &mut Vec<Action>) {
        let row = self.attempts.get(&key).expect("keys were just listed");
        let open: Vec<u32> = row.steps.iter().filter(|step| step.exit.is_none()).map(|step| step.step).collect();
        for step in open {
            let step = step_key(key, step);
            let shape = found.iter().find(|found| found.step == step).map_or(&Found::Lost, |found| &found.found);
            match shape {
                // Its supervisor tells StepStarted again, and its exit.
                Found::Lives => {}
                Found::Exited(exit) => self.on_step_exited(step, exit.clone(), now, out),
                Found::Lost => {
                    let error = "the step's supervisor is gone, and left no exit record".to_owned();
                    let exit = StepExit { wait_status: LOST_STATUS, error, ..StepExit::default() };
                    self.on_step_exited(step, exit, now, out);
                }
            }
        }
    }

    fn resume_attempt(&mut self, key: AttemptKey, now: u64, out: &mut Vec<Action>) {
        let row = self.attempts.get_mut(&key).expect("keys were just listed");
        let hold = row.hold.clone().unwrap_or_default();
        match row.phase() {
            // A prolog that was interrupted runs again, as after a restart of slurmd.
            Phase::Prologue => out.push(Action::RunProlog { attempt: key, hold }),
            Phase::Ending if row.has_live_steps() => {
                for step in row.steps.iter_mut().filter(|step| step.exit.is_none()) {
                    step.kill_at_ms = 0;
                }
                self.begin_end(key, now, out);
            }
            Phase::Ending => self.begin_end(key, now, out),
            Phase::Emptying => {
                let told = out.contains(&Action::VerifyEmpty { attempt: key });
                if !told {
                    out.push(Action::VerifyEmpty { attempt: key });
                }
            }
            Phase::Epilogue => out.push(Action::RunEpilog { attempt: key, hold }),
            Phase::Held | Phase::Released | Phase::Refused => {}
        }
    }
}

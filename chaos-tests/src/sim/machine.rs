//! A simulated computer: its boots, its journal's disk, and processes that live in virtual time.
//!
//! A process is a row with the instant at which it ends: it needs nobody to run it. So it goes on while noded is down, as a
//! real step does under its supervisor, and it dies with the machine. Its exit record is durable the moment it ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use muster_model::agent::{AttemptKey, Found, FoundStep, NO_END, StepExit, StepKey};
use muster_noded::JournalStore;
use muster_noded::journal::MemoryJournal;

use super::clock::EPOCH_MS;
use super::trace::Trace;
use crate::oracle::{Oracle, Run};

/// What wait(2) says of a process that SIGKILL ended.
const KILLED: u32 = 9;
/// How long SIGKILL takes, virtual ms.
const KILL_MS: u64 = 1;
/// What it says of one that SIGTERM ended.
const TERMINATED: u32 = 15;

/// What a process does with its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// How long it runs, virtual ms.
    pub(crate) run_ms: u64,
    /// What wait(2) says when nobody ended it.
    pub(crate) status: u32,
    /// It ignores SIGTERM.
    pub(crate) stubborn: bool,
}

/// Shared by noded's seam on this machine, the faults and the run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Machine {
    /// `NodeName`.
    pub(crate) name: String,
    /// Its journal, which outlives noded and the machine's boots.
    pub(crate) journal: MemoryJournal,
    /// What leaders handed over, beside it.
    pub(crate) config: MemoryJournal,
    state: Arc<Mutex<State>>,
    oracle: Oracle,
    trace: Trace,
}

struct State {
    boots: u32,
    booted_ms: u64,
    spools: u8,
    /// Until when noded wrote down that the node's lease was renewed, virtual ms, and in which boot.
    lease: Option<(u32, u64)>,
    processes: BTreeMap<StepKey, Process>,
}

struct Process {
    /// In the oracle's list.
    run: usize,
    stubborn: bool,
    ends_ms: u64,
    status: u32,
    ended_by_others: bool,
    /// Its supervisor ends it then, unless the lease was renewed.
    lease_ms: Option<u64>,
    lease_over: bool,
    over: Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    No,
    /// Its exit record is on disk.
    Recorded,
    /// The machine died under it.
    Lost,
}

impl Machine {
    /// Powered on at virtual time 0.
    pub(crate) fn new(name: &str, oracle: &Oracle, trace: &Trace) -> Self {
        let state = State { boots: 1, booted_ms: 0, spools: 1, lease: None, processes: BTreeMap::new() };
        Self {
            name: name.to_owned(),
            journal: MemoryJournal::default(),
            config: MemoryJournal::default(),
            state: Arc::new(Mutex::new(state)),
            oracle: oracle.clone(),
            trace: trace.clone(),
        }
    }

    /// Of the running kernel.
    pub(crate) fn boot_id(&self) -> String {
        format!("{}-boot-{}", self.name, self.state().boots)
    }

    /// Of the spool directory.
    pub(crate) fn spool_id(&self) -> Vec<u8> {
        [self.name.as_bytes(), &[self.state().spools; 16]].concat()[..16].to_vec()
    }

    /// Whether a spool was wiped since the machine booted: what ran before may run, and no journal says so.
    pub(crate) fn has_lost_a_spool(&self) -> bool {
        self.state().spools > 1
    }

    /// Somebody removes noded's directory. Processes live on.
    pub(crate) fn wipe_spool(&self) {
        self.journal.replace(&[]).expect("this disk has room");
        self.config.replace(&[]).expect("this disk has room");
        let mut state = self.state();
        (state.spools, state.lease) = (state.spools + 1, None);
    }

    /// When it booted, virtual ms.
    pub(crate) fn booted_ms(&self) -> u64 {
        self.state().booted_ms
    }

    /// The power fails at `now_ms`, and comes back: everything that lived is dead.
    pub(crate) fn power_cut(&self, now_ms: u64) {
        self.settle(now_ms);
        let mut state = self.state();
        for process in state.processes.values_mut().filter(|process| process.over == Over::No) {
            process.over = Over::Lost;
            self.note_over(process.run, now_ms, None);
        }
        state.boots += 1;
        state.booted_ms = now_ms;
        self.journal.power_cut();
    }

    /// Until when the lease was renewed in this boot, virtual ms.
    pub(crate) fn lease_ms(&self) -> Option<u64> {
        let state = self.state();
        state.lease.filter(|(boot, _)| *boot == state.boots).map(|(_, until_ms)| until_ms)
    }

    /// noded writes that down at `now_ms`.
    pub(crate) fn keep_lease(&self, now_ms: u64, until_ms: u64) {
        // A supervisor that found its end come looked before.
        self.settle(now_ms);
        let mut state = self.state();
        state.lease = Some((state.boots, until_ms));
    }

    /// A process of `run` begins; its supervisor knows this end of the node's lease.
    pub(crate) fn begin(&self, run: Run, work: Work, lease_ms: Option<u64>) {
        let now_ms = run.began_ms;
        let step = StepKey { attempt: AttemptKey { uid: run.uid, attempt: run.attempt }, step: run.step };
        self.trace.event_at(now_ms, &format!("{} begins {step} on cores {:02x?}", self.name, run.cores));
        let index = {
            let mut seen = self.oracle.seen();
            seen.runs.push(run);
            seen.runs.len() - 1
        };
        let (ends_ms, status, stubborn) = (now_ms + work.run_ms, work.status, work.stubborn);
        let (ended_by_others, lease_over, over) = (false, false, Over::No);
        let process = Process { run: index, stubborn, ends_ms, status, ended_by_others, lease_ms, lease_over, over };
        self.state().processes.insert(step, process);
    }

    /// SIGTERM at once, SIGKILL after `kill_wait_ms`: to one step.
    pub(crate) fn end(&self, step: StepKey, now_ms: u64, term_ms: u64, kill_wait_ms: u64) {
        self.settle(now_ms);
        let mut state = self.state();
        let Some(process) = state.processes.get_mut(&step).filter(|process| process.over == Over::No) else { return };
        let (after, status) = if process.stubborn { (kill_wait_ms, KILLED) } else { (term_ms, TERMINATED) };
        if now_ms + after < process.ends_ms {
            (process.ends_ms, process.status, process.ended_by_others) = (now_ms + after, status, true);
        }
    }

    /// Whoever kills it now does so because the node's lease is over.
    pub(crate) fn note_lease_over(&self, step: StepKey) {
        if let Some(process) = self.state().processes.get_mut(&step).filter(|process| process.over == Over::No) {
            process.lease_over = true;
        }
    }

    /// When a step ends as things stand; `None`: it is over, or never was.
    pub(crate) fn ends_ms(&self, step: StepKey, now_ms: u64) -> Option<u64> {
        self.settle(now_ms);
        let state = self.state();
        state.processes.get(&step).filter(|process| process.over == Over::No).map(|process| process.ends_ms)
    }

    /// The exit record of a step that is over.
    pub(crate) fn exit(&self, step: StepKey) -> Option<StepExit> {
        let state = self.state();
        let process = state.processes.get(&step).filter(|process| process.over == Over::Recorded)?;
        let end_ms = EPOCH_MS + process.ends_ms;
        let (wait_status, lease_over) = (process.status, process.lease_over);
        Some(StepExit { wait_status, end_ms, empty: true, lease_over, ..StepExit::default() })
    }

    /// Steps of an attempt that live.
    pub(crate) fn living(&self, attempt: AttemptKey, now_ms: u64) -> Vec<StepKey> {
        self.settle(now_ms);
        let state = self.state();
        let living =
            state.processes.iter().filter(|(step, process)| step.attempt == attempt && process.over == Over::No);
        living.map(|(step, _)| *step).collect()
    }

    /// Whether anything lives on it.
    pub(crate) fn works(&self, now_ms: u64) -> bool {
        self.settle(now_ms);
        self.state().processes.values().any(|process| process.over == Over::No)
    }

    /// What a new noded finds.
    pub(crate) fn found(&self, now_ms: u64) -> Vec<FoundStep> {
        self.settle(now_ms);
        let steps: Vec<(StepKey, Over)> =
            self.state().processes.iter().map(|(step, process)| (*step, process.over)).collect();
        let found = steps.into_iter().map(|(step, over)| match over {
            Over::No => FoundStep { step, found: Found::Lives },
            Over::Recorded => {
                let exit = self.exit(step).expect("its record was just seen");
                FoundStep { step, found: Found::Exited(exit) }
            }
            Over::Lost => FoundStep { step, found: Found::Lost },
        });
        found.collect()
    }

    /// The files of an attempt go.
    pub(crate) fn clean(&self, attempt: AttemptKey) {
        self.state().processes.retain(|step, process| step.attempt != attempt || process.over == Over::No);
    }

    /// Writes down what ended by itself before `now_ms`.
    pub(crate) fn settle(&self, now_ms: u64) {
        let mut state = self.state();
        let renewed_ms = state.lease.map(|(_, until_ms)| until_ms);
        for (step, process) in &mut state.processes {
            if process.over == Over::No {
                process.obey_lease(now_ms, renewed_ms);
            }
            if process.over == Over::No && process.ends_ms <= now_ms {
                process.over = Over::Recorded;
                if process.lease_over {
                    // A node whose lease is over has failed, whoever could not renew it.
                    self.oracle.seen().node_faults.entry(self.name.clone()).or_insert(process.ends_ms);
                }
                let by_itself = (!process.ended_by_others).then_some(process.status);
                self.note_over(process.run, process.ends_ms, by_itself);
                let (name, at_ms, status) = (&self.name, process.ends_ms, process.status);
                self.trace.event_at(at_ms, &format!("{name} ended {step} with {status:#x}"));
            }
        }
    }

    fn note_over(&self, run: usize, at_ms: u64, by_itself: Option<u32>) {
        let mut seen = self.oracle.seen();
        (seen.runs[run].over_ms, seen.runs[run].ended_with) = (Some(at_ms), by_itself);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl Process {
    /// What a supervisor does by itself: at the end that it knows it looks for a later one, and kills where there is none.
    fn obey_lease(&mut self, now_ms: u64, renewed_ms: Option<u64>) {
        let Some(known_ms) = self.lease_ms.filter(|known_ms| *known_ms <= now_ms) else { return };
        match renewed_ms.filter(|renewed_ms| *renewed_ms > known_ms) {
            Some(renewed_ms) => {
                self.lease_ms = Some(renewed_ms).filter(|until_ms| *until_ms != NO_END);
                self.obey_lease(now_ms, None);
            }
            None if known_ms + KILL_MS < self.ends_ms => {
                (self.ends_ms, self.status) = (known_ms + KILL_MS, KILLED);
                (self.ended_by_others, self.lease_over) = (true, true);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: StepKey = StepKey { attempt: AttemptKey { uid: 7, attempt: 1 }, step: 0 };

    fn machine() -> (Machine, Oracle) {
        let oracle = Oracle::default();
        let machine = Machine::new("n1", &oracle, &Trace::new(false));
        let (uid, attempt) = (STEP.attempt.uid, STEP.attempt.attempt);
        let (node, cores) = ("n1".to_owned(), vec![1]);
        let run = Run { uid, attempt, step: 0, node, cores, began_ms: 10, over_ms: None, ended_with: None };
        machine.begin(run, Work { run_ms: 100, status: 0x100, stubborn: true }, None);
        (machine, oracle)
    }

    #[test]
    fn a_process_ends_by_itself_and_leaves_a_record() {
        let (machine, oracle) = machine();
        assert_eq!(machine.ends_ms(STEP, 109), Some(110));
        assert_eq!(machine.found(110)[0].found, Found::Exited(machine.exit(STEP).unwrap()));
        assert_eq!(machine.exit(STEP).unwrap().wait_status, 0x100);
        assert_eq!(oracle.seen().runs[0].over_ms, Some(110));
    }

    #[test]
    fn a_stubborn_process_waits_for_sigkill_and_a_power_cut_leaves_no_record() {
        let (machine, oracle) = machine();
        machine.end(STEP, 20, 1, 50);
        assert_eq!(machine.ends_ms(STEP, 60), Some(70));
        let boot = machine.boot_id();
        machine.power_cut(65);
        assert_ne!(machine.boot_id(), boot);
        assert_eq!(machine.found(80)[0].found, Found::Lost);
        assert_eq!(oracle.seen().runs[0].over_ms, Some(65));
        assert!(machine.living(STEP.attempt, 80).is_empty());
    }
}

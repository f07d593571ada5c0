//! The machine's state and its one door.

use std::collections::BTreeMap;

use muster_proto::durable::{NodePhase, StepSpec};
use muster_proto::wire;

use super::lease::Lease;
use super::row::{ForgottenRow, RegistrationRow, record};
use super::{Action, AttemptKey, AttemptRow, Input, Phase, Record, StepKey};

/// Forgotten attempts that are remembered, so that a late order cannot bring one back. The lowest uids go first.
const FORGOTTEN_MAX: usize = 10_000;

/// Attempts offered to be forgotten at a time.
const FORGETTABLE_MAX: usize = 1_000;

/// What the configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentOptions {
    /// `KillWait`: between SIGTERM and SIGKILL at a time limit.
    pub kill_wait_s: u32,
    /// `OverTimeLimit`: how long a job may run over its limit.
    pub over_time_limit_s: u32,
    /// `Prolog` is configured.
    pub prolog: bool,
    /// `Epilog` is configured.
    pub epilog: bool,
}

/// The node's machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub(super) options: AgentOptions,
    pub(super) newest: wire::Authority,
    pub(super) registration: RegistrationRow,
    pub(super) attempts: BTreeMap<AttemptKey, AttemptRow>,
    /// Highest forgotten attempt of each job.
    pub(super) forgotten: BTreeMap<u64, u32>,
    /// Steps to launch as soon as their attempt is held. Not journalled: a restart before that leaves it to an order.
    pub(super) launches: BTreeMap<AttemptKey, Box<wire::LaunchStep>>,
    pub(super) next_seq: u64,
    pub(super) lease: Lease,
    /// Nothing that was started in another boot lives.
    pub(super) boot_id: String,
}

impl Agent {
    pub(super) fn empty(options: AgentOptions) -> Self {
        Self {
            options,
            newest: wire::Authority::default(),
            registration: RegistrationRow::default(),
            attempts: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            launches: BTreeMap::new(),
            next_seq: 1,
            lease: Lease::default(),
            boot_id: String::new(),
        }
    }

    /// What a configuration that was read again says; what has begun keeps its own.
    pub fn set_options(&mut self, options: AgentOptions) {
        self.options = options;
    }

    /// Takes one input at `now_ms` (boot-time clock) and says what to do.
    pub fn on(&mut self, input: Input, now_ms: u64) -> Vec<Action> {
        let mut out = Vec::new();
        // Before anything else: what came too late must not find work that should have ended.
        self.end_lease_if_due(now_ms, &mut out);
        match input {
            Input::Registered(registered) => self.on_registered(&registered, &mut out),
            Input::Order(order) => self.on_order(*order, now_ms, &mut out),
            Input::Beat { seq } => self.on_beat(seq, now_ms),
            Input::HeartbeatAcked(ack) => self.on_heartbeat_acked(&ack, now_ms, &mut out),
            Input::PrologEnded { attempt, failure } => self.on_prolog_ended(attempt, failure, now_ms, &mut out),
            Input::StepStarted { step } => self.on_step_started(step, &mut out),
            Input::StepExited { step, exit } => self.on_step_exited(step, exit, now_ms, &mut out),
            Input::ContainmentEmpty { attempt, drain_reason } => self.on_empty(attempt, drain_reason, &mut out),
            Input::EpilogEnded { attempt, failure } => self.on_epilog_ended(attempt, failure, &mut out),
            Input::Acked { seq } => self.on_acked(seq),
            Input::Tick => self.on_tick(now_ms, &mut out),
        }
        self.register_again_if_due(now_ms, &mut out);
        out
    }

    fn on_registered(&mut self, registered: &wire::Registered, out: &mut Vec<Action>) {
        if let Some(authority) = &registered.authority
            && let Err(why) = self.admit(authority, out)
        {
            return out.push(Action::Refuse { why });
        }
        let told = RegistrationRow { node: registered.node, epoch: registered.epoch, ..self.registration };
        if told != self.registration {
            self.registration = told;
            out.push(self.journal(record::Body::Registration(told)));
        }
        self.lease_registered(registered.lease_ms, registered.lease_wanted_ms, out);
    }

    /// Lets a speaker pass who is not older than the newest seen, and remembers a newer one.
    pub(super) fn admit(&mut self, authority: &wire::Authority, out: &mut Vec<Action>) -> Result<(), String> {
        let newest = &self.newest;
        if !newest.cluster_id.is_empty() && newest.cluster_id != authority.cluster_id {
            return Err("an order of another cluster".into());
        }
        let (told, known) = ((authority.generation, authority.term), (newest.generation, newest.term));
        if told < known {
            return Err(format!("an order of an older authority: {told:?}, and {known:?} was seen"));
        }
        if *newest != *authority {
            self.newest = authority.clone();
            out.push(self.journal(record::Body::Authority(authority.clone())));
        }
        Ok(())
    }

    /// The newest authority seen.
    #[must_use]
    pub fn newest(&self) -> &wire::Authority {
        &self.newest
    }

    /// The epoch that this node was registered with; 0 before.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.registration.epoch
    }

    /// What this node holds, for the leader to compare.
    #[must_use]
    pub fn inventory(&self) -> Vec<wire::AttemptHere> {
        self.attempts.values().map(attempt_here).collect()
    }

    /// Attempts that are over here, and said so: the leader may tell to forget them.
    #[must_use]
    pub fn forgettable(&self) -> Vec<wire::AttemptHere> {
        let over = self.attempts.values().filter(|row| row.phase() >= Phase::Released);
        over.filter(|row| row.reports.iter().all(|report| report.acked))
            .take(FORGETTABLE_MAX)
            .map(attempt_here)
            .collect()
    }

    /// The attempts known, oldest job first.
    pub fn attempts(&self) -> impl Iterator<Item = &AttemptRow> {
        self.attempts.values()
    }

    /// One attempt.
    #[must_use]
    pub fn attempt(&self, key: AttemptKey) -> Option<&AttemptRow> {
        self.attempts.get(&key)
    }

    /// Records that bring a new agent to this state: the journal, compacted.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Record> {
        let mut bodies = vec![record::Body::Boot(self.boot_id.clone())];
        if self.newest != wire::Authority::default() {
            bodies.push(record::Body::Authority(self.newest.clone()));
        }
        if self.registration != RegistrationRow::default() {
            bodies.push(record::Body::Registration(self.registration));
        }
        let forgotten = self.forgotten.iter().map(|(uid, attempt)| ForgottenRow { uid: *uid, attempt: *attempt });
        bodies.extend(forgotten.map(record::Body::Forgotten));
        bodies.extend(self.attempts.values().map(|row| record::Body::Attempt(Box::new(row.clone()))));
        bodies.into_iter().map(|body| Record { next_seq: self.next_seq, body: Some(body) }).collect()
    }

    pub(super) fn put(&mut self, record: Record) {
        self.next_seq = self.next_seq.max(record.next_seq);
        match record.body {
            None => {}
            Some(record::Body::Authority(authority)) => self.newest = authority,
            Some(record::Body::Registration(registration)) => self.registration = registration,
            Some(record::Body::Attempt(row)) => {
                self.attempts.insert(row.key(), *row);
            }
            Some(record::Body::Forgotten(row)) => self.forget_row(row),
            Some(record::Body::Boot(boot_id)) => self.boot_id = boot_id,
        }
    }

    pub(super) fn forget_row(&mut self, row: ForgottenRow) {
        let key = AttemptKey { uid: row.uid, attempt: row.attempt };
        self.attempts.remove(&key);
        self.launches.remove(&key);
        let highest = self.forgotten.entry(row.uid).or_default();
        *highest = row.attempt.max(*highest);
        while self.forgotten.len() > FORGOTTEN_MAX {
            self.forgotten.pop_first();
        }
    }

    pub(super) fn journal(&self, body: record::Body) -> Action {
        Action::Journal(Box::new(Record { next_seq: self.next_seq, body: Some(body) }))
    }

    /// The journal action for an attempt that changed.
    pub(super) fn journal_attempt(&self, key: AttemptKey) -> Action {
        let row = self.attempts.get(&key).expect("the caller has just changed this row").clone();
        self.journal(record::Body::Attempt(Box::new(row)))
    }
}

pub(super) fn step_key(attempt: AttemptKey, step: u32) -> StepKey {
    StepKey { attempt, step }
}

/// `u32::MAX` where a step has no limit of its own.
pub(super) fn step_limit(spec: Option<&StepSpec>) -> u32 {
    spec.and_then(|spec| spec.time_limit_s).unwrap_or(u32::MAX)
}

fn attempt_here(row: &AttemptRow) -> wire::AttemptHere {
    let steps: Vec<u32> = row.steps.iter().filter(|step| step.exit.is_none()).map(|step| step.step).collect();
    let phase = match row.phase() {
        Phase::Prologue | Phase::Refused => NodePhase::Placed,
        Phase::Held if steps.is_empty() => NodePhase::Held,
        Phase::Held => NodePhase::Running,
        Phase::Ending | Phase::Emptying | Phase::Epilogue => NodePhase::Completing,
        Phase::Released => NodePhase::Released,
    };
    wire::AttemptHere {
        uid: row.uid,
        attempt: row.attempt,
        phase: phase as i32,
        steps,
        tombstone: row.phase() == Phase::Refused,
    }
}

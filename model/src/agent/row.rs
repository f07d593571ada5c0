//! The journal's records. DURABLE on a node's own disk: never renumber a tag; add only.
//!
//! A record carries the whole row that changed, so that replaying is putting.

use muster_proto::durable::Usage;
use muster_proto::wire;

/// Steps that are over and acknowledged, before a row is compacted.
const STEPS_KEPT: usize = 32;

/// One record of the journal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    /// The number that the next report gets.
    #[prost(uint64, tag = "1")]
    pub next_seq: u64,
    /// What changed.
    #[prost(oneof = "record::Body", tags = "2, 3, 4, 5, 6")]
    pub body: Option<record::Body>,
}

/// The kinds of record.
pub mod record {
    use muster_proto::wire;

    /// What a record says.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Body {
        /// The newest authority seen.
        #[prost(message, tag = "2")]
        Authority(wire::Authority),
        /// Which node of the cluster this is, and its epoch.
        #[prost(message, tag = "3")]
        Registration(super::RegistrationRow),
        /// An attempt as it is now.
        #[prost(message, tag = "4")]
        Attempt(Box<super::AttemptRow>),
        /// An attempt that the cluster told us to forget.
        #[prost(message, tag = "5")]
        Forgotten(super::ForgottenRow),
        /// Which boot of the machine this is.
        #[prost(string, tag = "6")]
        Boot(String),
    }
}

/// What the last registration said.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct RegistrationRow {
    /// The node's index.
    #[prost(uint32, tag = "1")]
    pub node: u32,
    /// Its epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// The lease that the node keeps, ms; 0: none.
    #[prost(uint64, tag = "3")]
    pub lease_ms: u64,
}

/// An attempt that is over and forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct ForgottenRow {
    /// The job's uid.
    #[prost(uint64, tag = "1")]
    pub uid: u64,
    /// The attempt.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
}

/// Where an attempt is on this node. Leaves only forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Phase {
    /// Taken; its prolog runs. Left when the prolog is over.
    Prologue = 0,
    /// Steps may run. Left by EndAttempt.
    Held = 1,
    /// Told to end; steps are ending.
    Ending = 2,
    /// No step is left; containment is being verified.
    Emptying = 3,
    /// The epilog runs.
    Epilogue = 4,
    /// Over, and reported so. Left by Forget.
    Released = 5,
    /// A tombstone: refused for ever. Left by Forget.
    Refused = 6,
}

/// Everything that is known of an attempt.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttemptRow {
    /// The job's uid.
    #[prost(uint64, tag = "1")]
    pub uid: u64,
    /// The attempt.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
    /// Where it is.
    #[prost(enumeration = "Phase", tag = "3")]
    pub phase: i32,
    /// The order that was taken; none for a tombstone.
    #[prost(message, optional, boxed, tag = "4")]
    pub hold: Option<Box<wire::Hold>>,
    /// Its steps on this node, in the order of their launch.
    #[prost(message, repeated, tag = "5")]
    pub steps: Vec<StepRow>,
    /// Set once EndAttempt was obeyed.
    #[prost(message, optional, tag = "6")]
    pub ending: Option<EndingRow>,
    /// The last time limit told, seconds; `u32::MAX`: none.
    #[prost(uint32, tag = "7")]
    pub time_limit_s: u32,
    /// When its first step was launched, by the boot-time clock; 0: not yet.
    #[prost(uint64, tag = "8")]
    pub running_since_ms: u64,
    /// The warning signal before the limit was sent.
    #[prost(bool, tag = "9")]
    pub warned: bool,
    /// The limit passed, and its steps were told to end.
    #[prost(bool, tag = "10")]
    pub timed_out: bool,
    /// For the Released report.
    #[prost(string, tag = "11")]
    pub drain_reason: String,
    /// Everything reported of it, until it is forgotten.
    #[prost(message, repeated, tag = "12")]
    pub reports: Vec<ReportRow>,
    /// Steps that are over and acknowledged: first and last of each run of ids.
    #[prost(uint32, repeated, tag = "13")]
    pub done: Vec<u32>,
    /// A step ended and nobody saw its containment empty: the attempt's end looks for what may live.
    #[prost(bool, tag = "14")]
    pub unproven: bool,
}

/// A step on this node.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StepRow {
    /// Slurm's step id.
    #[prost(uint32, tag = "1")]
    pub step: u32,
    /// Its tasks were started.
    #[prost(bool, tag = "2")]
    pub started: bool,
    /// How it ended.
    #[prost(message, optional, tag = "3")]
    pub exit: Option<ExitRow>,
    /// When it was launched, by the boot-time clock.
    #[prost(uint64, tag = "4")]
    pub launched_ms: u64,
    /// Its own time limit, seconds; `u32::MAX`: none.
    #[prost(uint32, tag = "5")]
    pub time_limit_s: u32,
    /// It was told to end because of a time limit.
    #[prost(bool, tag = "6")]
    pub timed_out: bool,
    /// When the agent itself asks for SIGKILL; 0: it was not told to end.
    #[prost(uint64, tag = "7")]
    pub kill_at_ms: u64,
    /// Its supervisor ends it by itself with the node's lease.
    #[prost(bool, tag = "8")]
    pub leased: bool,
}

/// How a step ended.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExitRow {
    /// As wait(2) says.
    #[prost(uint32, tag = "1")]
    pub wait_status: u32,
    /// By the wall clock.
    #[prost(uint64, tag = "2")]
    pub end_ms: u64,
    /// Launch error, or empty.
    #[prost(string, tag = "3")]
    pub error: String,
    /// What it used.
    #[prost(message, optional, tag = "4")]
    pub usage: Option<Usage>,
    /// Why the node, not the job, is to blame for the launch error; or empty.
    #[prost(string, tag = "5")]
    pub drain_reason: String,
}

/// Why and how an attempt ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct EndingRow {
    /// `EndCause`.
    #[prost(int32, tag = "1")]
    pub cause: i32,
    /// Between SIGTERM and SIGKILL.
    #[prost(uint32, tag = "2")]
    pub kill_wait_s: u32,
    /// SIGKILL without SIGTERM before.
    #[prost(bool, tag = "3")]
    pub at_once: bool,
}

/// Something told to the leader.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReportRow {
    /// The report, with its number.
    #[prost(message, optional, boxed, tag = "1")]
    pub report: Option<Box<wire::Report>>,
    /// The leader has committed it.
    #[prost(bool, tag = "2")]
    pub acked: bool,
}

impl AttemptRow {
    /// The row's key.
    #[must_use]
    pub fn key(&self) -> super::AttemptKey {
        super::AttemptKey { uid: self.uid, attempt: self.attempt }
    }

    /// Whether a step may still live.
    #[must_use]
    pub fn has_live_steps(&self) -> bool {
        self.steps.iter().any(|step| step.exit.is_none())
    }

    /// Whether a process of it may live.
    #[must_use]
    pub fn may_live(&self) -> bool {
        self.phase() < Phase::Released && (self.has_live_steps() || self.unproven)
    }

    /// Whether a step is over, acknowledged, and no longer kept in full.
    #[must_use]
    pub fn is_done(&self, step: u32) -> bool {
        self.done.chunks_exact(2).any(|run| (run[0]..=run[1]).contains(&step))
    }

    /// Leaves only the ids of steps whose exits are acknowledged, once there are many: a job may run thousands.
    pub(super) fn compact(&mut self) {
        let is_over = |row: &ReportRow, step: u32| {
            let body = row.report.as_ref().and_then(|report| report.body.as_ref());
            row.acked && matches!(body, Some(wire::report::Body::StepExit(exit)) if exit.step_id == step)
        };
        let over = |step: &&StepRow| self.reports.iter().any(|report| is_over(report, step.step));
        let over: Vec<u32> = self.steps.iter().filter(over).map(|step| step.step).collect();
        if over.len() < STEPS_KEPT {
            return;
        }
        self.steps.retain(|step| !over.contains(&step.step));
        self.reports.retain(|row| match row.report.as_ref().and_then(|report| report.body.as_ref()) {
            Some(wire::report::Body::StepExit(exit)) => !over.contains(&exit.step_id),
            Some(wire::report::Body::StepStarted(started)) => !over.contains(&started.step_id),
            _ => true,
        });
        over.into_iter().for_each(|step| self.note_done(step));
    }

    fn note_done(&mut self, step: u32) {
        match self.done.chunks_exact_mut(2).find(|run| run[1].checked_add(1) == Some(step)) {
            Some(run) => run[1] = step,
            None => self.done.extend([step, step]),
        }
    }

    pub(super) fn step_mut(&mut self, step: u32) -> Option<&mut StepRow> {
        self.steps.iter_mut().find(|row| row.step == step)
    }
}

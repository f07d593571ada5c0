//! What the node's machine learns.

use muster_proto::durable::Usage;
use muster_proto::wire;

use super::{AttemptKey, StepKey};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The leader accepted this node's registration.
    Registered(Box<wire::Registered>),
    /// The leader wants something.
    Order(Box<wire::Order>),
    /// A heartbeat of this number leaves now.
    Beat {
        /// Its number.
        seq: u64,
    },
    /// The leader answered a heartbeat.
    HeartbeatAcked(Box<wire::HeartbeatAck>),
    /// The prolog is over; a failure in words.
    PrologEnded {
        /// Of which attempt.
        attempt: AttemptKey,
        /// Nothing if it went well.
        failure: Option<String>,
    },
    /// The supervisor runs and the tasks were started.
    StepStarted {
        /// Which step.
        step: StepKey,
    },
    /// The step is over here, and its exit record is durable; or it could not be started.
    StepExited {
        /// Which step.
        step: StepKey,
        /// How.
        exit: StepExit,
    },
    /// Nothing of the attempt lives any more.
    ContainmentEmpty {
        /// Which attempt.
        attempt: AttemptKey,
        /// Why the node should be drained, if killing took too long; else empty.
        drain_reason: String,
    },
    /// The epilog is over; a failure in words.
    EpilogEnded {
        /// Of which attempt.
        attempt: AttemptKey,
        /// Nothing if it went well.
        failure: Option<String>,
    },
    /// A report was committed, or is void; it need not be repeated.
    Acked {
        /// Its number.
        seq: u64,
    },
    /// Time passed.
    Tick,
}

/// How a step ended on this node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepExit {
    /// As wait(2) says; the highest of its tasks.
    pub wait_status: u32,
    /// What it used.
    pub usage: Usage,
    /// When, by this host's wall clock.
    pub end_ms: u64,
    /// Why it could not be launched; else empty.
    pub error: String,
    /// … and the node should be drained, because that lies with the node; else empty.
    pub drain_reason: String,
    /// Its supervisor saw that nothing of it lives. Otherwise somebody has to look.
    pub empty: bool,
    /// It was killed because the node's lease was over: its status says nothing of the job.
    pub lease_over: bool,
}

/// A supervisor, or what it left, found at start.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundStep {
    /// Which step.
    pub step: StepKey,
    /// In which shape.
    pub found: Found,
}

/// The shape of a step found at start.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Its supervisor lives.
    Lives,
    /// It is over, by its exit record.
    Exited(StepExit),
    /// No supervisor and no exit record: it never began, or died before it could write.
    Lost,
}

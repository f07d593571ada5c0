//! What the daemon shall do, in order.

use muster_proto::durable::EndCause;
use muster_proto::wire;

use super::{AttemptKey, Record, StepKey};

/// One thing to do. Those after a `Journal` wait until it is durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Append this to the journal, durably.
    Journal(Box<Record>),
    /// Run the prolog and answer `PrologEnded`.
    RunProlog {
        /// For which attempt.
        attempt: AttemptKey,
        /// The order to hold, for the prolog's environment.
        hold: Box<wire::Hold>,
    },
    /// Start a supervisor; answer `StepStarted` and `StepExited`. Never given twice for one step.
    StartStep {
        /// Which step.
        step: StepKey,
        /// What to run.
        launch: Box<wire::LaunchStep>,
    },
    /// Start the extern step of an attempt that asked for one.
    StartExtern {
        /// Which step.
        step: StepKey,
        /// The order to hold.
        hold: Box<wire::Hold>,
    },
    /// Send a signal to a step's tasks.
    Signal {
        /// Which step.
        step: StepKey,
        /// The signal's number.
        signal: u32,
        /// Only the batch script's own process.
        batch_only: bool,
    },
    /// Slurm's notice, SIGCONT and SIGTERM, SIGKILL after `kill_wait_s`. The supervisor does all of it by itself.
    EndStep {
        /// Which step.
        step: StepKey,
        /// What the notice says.
        cause: EndCause,
        /// Seconds between SIGTERM and SIGKILL.
        kill_wait_s: u32,
        /// The whole attempt ends: only the first node of a step says so.
        whole: bool,
        /// No SIGTERM: SIGKILL right after the notice.
        at_once: bool,
    },
    /// SIGKILL to everything of the step.
    Kill {
        /// Which step.
        step: StepKey,
    },
    /// Make sure that nothing of the attempt lives; answer `ContainmentEmpty` when that is so.
    VerifyEmpty {
        /// Which attempt.
        attempt: AttemptKey,
    },
    /// Run the epilog and answer `EpilogEnded`.
    RunEpilog {
        /// For which attempt.
        attempt: AttemptKey,
        /// The order to hold, for the epilog's environment.
        hold: Box<wire::Hold>,
    },
    /// Tell the leader, if there is a session. Repeated until acknowledged.
    Report(Box<wire::Report>),
    /// The attempt is forgotten: its files may go.
    Clean {
        /// Which attempt.
        attempt: AttemptKey,
    },
    /// Supervisors end their steps by themselves at this instant of the boot-time clock, unless it is moved again;
    /// [`NO_END`](super::NO_END): never.
    KeepLease {
        /// The instant.
        until_ms: u64,
    },
    /// No leader has renewed the node's lease: what it has is being ended. Say so in the log.
    LeaseOver {
        /// Attempts that were not over.
        attempts: usize,
    },
    /// End the session and register anew, wherever somebody leads: the cluster has another lease on record than this node keeps, or
    /// the leader of the session does not renew it.
    RegisterAgain,
    /// An order was not obeyed; say so in the log.
    Refuse {
        /// Why.
        why: String,
    },
}

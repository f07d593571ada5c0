//! The seam to processes: supervisors, prologs, containment. Real on a node, played in the simulation.

use std::io;

use bytes::Bytes;
use muster_channel::BoxFuture;
use muster_model::agent::{AttemptKey, FoundStep, Input, StepKey};
use muster_proto::durable::EndCause;
use muster_proto::wire::{self, BroadcastDone, BroadcastStart, PidInfo};
use tokio::sync::mpsc;

use muster_channel::BoxStream;

/// Where news goes: `PrologEnded`, `StepStarted`, `StepExited`, `ContainmentEmpty`, `EpilogEnded`.
pub type News = mpsc::Sender<Input>;

/// As whom a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobUser {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// How busy the host is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// One-minute load average, hundredths.
    pub load_hundredths: u32,
    /// Free memory.
    pub free_mem_mib: u64,
}

/// How a step is brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What the notice says.
    pub cause: EndCause,
    /// Seconds between SIGTERM and SIGKILL.
    pub kill_wait_s: u32,
    /// The whole attempt ends: only the first node of a step gives notice.
    pub whole: bool,
    /// SIGKILL right after the notice.
    pub at_once: bool,
}

/// Supervisors of steps and what belongs to them. Calls return at once, in order for one step; results come as news.
pub trait Steps: Send + Sync + 'static {
    /// Called once, first: what lives or left an exit record. News of it, and of all that follows, goes to `news`.
    fn open(&self, news: News) -> BoxFuture<'_, Vec<FoundStep>>;
    /// The end of the node's lease as [`keep_lease`](Self::keep_lease) was told last, in this boot; 0: it was not.
    fn lease_until_ms(&self) -> u64;
    /// Every supervisor that is started from now on, or was started since the first call of this, ends its step by itself at this
    /// instant of the boot-time clock, whatever becomes of this daemon, unless the instant is moved again before it has come.
    /// [`NO_END`](muster_model::agent::NO_END): never.
    fn keep_lease(&self, until_ms: u64);
    /// Starts a supervisor. Answered by `StepStarted` and `StepExited`.
    fn start(&self, step: StepKey, launch: wire::LaunchStep);
    /// Starts an extern step: a supervisor that holds no task until it is ended.
    fn start_extern(&self, step: StepKey, hold: wire::Hold);
    /// Signals the tasks of a step.
    fn signal(&self, step: StepKey, signal: u32, batch_only: bool);
    /// The notice, SIGCONT and SIGTERM, SIGKILL after `kill_wait_s`, without further orders.
    fn end(&self, step: StepKey, how: Ending);
    /// SIGKILL to everything of the step.
    fn kill(&self, step: StepKey);
    /// Runs the prolog. Answered by `PrologEnded`.
    fn prolog(&self, attempt: AttemptKey, hold: wire::Hold);
    /// Runs the epilog. Answered by `EpilogEnded`.
    fn epilog(&self, attempt: AttemptKey, hold: wire::Hold);
    /// Kills what is left of the attempt. Answered by `ContainmentEmpty`, when nothing is left and never before.
    fn verify_empty(&self, attempt: AttemptKey);
    /// Removes the files of an attempt.
    fn clean(&self, attempt: AttemptKey);
    /// A stream to the step's supervisor that speaks [`stepd::wire`](crate::stepd::wire) frames.
    fn attach(&self, step: StepKey) -> BoxFuture<'_, io::Result<BoxStream>>;
    /// Processes of a step.
    fn pids(&self, step: StepKey, job_id: u32) -> BoxFuture<'_, Vec<PidInfo>>;
    /// Writes a file as the user.
    fn broadcast(
        &self,
        user: JobUser,
        start: BroadcastStart,
        data: mpsc::Receiver<Bytes>,
    ) -> BoxFuture<'_, BroadcastDone>;
    /// How busy the host is.
    fn load(&self) -> Load;
}

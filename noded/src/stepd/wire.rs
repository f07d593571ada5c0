//! What noded and a step's supervisor say to each other on the supervisor's socket, and the launch and exit files.
//!
//! DURABLE on a node's own disk, and spoken between two versions while noded is upgraded under running steps: add only;
//! `golden.tsv` holds the bytes.

use muster_proto::durable::Usage;
use muster_proto::wire::{AttachStep, FromTasks, Hold, LaunchStep, PidInfo, ToTasks};

/// The launch file: all that a supervisor needs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Launch {
    /// The job's uid.
    #[prost(uint64, tag = "1")]
    pub uid: u64,
    /// The attempt.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
    /// The step.
    #[prost(uint32, tag = "3")]
    pub step: u32,
    /// What to run; none for the extern step.
    #[prost(message, optional, boxed, tag = "4")]
    pub order: Option<Box<LaunchStep>>,
    /// The order to hold, for the extern step.
    #[prost(message, optional, boxed, tag = "5")]
    pub hold: Option<Box<Hold>>,
    /// `NodeName`.
    #[prost(string, tag = "6")]
    pub node_name: String,
    /// Absolute path of the spool.
    #[prost(string, tag = "7")]
    pub spool: String,
    /// `SLURM_CONF` for tasks.
    #[prost(string, tag = "8")]
    pub slurm_conf: String,
    /// `TaskProlog`.
    #[prost(string, tag = "9")]
    pub task_prolog: String,
    /// `TaskEpilog`.
    #[prost(string, tag = "10")]
    pub task_epilog: String,
    /// Milliseconds that srun has to attach, and to come back.
    #[prost(uint64, tag = "11")]
    pub attach_wait_ms: u64,
    /// See `attach_wait_ms`.
    #[prost(uint64, tag = "12")]
    pub resume_wait_ms: u64,
    /// `UnkillableStepTimeout`, seconds.
    #[prost(uint32, tag = "13")]
    pub unkillable_s: u32,
    /// Host name as the kernel has it, for `%N`'s sake and messages.
    #[prost(string, tag = "14")]
    pub host_name: String,
    /// What the environment of all tasks of this spool says.
    #[prost(string, tag = "15")]
    pub mark: String,
    /// The end of the node's lease as it was known at launch, by the boot-time clock, ms; later ones are in the spool. 0: none.
    #[prost(uint64, tag = "16")]
    pub lease_until_ms: u64,
}

/// The exit file: how a step ended here.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExitRecord {
    /// As wait(2) says; the highest of its tasks.
    #[prost(uint32, tag = "1")]
    pub wait_status: u32,
    /// By the wall clock.
    #[prost(uint64, tag = "2")]
    pub end_ms: u64,
    /// Why nothing was run; or empty.
    #[prost(string, tag = "3")]
    pub error: String,
    /// What it used.
    #[prost(message, optional, tag = "4")]
    pub usage: Option<Usage>,
    /// The supervisor lived, and had no child left when it wrote this: nothing of the step lives.
    #[prost(bool, tag = "5")]
    pub empty: bool,
    /// It was killed because the node's lease was over.
    #[prost(bool, tag = "6")]
    pub lease_over: bool,
    /// Nothing was run, and that lies with the node: why it should be drained; or empty.
    #[prost(string, tag = "7")]
    pub drain_reason: String,
}

/// noded to supervisor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ToStep {
    /// What is said.
    #[prost(oneof = "to_step::Body", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub body: Option<to_step::Body>,
}

/// Kinds of [`ToStep`].
pub mod to_step {
    use super::{AttachStep, ToTasks};

    /// What noded says.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Body {
        /// First frame of noded's own connection: tell started, exited, empty.
        #[prost(bool, tag = "1")]
        Watch(bool),
        /// Signal the tasks.
        #[prost(message, tag = "2")]
        Signal(super::Signal),
        /// CONT, TERM, notice; KILL later.
        #[prost(message, tag = "3")]
        End(super::End),
        /// KILL now.
        #[prost(bool, tag = "4")]
        Kill(bool),
        /// First frame of srun's connection.
        #[prost(message, tag = "5")]
        Attach(AttachStep),
        /// srun's later frames.
        #[prost(message, tag = "6")]
        Tasks(ToTasks),
        /// Which processes are there?
        #[prost(bool, tag = "7")]
        ListPids(bool),
    }
}

/// A signal for tasks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Signal {
    /// Its number.
    #[prost(uint32, tag = "1")]
    pub signal: u32,
    /// Only the script's own process.
    #[prost(bool, tag = "2")]
    pub batch_only: bool,
}

/// How a step is brought to its end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct End {
    /// `EndCause`.
    #[prost(int32, tag = "1")]
    pub cause: i32,
    /// Between TERM and KILL.
    #[prost(uint32, tag = "2")]
    pub kill_wait_s: u32,
    /// The whole attempt ends.
    #[prost(bool, tag = "3")]
    pub whole: bool,
    /// No TERM before KILL.
    #[prost(bool, tag = "4")]
    pub at_once: bool,
}

/// Supervisor to noded.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FromStep {
    /// What is said.
    #[prost(oneof = "from_step::Body", tags = "1, 2, 3, 4")]
    pub body: Option<from_step::Body>,
}

/// Kinds of [`FromStep`].
pub mod from_step {
    use super::FromTasks;

    /// What a supervisor says.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Body {
        /// The tasks were started.
        #[prost(bool, tag = "1")]
        Started(bool),
        /// The exit file is durable, and says this; or nothing was run, and the disk may not have taken that.
        #[prost(message, tag = "2")]
        Exited(super::ExitRecord),
        /// For srun.
        #[prost(message, tag = "3")]
        Tasks(FromTasks),
        /// The answer to `ListPids`.
        #[prost(message, tag = "4")]
        Pids(super::Pids),
    }
}

/// Processes of a step.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Pids {
    /// With task ids where a process is a task.
    #[prost(message, repeated, tag = "1")]
    pub pids: Vec<PidInfo>,
}

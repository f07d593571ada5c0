//! What single keys choose, where that is more than a word or a number.

use crate::time::TimeLimit;

/// A controller: `SlurmctldHost=name(addr)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlHost {
    pub name: String,
    /// Where it is reached; the name if none was given.
    pub addr: String,
}

/// Memory per CPU or per node, in MiB. 0 stands for all memory there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryPer {
    Cpu(u64),
    Node(u64),
}

/// `SelectType`: what an allocation is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectType {
    /// Whole nodes.
    Linear,
    /// Cores, memory and generic resources.
    ConsTres,
}

/// The unit of processors that jobs are given under [`SelectType::ConsTres`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumable {
    Cpu,
    Core,
    Socket,
}

/// `SelectTypeParameters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectParameters {
    pub consumable: Consumable,
    /// Memory is given out too.
    pub memory: bool,
    /// `CR_LLN`: least loaded nodes first.
    pub least_loaded_nodes: bool,
    /// `CR_PACK_NODES`: fill nodes instead of spreading tasks.
    pub pack_nodes: bool,
    /// `CR_ONE_TASK_PER_CORE`.
    pub one_task_per_core: bool,
    /// `CR_CORE_DEFAULT_DIST_BLOCK`.
    pub core_default_dist_block: bool,
}

/// `SchedulerType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulerType {
    /// First in, first out, with backfill.
    Backfill,
    /// First in, first out, by priority.
    Builtin,
}

/// `AccountingStorageType`. Either way the history is kept in the cluster's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountingStorage {
    /// Accounting commands say that accounting is off.
    None,
    /// The site asked for accounting.
    Slurmdbd,
}

/// `AccountingStorageEnforce`, with what each word implies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountingEnforce {
    pub associations: bool,
    pub limits: bool,
    pub no_jobs: bool,
    pub no_steps: bool,
    pub qos: bool,
    pub safe: bool,
    pub wckeys: bool,
}

/// `EnforcePartLimits`: whether a submit beyond its partition's limits is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnforcePartLimits {
    /// It waits.
    No,
    /// It must fit one of the partitions asked for.
    Any,
    /// It must fit all of them.
    All,
}

/// `PriorityType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorityType {
    Basic,
    Multifactor,
}

/// The weights and times of the multifactor priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priority {
    pub priority_type: PriorityType,
    pub weight_age: u32,
    pub weight_assoc: u32,
    pub weight_fairshare: u32,
    pub weight_job_size: u32,
    pub weight_partition: u32,
    pub weight_qos: u32,
    /// `PriorityWeightTRES`: resource and weight, as written.
    pub weight_tres: Vec<(String, String)>,
    /// `PriorityMaxAge`: when the age factor is full.
    pub max_age: TimeLimit,
    /// `PriorityDecayHalfLife`; 0 minutes is no decay.
    pub decay_half_life: TimeLimit,
    pub calc_period: TimeLimit,
    pub favor_small: bool,
    /// `PriorityFlags`, in upper case.
    pub flags: Vec<String>,
}

/// `PrologFlags`, with what each word implies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrologFlags {
    pub alloc: bool,
    pub contain: bool,
    pub defer_batch: bool,
    pub force_requeue_on_fail: bool,
    pub no_hold: bool,
    pub run_in_job: bool,
    pub serial: bool,
    pub x11: bool,
}

/// The scripts that a site runs around jobs, steps and tasks; `None` where it runs none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// Paths or patterns of paths, in the order in which they run.
    pub prolog: Vec<String>,
    pub epilog: Vec<String>,
    pub prolog_slurmctld: Vec<String>,
    pub epilog_slurmctld: Vec<String>,
    pub task_prolog: Option<String>,
    pub task_epilog: Option<String>,
    pub srun_prolog: Option<String>,
    pub srun_epilog: Option<String>,
    pub prolog_timeout_s: Option<u32>,
    pub epilog_timeout_s: Option<u32>,
    pub prolog_flags: PrologFlags,
}

/// `HealthCheck*`: a program that nodes run on themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    pub program: Option<String>,
    /// 0 never runs it.
    pub interval_s: u32,
    pub timeout_s: u32,
    /// In upper case: ANY, IDLE, CYCLE …
    pub node_states: Vec<String>,
}

/// A licence of the cluster: `Licenses=matlab:4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    pub name: String,
    pub count: u32,
}

/// A `NodeSet=` line: its members as indices into [`Config::nodes`](super::Config::nodes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSet {
    pub name: String,
    pub nodes: Vec<u32>,
}

//! The configuration as the rest of Muster uses it: every value typed, completed and checked.

use std::collections::BTreeMap;

use super::cgroup::CgroupConf;
use super::choices::{
    AccountingEnforce, AccountingStorage, ControlHost, EnforcePartLimits, HealthCheck, License, MemoryPer, NodeSet,
    Priority, SchedulerType, Scripts, SelectParameters, SelectType,
};
use super::fence::FenceConf;
use super::globals;
use super::gres::GresConf;
use super::nodes::NodeConf;
use super::partitions::PartitionConf;
use super::topology::TopologyLine;
use super::value::Value;

/// All of slurm.conf and its sister files.
///
/// Times are in seconds where the name ends in `_s` and in minutes in `_min`; memory is in MiB. `Option` numbers are
/// `None` for "unlimited" or "not set", which the field says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub cluster_name: String,
    /// The first is the primary; never empty.
    pub slurmctld_hosts: Vec<ControlHost>,
    pub slurm_user: String,
    pub slurmd_user: String,
    /// First and last port; equal unless a range was given.
    pub slurmctld_ports: (u16, u16),
    pub slurmd_port: u16,
    pub state_save_location: String,
    /// May hold `%n` and `%h`.
    pub slurmd_spool_dir: String,
    pub slurmctld_pid_file: String,
    pub slurmd_pid_file: String,
    pub slurmctld_log_file: Option<String>,
    pub slurmd_log_file: Option<String>,
    /// quiet, fatal, error, info, verbose, debug, debug2 … debug5.
    pub slurmctld_debug: String,
    pub slurmd_debug: String,

    /// `auth/munge`, `auth/none` …
    pub auth_type: String,
    /// The options of `AuthInfo`, by lower-case name.
    pub auth_info: BTreeMap<String, String>,
    pub cred_type: String,
    /// `tls/s2n`, `tls/none`; empty: not said, which is none.
    pub tls_type: String,
    /// The options of `TLSParameters`, by lower-case name.
    pub tls_parameters: BTreeMap<String, String>,
    /// `PrivateData`, without "none".
    pub private_data: Vec<String>,
    pub disable_root_jobs: bool,

    pub select_type: SelectType,
    pub select_parameters: SelectParameters,
    pub scheduler_type: SchedulerType,
    /// The words of `SchedulerParameters` by lower-case name; words without a value map to an empty one.
    pub scheduler_parameters: BTreeMap<String, String>,
    pub dependency_parameters: BTreeMap<String, String>,
    pub enforce_part_limits: EnforcePartLimits,
    pub priority: Priority,
    /// `preempt/none`, `preempt/qos`, `preempt/partition_prio`.
    pub preempt_type: String,
    /// `PreemptMode`: OFF, or CANCEL, REQUEUE, SUSPEND with perhaps GANG.
    pub preempt_mode: Vec<String>,
    /// `topology/none`, `topology/tree` …
    pub topology_plugin: String,
    pub gres_types: Vec<String>,
    pub licenses: Vec<License>,

    pub max_job_count: u32,
    pub max_array_size: u32,
    pub first_job_id: u32,
    pub max_job_id: u32,
    pub max_step_count: u32,
    pub max_tasks_per_node: u32,
    pub def_mem: Option<MemoryPer>,
    pub max_mem: Option<MemoryPer>,
    pub job_requeue: bool,
    pub job_file_append: bool,
    pub kill_on_bad_exit: bool,
    pub requeue_exit: Vec<String>,
    pub requeue_exit_hold: Vec<String>,
    pub track_wckey: bool,
    pub over_time_limit_min: Option<u32>,
    pub resv_over_run_min: Option<u32>,

    /// 0, 1 or 2: which DOWN nodes come back by registering.
    pub return_to_service: u8,
    pub kill_wait_s: u32,
    pub min_job_age_s: u32,
    /// 0 never declares a node DOWN for silence.
    pub slurmd_timeout_s: u32,
    pub slurmctld_timeout_s: u32,
    /// 0 never ends an inactive allocation.
    pub inactive_limit_s: u32,
    pub wait_time_s: u32,
    pub complete_wait_s: u32,
    pub batch_start_timeout_s: u32,
    pub message_timeout_s: u32,
    pub tcp_timeout_s: u32,
    pub unkillable_step_timeout_s: u32,
    pub unkillable_step_program: Option<String>,

    pub scripts: Scripts,
    pub health_check: HealthCheck,
    pub mail_prog: String,
    pub mail_domain: Option<String>,
    pub reboot_program: Option<String>,
    pub tmp_fs: String,
    /// `proctrack/cgroup` …
    pub proctrack_type: String,
    /// `task/affinity`, `task/cgroup`; empty for none.
    pub task_plugins: Vec<String>,
    /// none, pmi2, pmix …
    pub mpi_default: String,
    /// The words of each, by lower-case name.
    pub slurmctld_parameters: BTreeMap<String, String>,
    pub slurmd_parameters: BTreeMap<String, String>,
    pub launch_parameters: BTreeMap<String, String>,
    pub interactive_step_options: String,
    /// `PropagateResourceLimits`: ALL, NONE or rlimit names; what `…Except` leaves is worked out.
    pub propagate_rlimits: Vec<String>,

    pub accounting_storage: AccountingStorage,
    pub accounting_enforce: AccountingEnforce,
    /// Extra resources that accounting tracks (`gres/gpu`), without the built-in ones.
    pub accounting_tres: Vec<String>,
    /// `jobacct_gather/linux` …
    pub job_acct_gather_type: String,

    /// In the order of the file; partitions and node sets refer to them by index.
    pub nodes: Vec<NodeConf>,
    pub partitions: Vec<PartitionConf>,
    pub node_sets: Vec<NodeSet>,

    pub gres: Vec<GresConf>,
    pub cgroup: CgroupConf,
    pub topology: Vec<TopologyLine>,
    pub fence: FenceConf,

    /// Where each node stands in `nodes`.
    pub(super) node_index: BTreeMap<String, u32>,
    /// The global keys that were set, understood, by their name in slurm.conf(5).
    pub(super) settings: BTreeMap<&'static str, Value>,
}

impl Config {
    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodeConf> {
        self.nodes.get(self.node_index(name)? as usize)
    }

    /// Where the node of this name stands in `nodes`.
    pub fn node_index(&self, name: &str) -> Option<u32> {
        self.node_index.get(name).copied()
    }

    /// A number of SchedulerParameters: `bf_interval`.
    pub fn scheduler_number(&self, name: &str) -> Option<u64> {
        self.scheduler_parameters.get(name)?.parse().ok()
    }

    /// The partition of this name; names are case-sensitive.
    pub fn partition(&self, name: &str) -> Option<&PartitionConf> {
        self.partitions.iter().find(|partition| partition.name == name)
    }

    /// The partition for jobs that name none.
    pub fn default_partition(&self) -> Option<&PartitionConf> {
        self.partitions.iter().find(|partition| partition.default)
    }

    /// The nodes of a partition, in the order of the file.
    pub fn nodes_of<'a>(&'a self, partition: &'a PartitionConf) -> impl Iterator<Item = &'a NodeConf> {
        partition.nodes.iter().filter_map(|index| self.nodes.get(*index as usize))
    }

    /// `SlurmdParameters=config_overrides`: less hardware than configured does not drain a node.
    pub fn config_overrides(&self) -> bool {
        self.slurmd_parameters.contains_key("config_overrides")
    }

    /// Whether `DebugFlags` names it.
    pub fn has_debug_flag(&self, name: &str) -> bool {
        match self.effective("DebugFlags") {
            Some(Value::List(flags)) => flags.iter().any(|flag| flag.eq_ignore_ascii_case(name)),
            Some(Value::Text(flags)) => flags.split(',').any(|flag| flag.eq_ignore_ascii_case(name)),
            _ => false,
        }
    }

    /// What holds for a global key: what it was set to, or its default; `None` if it has neither.
    pub fn effective(&self, key: &str) -> Option<Value> {
        self.setting(key).cloned().or_else(|| globals::default_of(key))
    }

    /// What a global key was set to, by its name in slurm.conf(5); `None` if it was not set.
    pub fn setting(&self, key: &str) -> Option<&Value> {
        self.settings.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }
}

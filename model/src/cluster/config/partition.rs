//! One partition: its line of the configuration, with the overrides of `scontrol` on top.

use std::collections::{BTreeMap, BTreeSet};

use muster_dialect::conf::{Allow, OverSubscribe, PartitionConf, PartitionState as ConfState};
use muster_dialect::state::PartitionState;
use muster_dialect::time::TimeLimit;

/// Limits: `None` means none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its name.
    pub name: String,
    /// Place among the partitions, in the order of the file.
    pub order: u32,
    /// Node indices, ascending.
    pub nodes: BTreeSet<u32>,
    /// `State`
    pub state: PartitionState,
    /// `Default=YES`
    pub default: bool,
    /// `MaxTime` in seconds.
    pub max_time_s: Option<u32>,
    /// `DefaultTime` in seconds; `None`: `max_time_s`.
    pub default_time_s: Option<u32>,
    /// `MinNodes`
    pub min_nodes: u32,
    /// `MaxNodes`
    pub max_nodes: Option<u32>,
    /// `MaxCPUsPerNode`
    pub max_cpus_per_node: Option<u32>,
    /// `RootOnly`
    pub root_only: bool,
    /// `DisableRootJobs`
    pub disable_root_jobs: bool,
    /// `AllowGroups`: names; `None`: all.
    pub allow_groups: Option<Vec<String>>,
    /// `AllowAccounts`
    pub allow_accounts: Option<Vec<String>>,
    /// `DenyAccounts`
    pub deny_accounts: Vec<String>,
    /// `AllowQos`
    pub allow_qos: Option<Vec<String>>,
    /// `DenyQos`
    pub deny_qos: Vec<String>,
    /// `PriorityTier`
    pub priority_tier: u32,
    /// `PriorityJobFactor`
    pub priority_job_factor: u32,
    /// `OverSubscribe=EXCLUSIVE`: whole nodes.
    pub whole_nodes: bool,
    /// `OverSubscribe`, as scontrol shows it.
    pub oversubscribe: String,
    /// `LLN`
    pub least_loaded: bool,
    /// `Hidden`
    pub hidden: bool,
    /// `ReqResv`
    pub requires_reservation: bool,
    /// `OverTimeLimit` in ms, where the partition says its own; `Some(None)`: unlimited.
    pub over_time_limit_ms: Option<Option<u64>>,
    /// `DefMemPerNode` in MiB; 0: not set.
    pub def_mem_per_node_mib: u64,
    /// `DefMemPerCPU` in MiB; 0: not set.
    pub def_mem_per_cpu_mib: u64,
    /// `MaxMemPerNode` in MiB; 0: no limit.
    pub max_mem_per_node_mib: u64,
    /// `MaxMemPerCPU` in MiB; 0: no limit.
    pub max_mem_per_cpu_mib: u64,
    /// The parsed line, for what is not listed here; `None` where scontrol made the partition.
    pub conf: Option<PartitionConf>,
    /// What scontrol changed: keys in lower case, and their texts.
    pub overrides: BTreeMap<String, String>,
}

impl Partition {
    /// Of its line; `nodes` are node indices.
    pub(super) fn of(conf: &PartitionConf, order: u32, nodes: BTreeSet<u32>) -> Self {
        let (def_mem_per_node_mib, def_mem_per_cpu_mib) = super::settings::memory(conf.def_mem);
        let (max_mem_per_node_mib, max_mem_per_cpu_mib) = super::settings::memory(conf.max_mem);
        Self {
            name: conf.name.clone(),
            order,
            nodes,
            state: match conf.state {
                ConfState::Up => PartitionState::Up,
                ConfState::Down => PartitionState::Down,
                ConfState::Drain => PartitionState::Drain,
                ConfState::Inactive => PartitionState::Inactive,
            },
            default: conf.default,
            max_time_s: seconds(conf.max_time),
            default_time_s: conf.default_time.and_then(seconds),
            min_nodes: conf.min_nodes,
            max_nodes: conf.max_nodes,
            max_cpus_per_node: conf.max_cpus_per_node,
            root_only: conf.root_only,
            disable_root_jobs: conf.disable_root_jobs,
            allow_groups: only(&conf.allow_groups),
            allow_accounts: only(&conf.allow_accounts),
            deny_accounts: conf.deny_accounts.clone(),
            allow_qos: only(&conf.allow_qos),
            deny_qos: conf.deny_qos.clone(),
            priority_tier: conf.priority_tier,
            priority_job_factor: conf.priority_job_factor,
            whole_nodes: conf.over_subscribe == OverSubscribe::Exclusive,
            oversubscribe: match conf.over_subscribe {
                OverSubscribe::No => "NO".to_owned(),
                OverSubscribe::Exclusive => "EXCLUSIVE".to_owned(),
                OverSubscribe::Yes(jobs) => format!("YES:{jobs}"),
                OverSubscribe::Force(jobs) => format!("FORCE:{jobs}"),
            },
            least_loaded: conf.lln,
            hidden: conf.hidden,
            requires_reservation: conf.req_resv,
            over_time_limit_ms: conf.over_time_limit.map(|limit| limit.seconds().map(|seconds| seconds * 1_000)),
            def_mem_per_node_mib,
            def_mem_per_cpu_mib,
            max_mem_per_node_mib,
            max_mem_per_cpu_mib,
            conf: Some(conf.clone()),
            overrides: BTreeMap::new(),
        }
    }

    /// One that scontrol makes, with Slurm's defaults.
    pub(in crate::cluster) fn empty(name: &str, order: u32) -> Self {
        Self {
            name: name.to_owned(),
            order,
            nodes: BTreeSet::new(),
            state: PartitionState::Up,
            default: false,
            max_time_s: None,
            default_time_s: None,
            min_nodes: 1,
            max_nodes: None,
            max_cpus_per_node: None,
            root_only: false,
            disable_root_jobs: false,
            allow_groups: None,
            allow_accounts: None,
            deny_accounts: Vec::new(),
            allow_qos: None,
            deny_qos: Vec::new(),
            priority_tier: 1,
            priority_job_factor: 1,
            whole_nodes: false,
            oversubscribe: "NO".to_owned(),
            least_loaded: false,
            hidden: false,
            requires_reservation: false,
            over_time_limit_ms: None,
            def_mem_per_node_mib: 0,
            def_mem_per_cpu_mib: 0,
            max_mem_per_node_mib: 0,
            max_mem_per_cpu_mib: 0,
            conf: None,
            overrides: BTreeMap::new(),
        }
    }

    /// Whether a job with this time limit may run here.
    pub fn allows_time(&self, limit_s: Option<u32>) -> bool {
        match (self.max_time_s, limit_s) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(max), Some(limit)) => limit <= max,
        }
    }
}

fn seconds(limit: TimeLimit) -> Option<u32> {
    limit.seconds().map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX - 1))
}

fn only(allow: &Allow) -> Option<Vec<String>> {
    match allow {
        Allow::All => None,
        Allow::Only(names) => Some(names.clone()),
    }
}

//! Global settings that decide how commands are applied.

use std::collections::BTreeMap;

use muster_dialect::conf::{Config, MemoryPer, PriorityType, SelectType, global_keys};

pub use muster_dialect::conf::EnforcePartLimits as EnforceLimits;

/// Slurm's defaults where the file says nothing.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ClusterName`
    pub cluster_name: String,
    /// Every global key as written, in lower case, for what is not listed here.
    pub keys: BTreeMap<String, String>,
    /// `FirstJobId`
    pub first_job_id: u32,
    /// `MaxJobId`
    pub max_job_id: u32,
    /// `MaxJobCount`: records in memory.
    pub max_job_count: u32,
    /// `MaxArraySize`: the largest index is one less.
    pub max_array_size: u32,
    /// `MaxStepCount`
    pub max_step_count: u32,
    /// `MinJobAge` in ms; `None`: never purge.
    pub min_job_age_ms: Option<u64>,
    /// `JobRequeue`
    pub job_requeue: bool,
    /// `ReturnToService`: 0, 1 or 2.
    pub return_to_service: u8,
    /// `OverTimeLimit` in ms; `None`: unlimited.
    pub over_time_limit_ms: Option<u64>,
    /// `KillWait`
    pub kill_wait_s: u32,
    /// `EnforcePartLimits`
    pub enforce_part_limits: EnforceLimits,
    /// `PriorityType=priority/multifactor`
    pub multifactor: bool,
    /// `PrologFlags` has `Contain`: an extern step in each job.
    pub contain: bool,
    /// `SlurmdParameters` has `config_overrides`: less hardware than configured is tolerated.
    pub config_overrides: bool,
    /// `SelectTypeParameters` counts memory.
    pub memory_consumable: bool,
    /// `SelectType=select/linear`: whole nodes only.
    pub whole_nodes: bool,
    /// `SchedulerParameters` has `max_script_size`, in bytes.
    pub max_script_size: u64,
    /// `SchedulerParameters` has `kill_invalid_depend`.
    pub kill_invalid_depend: bool,
    /// `DefMemPerNode` in MiB; 0: not set.
    pub def_mem_per_node_mib: u64,
    /// `DefMemPerCPU` in MiB; 0: not set.
    pub def_mem_per_cpu_mib: u64,
    /// `MaxMemPerNode` in MiB; 0: no limit.
    pub max_mem_per_node_mib: u64,
    /// `MaxMemPerCPU` in MiB; 0: no limit.
    pub max_mem_per_cpu_mib: u64,
    /// `Licenses`: name to count.
    pub licenses: BTreeMap<String, u64>,
    /// `DisableRootJobs`
    pub disable_root_jobs: bool,
}

impl Settings {
    /// Of a parsed configuration.
    pub(super) fn of(config: &Config) -> Self {
        let (def_mem_per_node_mib, def_mem_per_cpu_mib) = memory(config.def_mem);
        let (max_mem_per_node_mib, max_mem_per_cpu_mib) = memory(config.max_mem);
        let scheduler = &config.scheduler_parameters;
        Self {
            cluster_name: config.cluster_name.clone(),
            keys: keys(config),
            first_job_id: config.first_job_id.max(1),
            max_job_id: config.max_job_id.max(config.first_job_id.max(1)),
            max_job_count: config.max_job_count,
            max_array_size: config.max_array_size,
            max_step_count: config.max_step_count,
            min_job_age_ms: Some(u64::from(config.min_job_age_s) * 1_000).filter(|&age| age != 0),
            job_requeue: config.job_requeue,
            return_to_service: config.return_to_service,
            over_time_limit_ms: config.over_time_limit_min.map(|minutes| u64::from(minutes) * 60_000),
            kill_wait_s: config.kill_wait_s,
            enforce_part_limits: config.enforce_part_limits,
            multifactor: config.priority.priority_type == PriorityType::Multifactor,
            contain: config.scripts.prolog_flags.contain,
            config_overrides: config.config_overrides(),
            memory_consumable: config.select_parameters.memory,
            whole_nodes: config.select_type == SelectType::Linear,
            max_script_size: scheduler.get("max_script_size").and_then(|size| size.parse().ok()).unwrap_or(4 << 20),
            kill_invalid_depend: scheduler.contains_key("kill_invalid_depend")
                || config.dependency_parameters.contains_key("kill_invalid_depend"),
            def_mem_per_node_mib,
            def_mem_per_cpu_mib,
            max_mem_per_node_mib,
            max_mem_per_cpu_mib,
            licenses: config.licenses.iter().map(|one| (one.name.clone(), u64::from(one.count))).collect(),
            disable_root_jobs: config.disable_root_jobs,
        }
    }
}

/// (per node, per CPU), 0 where not set.
pub(super) fn memory(memory: Option<MemoryPer>) -> (u64, u64) {
    match memory {
        None => (0, 0),
        Some(MemoryPer::Node(mib)) => (mib, 0),
        Some(MemoryPer::Cpu(mib)) => (0, mib),
    }
}

fn keys(config: &Config) -> BTreeMap<String, String> {
    let set = global_keys().iter().filter_map(|key| Some((key.name, config.setting(key.name)?)));
    set.map(|(name, value)| (name.to_ascii_lowercase(), value.to_string())).collect()
}

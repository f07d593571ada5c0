//! Rows of `scontrol show config` that are worked out, each as Slurm 22.05 was seen to show it.

use super::super::choices::{AccountingStorage, MemoryPer, PriorityType, SelectType};
use super::super::proof::Proof;
use super::super::value::Value;
use super::{View, null};
use crate::time::TimeLimit;

/// Rows between PrioritySiteFactorPlugin and PriorityType.
pub(super) const RULES: [&str; 6] = [
    "PriorityDecayHalfLife",
    "PriorityCalcPeriod",
    "PriorityFavorSmall",
    "PriorityFlags",
    "PriorityMaxAge",
    "PriorityUsageResetPeriod",
];

/// Rows after PriorityType, as Slurm spells them.
pub(super) const WEIGHTS: [&str; 7] = [
    "PriorityWeightAge",
    "PriorityWeightAssoc",
    "PriorityWeightFairShare",
    "PriorityWeightJobSize",
    "PriorityWeightPartition",
    "PriorityWeightQOS",
    "PriorityWeightTRES",
];

type Rows = Vec<(String, String)>;

fn one(name: &str, value: impl ToString) -> Rows {
    vec![(name.to_string(), value.to_string())]
}

pub(super) fn enforce(view: &View<'_>) -> String {
    let words = view.value("AccountingStorageEnforce");
    if words == "(null)" { "none".to_string() } else { words }
}

fn is_accounting(view: &View<'_>) -> bool {
    view.config.accounting_storage == AccountingStorage::Slurmdbd
}

pub(super) fn storage_port(view: &View<'_>) -> String {
    if is_accounting(view) { view.value("AccountingStoragePort") } else { "0".to_string() }
}

pub(super) fn storage_user(view: &View<'_>) -> String {
    if is_accounting(view) { "N/A" } else { "root" }.to_string()
}

/// The built-in resources, then the site's.
pub(super) fn storage_tres(view: &View<'_>) -> String {
    let mut resources = vec!["cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages"];
    for extra in &view.config.accounting_tres {
        if !resources.contains(&extra.as_str()) {
            resources.push(extra);
        }
    }
    resources.join(",")
}

/// Of fence.conf, where it asks for more than certainty: Slurm has no such row.
pub(super) fn proof_of_death(view: &View<'_>) -> Rows {
    match view.config.fence.proof {
        Proof::Certain => Vec::new(),
        proof => one("ProofOfDeath", proof.shown()),
    }
}

pub(super) fn lease(view: &View<'_>) -> Rows {
    match view.config.fence.lease_s {
        0 => Vec::new(),
        seconds => one("LeaseSec", format!("{seconds} sec")),
    }
}

pub(super) fn cpu_freq(view: &View<'_>) -> String {
    let frequency = view.value("CpuFreqDef");
    if frequency == "(null)" { "Unknown".to_string() } else { frequency }
}

pub(super) fn def_mem(view: &View<'_>) -> Rows {
    memory("DefMemPer", view.config.def_mem)
}

pub(super) fn max_mem(view: &View<'_>) -> Rows {
    memory("MaxMemPer", view.config.max_mem)
}

fn memory(name: &str, memory: Option<MemoryPer>) -> Rows {
    match memory {
        Some(MemoryPer::Cpu(mib)) => one(&format!("{name}CPU"), mib),
        Some(MemoryPer::Node(mib)) => one(&format!("{name}Node"), mib),
        None => one(&format!("{name}Node"), "UNLIMITED"),
    }
}

/// `DefCpuPerGPU=2,DefMemPerGPU=4096`
pub(super) fn job_defaults(view: &View<'_>) -> String {
    let keys = ["DefCpuPerGPU", "DefMemPerGPU"].into_iter();
    let set = keys.filter_map(|key| match view.config.settings.get(key) {
        Some(Value::Number(number)) => Some(format!("{key}={number}")),
        _ => None,
    });
    let set: Vec<String> = set.collect();
    if set.is_empty() { null() } else { set.join(",") }
}

/// slurm.conf(5): twice MaxJobCount and four times the nodes, at least 10,000; nothing without accounting.
pub(super) fn max_dbd_msgs(view: &View<'_>) -> String {
    const AT_LEAST: u64 = 10_000;
    if let Some(Value::Number(number)) = view.config.settings.get("MaxDBDMsgs") {
        return number.to_string();
    }
    let nodes = u64::try_from(view.config.nodes.len()).unwrap_or(u64::MAX);
    let computed = u64::from(view.config.max_job_count) * 2 + nodes.saturating_mul(4);
    if is_accounting(view) { computed.max(AT_LEAST) } else { 0 }.to_string()
}

pub(super) fn max_node_count(view: &View<'_>) -> String {
    match view.config.settings.get("MaxNodeCount") {
        Some(Value::Number(number)) => number.to_string(),
        _ => view.config.nodes.len().to_string(),
    }
}

/// True of every configuration that gives several nodes one host, and of Debian's Slurm always.
pub(super) fn multiple_slurmd(_: &View<'_>) -> String {
    "Yes".to_string()
}

pub(super) fn minutes(view: &View<'_>, key: &str) -> String {
    match view.effective(key) {
        Some(Value::Unlimited) => "UNLIMITED".to_string(),
        _ => view.with_unit(key, "min"),
    }
}

pub(super) fn exempt_time(view: &View<'_>) -> String {
    match view.span("PreemptExemptTime") {
        TimeLimit::Unlimited => "NONE".to_string(),
        limit => limit.to_string(),
    }
}

/// Slurm's 16-bit marks: 65534 is not set, 65535 unlimited.
pub(super) fn script_timeout(view: &View<'_>) -> String {
    match view.config.settings.get("PrologEpilogTimeout") {
        Some(Value::Number(seconds)) => seconds.to_string(),
        Some(_) => "65535".to_string(),
        None => "65534".to_string(),
    }
}

pub(super) fn multifactor_rules(view: &View<'_>) -> Rows {
    if view.config.priority.priority_type == PriorityType::Basic {
        return Vec::new();
    }
    let value = |key: &str| match key {
        // No flags show as nothing, unlike other lists.
        "PriorityFlags" => view.effective(key).map(|value| value.to_string()).unwrap_or_default(),
        _ => view.value(key),
    };
    RULES.into_iter().flat_map(|key| one(key, value(key))).collect()
}

pub(super) fn multifactor_weights(view: &View<'_>) -> Rows {
    if view.config.priority.priority_type == PriorityType::Basic {
        return Vec::new();
    }
    let key_of = |name: &'static str| if name == "PriorityWeightFairShare" { "PriorityWeightFairshare" } else { name };
    WEIGHTS.into_iter().flat_map(|name| one(name, view.value(key_of(name)))).collect()
}

pub(super) fn propagate(view: &View<'_>) -> String {
    let set = view.config.settings.contains_key("PropagateResourceLimits");
    let except = view.config.settings.contains_key("PropagateResourceLimitsExcept");
    match (set, except) {
        (_, true) => null(),
        (true, false) => view.value("PropagateResourceLimits"),
        (false, false) => "ALL".to_string(),
    }
}

pub(super) fn select_parameters(view: &View<'_>) -> Rows {
    let written = view.value("SelectTypeParameters");
    match (view.config.select_type, written.as_str()) {
        (SelectType::Linear, "(null)") => Vec::new(),
        (SelectType::ConsTres, "(null)") => one("SelectTypeParameters", "CR_CORE_MEMORY"),
        _ => one("SelectTypeParameters", written),
    }
}

pub(super) fn slurm_user(view: &View<'_>) -> String {
    user(&view.config.slurm_user, view.runtime.slurm_user_uid)
}

pub(super) fn slurmd_user(view: &View<'_>) -> String {
    user(&view.config.slurmd_user, view.runtime.slurmd_user_uid)
}

fn user(name: &str, uid: Option<u32>) -> String {
    uid.map_or_else(|| name.to_string(), |uid| format!("{name}({uid})"))
}

/// `SlurmctldHost[0] = ctl1(10.0.0.1)`; the address only where it differs from the name.
pub(super) fn controllers(view: &View<'_>) -> Rows {
    let hosts = view.config.slurmctld_hosts.iter().enumerate();
    let rows = hosts.map(|(index, host)| {
        let addr = if host.addr == host.name { String::new() } else { format!("({})", host.addr) };
        (format!("SlurmctldHost[{index}]"), format!("{}{addr}", host.name))
    });
    rows.collect()
}

pub(super) fn srun_ports(view: &View<'_>) -> String {
    match view.effective("SrunPortRange") {
        Some(Value::Ports(low, high)) => format!("{low}-{high}"),
        _ => "0-0".to_string(),
    }
}

pub(super) fn suspend_time(view: &View<'_>) -> String {
    match view.effective("SuspendTime") {
        Some(Value::Number(_)) => view.with_unit("SuspendTime", "sec"),
        _ => "INFINITE".to_string(),
    }
}

/// In lower case, "verbose" first.
pub(super) fn task_plugin_param(view: &View<'_>) -> String {
    let Some(Value::List(words)) = view.effective("TaskPluginParam").filter(|words| !words.to_string().is_empty())
    else {
        return "(null type)".to_string();
    };
    let mut words: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    words.sort_by_key(|word| word != "verbose");
    words.join(",")
}

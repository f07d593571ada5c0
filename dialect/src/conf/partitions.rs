//! `PartitionName=` lines.

use super::choices::MemoryPer;
use super::diagnostics::{Findings, Place};
use super::fields::Fields;
use super::keys;
use super::lexer::Pair;
use super::node_sets::Members;
use super::value::Value;
use crate::time::TimeLimit;

/// `State=` of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionState {
    /// Jobs queue and start.
    Up,
    /// Jobs queue, none starts.
    Down,
    /// No job queues, queued ones start.
    Drain,
    /// Neither.
    Inactive,
}

/// `OverSubscribe=`: whether jobs share what they were given. The number bounds how many do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverSubscribe {
    No,
    /// Whole nodes, to one job each.
    Exclusive,
    /// Those that ask for it.
    Yes(u16),
    /// All, whether they ask or not.
    Force(u16),
}

/// How many jobs share a resource when YES or FORCE gives no number, as Slurm 22.05 shows it.
const SHARED_BY_DEFAULT: u16 = 4;

/// A cluster has at most this many partitions.
const PARTITIONS_MAX: usize = 4_096;

/// A list that lets all in, or only some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    All,
    Only(Vec<String>),
}

/// One partition. Values that the line left out are completed from the cluster's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionConf {
    pub name: String,
    /// Indices into `Config::nodes`, ascending.
    pub nodes: Vec<u32>,
    /// The node sets that `Nodes=` names.
    pub node_sets: Vec<String>,
    pub default: bool,
    pub state: PartitionState,
    pub max_time: TimeLimit,
    /// `None`: the maximum serves.
    pub default_time: Option<TimeLimit>,
    /// `None`: unlimited.
    pub max_nodes: Option<u32>,
    pub min_nodes: u32,
    /// `None`: unlimited.
    pub max_cpus_per_node: Option<u32>,
    /// `None`: unlimited.
    pub max_cpus_per_socket: Option<u32>,
    /// `None`: the cluster's.
    pub def_mem: Option<MemoryPer>,
    /// `None`: the cluster's.
    pub max_mem: Option<MemoryPer>,
    pub def_cpu_per_gpu: Option<u64>,
    pub def_mem_per_gpu_mib: Option<u64>,
    pub priority_tier: u32,
    pub priority_job_factor: u32,
    pub over_subscribe: OverSubscribe,
    pub exclusive_user: bool,
    pub root_only: bool,
    pub hidden: bool,
    pub lln: bool,
    pub req_resv: bool,
    pub disable_root_jobs: bool,
    pub allow_groups: Allow,
    pub allow_accounts: Allow,
    pub deny_accounts: Vec<String>,
    pub allow_qos: Allow,
    pub deny_qos: Vec<String>,
    /// Host expression of the submit hosts allowed; `None`: all.
    pub alloc_nodes: Option<String>,
    /// The QOS whose limits hold in this partition.
    pub qos: Option<String>,
    /// Where jobs go when this partition does not take them.
    pub alternate: Option<String>,
    pub grace_time_s: u32,
    /// `None`: the cluster's.
    pub preempt_mode: Option<Vec<String>>,
    /// `None`: the cluster's; [`TimeLimit::Unlimited`] lets jobs run on.
    pub over_time_limit: Option<TimeLimit>,
    /// Resource and weight, as written.
    pub tres_billing_weights: Vec<(String, String)>,
    /// In upper case; `None`: the cluster's.
    pub select_type_parameters: Option<Vec<String>>,
}

/// Partitions as they are read.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    pub(super) list: Vec<PartitionConf>,
    /// Where each stands, for the checks that need all of them.
    pub(super) places: Vec<Place>,
    defaults: Fields,
}

impl Partitions {
    /// Reads a `PartitionName=` line, after all nodes and node sets are known.
    pub(super) fn read(&mut self, pairs: &[Pair], members: &Members<'_>, root_barred: bool, findings: &mut Findings) {
        let fields = Fields::read("PartitionName", pairs, keys::PARTITION, findings);
        let Some(name) = fields.text("PartitionName").map(str::to_string) else { return };
        if name.eq_ignore_ascii_case("DEFAULT") {
            if fields.has("Nodes") {
                // Slurm takes it; a partition then has these nodes unless it names its own.
                findings.note(fields.place("Nodes"), "Nodes of PartitionName=DEFAULT serve partitions that name none");
            }
            return self.defaults.update(fields);
        }
        let at = fields.place("PartitionName");
        if !is_good_name(&name) {
            return findings.error(at, format!("\"{name}\" cannot be the name of a partition"));
        }
        if self.list.iter().any(|other| other.name == name) {
            return findings.error(at, format!("partition {name} is configured twice"));
        }
        if self.list.len() >= PARTITIONS_MAX {
            return findings.error(at, format!("more than {PARTITIONS_MAX} partitions"));
        }
        let own = Own { priority: fields.number_u32("Priority"), over: over_subscribe_of(&fields) };
        let fields = fields.over(&self.defaults);
        let partition = partition(name, &fields, &own, members, root_barred, findings);
        self.list.push(partition);
        self.places.push(at);
    }
}

/// A name is one word of a job's `--partition` list.
fn is_good_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.contains([',', ' ', '\t', '"', '/', '='])
}

/// Spellings of one thing under two keys: what the line itself says comes before either default.
struct Own {
    priority: Option<u32>,
    over: Option<(String, Place)>,
}

fn over_subscribe_of(fields: &Fields) -> Option<(String, Place)> {
    let key = ["OverSubscribe", "Shared"].into_iter().find(|key| fields.has(key))?;
    Some((fields.text(key)?.to_string(), fields.place(key)))
}

fn partition(
    name: String,
    fields: &Fields,
    own: &Own,
    members: &Members<'_>,
    root_barred: bool,
    findings: &mut Findings,
) -> PartitionConf {
    let (nodes, node_sets) =
        members.of_partition(fields.text("Nodes").unwrap_or_default(), fields.place("Nodes"), findings);
    let over = own.over.clone().or_else(|| over_subscribe_of(fields));
    let exclusive = fields.text("Exclusive").unwrap_or("NO");
    let mut over_subscribe = over.map_or(OverSubscribe::No, |(text, at)| over_subscribe(&text, at, findings));
    if exclusive == "USER" {
        findings.warn(fields.place("Exclusive"), "Exclusive=USER is accepted, but this version does not enforce it");
    }
    if exclusive == "NODE" {
        over_subscribe = OverSubscribe::Exclusive;
    }
    if exclusive == "TOPO" {
        findings.warn(fields.place("Exclusive"), "Exclusive=TOPO is not supported: NO is used");
    }
    let priority = own.priority.or_else(|| fields.number_u32("Priority"));
    let yes = |key: &str| fields.boolean(key).unwrap_or(false);
    let text = |key: &str| fields.text(key).map(str::to_string);
    PartitionConf {
        name,
        nodes,
        node_sets,
        default: yes("Default"),
        state: state(fields.text("State")),
        max_time: fields.span("MaxTime").unwrap_or(TimeLimit::Unlimited),
        default_time: fields.span("DefaultTime"),
        max_nodes: fields.number_u32("MaxNodes"),
        min_nodes: fields.number_u32("MinNodes").unwrap_or(0),
        max_cpus_per_node: fields.number_u32("MaxCPUsPerNode"),
        max_cpus_per_socket: fields.number_u32("MaxCPUsPerSocket"),
        def_mem: memory(fields, "DefMemPerCPU", "DefMemPerNode", findings),
        max_mem: memory(fields, "MaxMemPerCPU", "MaxMemPerNode", findings),
        def_cpu_per_gpu: fields.number("DefCpuPerGPU"),
        def_mem_per_gpu_mib: fields.number("DefMemPerGPU"),
        priority_tier: fields.number_u32("PriorityTier").or(priority).unwrap_or(1),
        priority_job_factor: fields.number_u32("PriorityJobFactor").or(priority).unwrap_or(1),
        over_subscribe,
        exclusive_user: yes("ExclusiveUser") || exclusive == "USER",
        root_only: yes("RootOnly"),
        hidden: yes("Hidden"),
        lln: yes("LLN"),
        req_resv: yes("ReqResv"),
        disable_root_jobs: fields.boolean("DisableRootJobs").unwrap_or(root_barred),
        allow_groups: allow(fields, "AllowGroups"),
        allow_accounts: allow(fields, "AllowAccounts"),
        deny_accounts: deny(fields, "DenyAccounts", "AllowAccounts", findings),
        allow_qos: allow(fields, "AllowQos"),
        deny_qos: deny(fields, "DenyQos", "AllowQos", findings),
        alloc_nodes: text("AllocNodes").filter(|nodes| !nodes.eq_ignore_ascii_case("ALL")),
        qos: text("QOS"),
        alternate: text("Alternate"),
        grace_time_s: fields.number_u32("GraceTime").unwrap_or(0),
        preempt_mode: fields.list("PreemptMode"),
        over_time_limit: over_time_limit(fields),
        tres_billing_weights: weights(&fields.list("TRESBillingWeights").unwrap_or_default()),
        select_type_parameters: fields.list("SelectTypeParameters"),
    }
}

fn state(text: Option<&str>) -> PartitionState {
    match text {
        Some("DOWN") => PartitionState::Down,
        Some("DRAIN") => PartitionState::Drain,
        Some("INACTIVE") => PartitionState::Inactive,
        _ => PartitionState::Up,
    }
}

fn over_subscribe(text: &str, at: Place, findings: &mut Findings) -> OverSubscribe {
    let (word, count) = match text.split_once(':') {
        Some((word, count)) => (word, count.parse::<u16>().ok().filter(|count| *count > 0)),
        None => (text, Some(SHARED_BY_DEFAULT)),
    };
    let plain = !text.contains(':');
    let said = match (word.to_ascii_uppercase().as_str(), count) {
        ("NO", _) if plain => OverSubscribe::No,
        ("EXCLUSIVE", _) if plain => OverSubscribe::Exclusive,
        ("YES", Some(count)) => OverSubscribe::Yes(count),
        ("FORCE", Some(count)) => OverSubscribe::Force(count),
        _ => {
            let expected = "expected NO, EXCLUSIVE, YES, YES:n, FORCE or FORCE:n";
            findings.error(at, format!("OverSubscribe cannot be \"{text}\" ({expected})"));
            OverSubscribe::No
        }
    };
    if matches!(said, OverSubscribe::Yes(_) | OverSubscribe::Force(_)) {
        findings.warn(at, format!("OverSubscribe={text} is not supported by this version: jobs share no cores"));
    }
    said
}

/// Of the two forms, memory per node wins, as in Slurm.
pub(super) fn memory(fields: &Fields, per_cpu: &str, per_node: &str, findings: &mut Findings) -> Option<MemoryPer> {
    // "Unlimited" is what holds without the key.
    let of_cpu = fields.number(per_cpu).map(MemoryPer::Cpu);
    let of_node = fields.number(per_node).map(MemoryPer::Node);
    if of_cpu.is_some() && of_node.is_some() {
        let message = format!("{per_cpu} ignored, since it's mutually exclusive with {per_node}");
        findings.warn(fields.place(per_cpu), message);
    }
    of_node.or(of_cpu)
}

fn allow(fields: &Fields, key: &str) -> Allow {
    match fields.list(key) {
        Some(list) if !list.iter().any(|item| item.eq_ignore_ascii_case("ALL")) => Allow::Only(list),
        _ => Allow::All,
    }
}

fn deny(fields: &Fields, key: &str, instead: &str, findings: &mut Findings) -> Vec<String> {
    let list = fields.list(key).unwrap_or_default();
    if !list.is_empty() && allow(fields, instead) != Allow::All {
        findings.warn(fields.place(key), format!("{key} is not enforced, since {instead} is given"));
        return Vec::new();
    }
    list
}

fn over_time_limit(fields: &Fields) -> Option<TimeLimit> {
    match fields.get("OverTimeLimit")? {
        Value::Number(minutes) => u32::try_from(*minutes).ok().map(TimeLimit::Minutes),
        _ => Some(TimeLimit::Unlimited),
    }
}

/// `cpu=1.0,mem=0.25G` as pairs of resource and weight.
pub(super) fn weights(items: &[String]) -> Vec<(String, String)> {
    let pairs = items.iter().filter_map(|item| item.split_once('='));
    pairs.map(|(resource, weight)| (resource.to_string(), weight.to_string())).collect()
}

//! Partitions as `sinfo` and `scontrol show partition` need them.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_dialect::conf::PartitionConf;
use muster_dialect::errno;
use muster_dialect::hostlist;
use muster_dialect::time::TimeLimit;
use muster_model::cluster::{Node, Partition};
use muster_proto::wire::{ListPartitions, PartitionInfo, PartitionList};

use super::{Sight, allocation, around};
use crate::door::client::{Caller, Refusal};
use crate::member::Member;

const UNLIMITED: u32 = u32::MAX;

/// Partitions, in the order of the configuration.
pub(crate) fn partitions(member: &Member, caller: &Caller, asked: &ListPartitions) -> Result<PartitionList, Refusal> {
    let now_ms = member.now_ms();
    if caller.sees(member, "partitions") != Sight::All {
        return Ok(PartitionList { now_ms, ..PartitionList::default() });
    }
    let mut found = member.core.read(|cluster| {
        let wanted = |it: &&Arc<Partition>| asked.name.is_empty() || it.name == asked.name;
        cluster.partitions().filter(wanted).cloned().collect::<Vec<Arc<Partition>>>()
    });
    let nodes = around::nodes(member);
    if found.is_empty() && !asked.name.is_empty() {
        return Err(Refusal::slurm(errno::ESLURM_INVALID_PARTITION_NAME));
    }
    found.sort_by_key(|partition| partition.order);
    Ok(PartitionList { partitions: found.iter().map(|it| info(&nodes, it)).collect(), now_ms })
}

fn info(nodes: &BTreeMap<u32, Arc<Node>>, partition: &Partition) -> PartitionInfo {
    let members: Vec<&Arc<Node>> = partition.nodes.iter().filter_map(|index| nodes.get(index)).collect();
    let names: Vec<&str> = members.iter().map(|node| node.name()).collect();
    let cpus: u32 = members.iter().map(|node| node.total().cpus).sum();
    let mem_mib: u64 = members.iter().map(|node| node.total().mem_mib).sum();
    let mut gres: BTreeMap<String, u64> = BTreeMap::new();
    for (kind, devices) in members.iter().flat_map(|node| &node.total().gres) {
        *gres.entry(kind.name.clone()).or_default() += devices.count;
    }
    let total_nodes = u32::try_from(members.len()).unwrap_or(u32::MAX);
    PartitionInfo {
        name: partition.name.clone(),
        is_default: partition.default,
        state: partition.state.long().to_owned(),
        nodes: hostlist::fold(&names),
        total_cpus: cpus,
        total_nodes,
        max_time_s: partition.max_time_s.unwrap_or(UNLIMITED),
        default_time_s: partition.default_time_s,
        keys: keys(partition),
        tres: allocation::tres(cpus, mem_mib, total_nodes, cpus, &gres),
    }
}

/// The other keys of slurm.conf's partition lines, with their effective values as `scontrol` shows them.
fn keys(partition: &Partition) -> BTreeMap<String, String> {
    let list = |allow: &Option<Vec<String>>| allow.as_ref().map_or_else(|| "ALL".to_owned(), |names| names.join(","));
    let yes = |on: bool| if on { "YES" } else { "NO" }.to_owned();
    let count = |limit: Option<u32>| limit.map_or_else(|| "UNLIMITED".to_owned(), |limit| limit.to_string());
    let mut keys = partition.conf.as_ref().map_or_else(BTreeMap::new, of_line);
    let known = [
        ("AllowGroups", list(&partition.allow_groups)),
        ("AllowAccounts", list(&partition.allow_accounts)),
        ("DenyAccounts", partition.deny_accounts.join(",")),
        ("AllowQos", list(&partition.allow_qos)),
        ("DenyQos", partition.deny_qos.join(",")),
        ("DisableRootJobs", yes(partition.disable_root_jobs)),
        ("Hidden", yes(partition.hidden)),
        ("LLN", yes(partition.least_loaded)),
        ("MaxCPUsPerNode", count(partition.max_cpus_per_node)),
        ("MaxNodes", count(partition.max_nodes)),
        ("MinNodes", partition.min_nodes.to_string()),
        ("OverSubscribe", partition.oversubscribe.clone()),
        ("PriorityJobFactor", partition.priority_job_factor.to_string()),
        ("PriorityTier", partition.priority_tier.to_string()),
        ("ReqResv", yes(partition.requires_reservation)),
        ("RootOnly", yes(partition.root_only)),
        ("DefMemPerCPU", memory(partition.def_mem_per_cpu_mib)),
        ("DefMemPerNode", memory(partition.def_mem_per_node_mib)),
        ("MaxMemPerCPU", memory(partition.max_mem_per_cpu_mib)),
        ("MaxMemPerNode", memory(partition.max_mem_per_node_mib)),
    ];
    keys.extend(known.into_iter().map(|(key, value)| (key.to_owned(), value)));
    keys
}

fn memory(mib: u64) -> String {
    if mib == 0 { String::new() } else { mib.to_string() }
}

/// Keys that scontrol's overrides do not reach.
fn of_line(conf: &PartitionConf) -> BTreeMap<String, String> {
    let all = || "ALL".to_owned();
    let words = |words: &Option<Vec<String>>| words.as_ref().map(|words| words.join(",")).unwrap_or_default();
    let over_time = conf.over_time_limit.map(|limit| match limit {
        TimeLimit::Unlimited => "UNLIMITED".to_owned(),
        limit => limit.seconds().map_or_else(String::new, |seconds| (seconds / 60).to_string()),
    });
    let weights = conf.tres_billing_weights.iter().map(|(name, weight)| format!("{name}={weight}"));
    let pairs = [
        ("AllocNodes", conf.alloc_nodes.clone().unwrap_or_else(all)),
        ("Alternate", conf.alternate.clone().unwrap_or_default()),
        ("ExclusiveUser", if conf.exclusive_user { "YES" } else { "NO" }.to_owned()),
        ("GraceTime", conf.grace_time_s.to_string()),
        ("NodeSets", conf.node_sets.join(",")),
        ("OverTimeLimit", over_time.unwrap_or_else(|| "NONE".to_owned())),
        ("PreemptMode", words(&conf.preempt_mode)),
        ("QoS", conf.qos.clone().unwrap_or_else(|| "N/A".to_owned())),
        ("SelectTypeParameters", words(&conf.select_type_parameters)),
        ("TRESBillingWeights", weights.collect::<Vec<_>>().join(",")),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

//! Nodes as `sinfo` and `scontrol show node` need them.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_dialect::hostlist;
use muster_model::cluster::Node;
use muster_proto::durable::NodePhase;
use muster_proto::wire::{ListNodes, NodeInfo, NodeList};

use super::private;
use crate::door::client::{Caller, Refusal};
use crate::member::Member;
use crate::seat::Seat;
use muster_dialect::errno;

/// Where noded is reached: what it said when it registered, else what the configuration says.
pub(crate) fn node_address(node: &Node) -> String {
    if node.row.address.is_empty() {
        return format!("{}:{}", node.line.address, node.line.port);
    }
    node.row.address.clone()
}

/// Nodes, in the order of the configuration.
pub(crate) async fn nodes(
    seat: &Seat,
    member: &Member,
    caller: &Caller,
    asked: &ListNodes,
) -> Result<NodeList, Refusal> {
    let now_ms = member.now_ms();
    if private::is_hidden(member, caller, "nodes") {
        return Ok(NodeList { now_ms, ..NodeList::default() });
    }
    let wanted = wanted(&asked.names)?;
    let index = member.core.applied();
    let (nodes, soft) = member.core.read(|cluster| {
        let of_names = |node: &&Arc<Node>| wanted.as_ref().is_none_or(|names| names.iter().any(|it| it == node.name()));
        let nodes: Vec<_> = cluster.nodes().filter(|node| !node.row.removed).filter(of_names).cloned().collect();
        (nodes, Soft::of(cluster))
    });
    let mut infos = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let mut info = info(member, &soft, node);
        info.reason_user = reason_user(seat, node).await;
        infos.push(info);
    }
    Ok(NodeList { nodes: infos, now_ms, index })
}

fn wanted(names: &str) -> Result<Option<Vec<String>>, Refusal> {
    if names.is_empty() {
        return Ok(None);
    }
    hostlist::parse(names).map(Some).map_err(|_| Refusal::slurm(errno::ESLURM_INVALID_NODE_NAME))
}

/// What follows from jobs and partitions, by node index.
struct Soft {
    partitions: BTreeMap<u32, Vec<String>>,
    completing: BTreeMap<u32, bool>,
    waiting: BTreeMap<u32, bool>,
    running: BTreeMap<u32, u32>,
}

impl Soft {
    fn of(cluster: &muster_model::cluster::Cluster) -> Self {
        let mut soft = Self {
            partitions: BTreeMap::new(),
            completing: BTreeMap::new(),
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
        };
        let mut partitions: Vec<_> = cluster.partitions().collect();
        partitions.sort_by_key(|partition| partition.order);
        for partition in partitions {
            for node in &partition.nodes {
                soft.partitions.entry(*node).or_default().push(partition.name.clone());
            }
        }
        for job in cluster.active_jobs() {
            for part in job.live_attempt().into_iter().flat_map(|attempt| &attempt.nodes) {
                match part.phase() {
                    NodePhase::Completing => {
                        soft.completing.insert(part.node, true);
                    }
                    NodePhase::Lost => {
                        soft.waiting.insert(part.node, true);
                    }
                    NodePhase::Placed | NodePhase::Held | NodePhase::Running => {
                        *soft.running.entry(part.node).or_default() += 1;
                    }
                    NodePhase::Released | NodePhase::ProvenDead => {}
                }
            }
        }
        soft
    }
}

fn info(member: &Member, soft: &Soft, node: &Node) -> NodeInfo {
    let (index, line, total) = (node.index(), &node.line, node.total());
    let heard = member.sightings.of(index);
    NodeInfo {
        row: Some(node.row.clone()),
        host_name: line.hostname.clone(),
        port: u32::from(line.port),
        cpus: total.cpus,
        boards: line.boards,
        sockets: total.sockets,
        cores_per_socket: total.cores_per_socket,
        threads_per_core: total.threads_per_core,
        real_memory_mib: total.mem_mib + line.spec_mem_mib,
        tmp_disk_mib: total.tmp_disk_mib,
        features: node.features().to_owned(),
        active_features: node.active_features().to_owned(),
        gres: node.row.gres.clone().unwrap_or_else(|| line.gres.clone()),
        weight: node.weight(),
        alloc_cpus: node.allocated_cpus(),
        alloc_mem_mib: node.allocated_mem_mib(),
        alloc_gres: alloc_gres(node),
        completing: soft.completing.contains_key(&index),
        running_jobs: soft.running.get(&index).copied().unwrap_or(0),
        partitions: soft.partitions.get(&index).cloned().unwrap_or_default(),
        load_hundredths: heard.map_or(u32::MAX, |heard| heard.load_hundredths),
        free_mem_mib: heard.map_or(u64::MAX, |heard| heard.free_mem_mib),
        reason_user: String::new(),
        planned: false,
        address: line.address.clone(),
        core_spec: line.spec_cores,
        mem_spec_mib: line.spec_mem_mib,
        waiting_for_proof: soft.waiting.contains_key(&index),
    }
}

/// "gpu:2", kinds separated by commas.
fn alloc_gres(node: &Node) -> String {
    let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
    for gres in node.shares.values().flat_map(|share| &share.gres) {
        *taken.entry(&gres.name).or_default() += gres.count;
    }
    taken.into_iter().map(|(name, count)| format!("{name}:{count}")).collect::<Vec<_>>().join(",")
}

async fn reason_user(seat: &Seat, node: &Node) -> String {
    if node.row.reason.is_empty() {
        return String::new();
    }
    let user = seat.users.by_uid(node.row.reason_uid).await.ok().flatten();
    user.map_or_else(|| node.row.reason_uid.to_string(), |user| user.name)
}

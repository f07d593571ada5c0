//! Nodes as `sinfo` and `scontrol show node` need them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_dialect::{errno, hostlist};
use muster_model::cluster::{Cluster, Job, Node};
use muster_proto::durable::NodePhase;
use muster_proto::wire::{ListNodes, NodeInfo, NodeList, reply};

use super::{Sight, around};
use crate::core::PART_RECORDS;
use crate::door::client::Refusal;
use crate::listing::{Encoded, Rows};
use crate::member::Member;
use crate::seat::Seat;

/// Where noded is reached: what it said when it registered, else what the configuration says.
pub(crate) fn node_address(node: &Node) -> String {
    if node.row.address.is_empty() {
        return format!("{}:{}", node.line.address, node.line.port);
    }
    node.row.address.clone()
}

/// Nodes, in the order of the configuration.
pub(crate) async fn nodes(seat: &Seat, member: &Member, sight: Sight, asked: &ListNodes) -> Result<Encoded, Refusal> {
    let (now_ms, index) = (member.now_ms(), member.core.applied());
    let found = Found::by(member, sight, asked)?;
    let mut rows = Rows::default();
    for node in &found.nodes {
        rows.push(&found.info(seat, member, node).await).await?;
    }
    rows.finish(reply::Body::Nodes(NodeList { now_ms, index, nodes: Vec::new() }))
}

/// The same, for those who hear of a few at a time. A name that is none means nothing.
pub(super) async fn node_infos(seat: &Seat, member: &Member, sight: Sight, asked: &ListNodes) -> Vec<NodeInfo> {
    let Ok(found) = Found::by(member, sight, asked) else { return Vec::new() };
    let mut infos = Vec::with_capacity(found.nodes.len());
    for node in &found.nodes {
        infos.push(found.info(seat, member, node).await);
    }
    infos
}

/// Nodes that were asked for and may be seen, and what they are shown with.
struct Found {
    nodes: Vec<Arc<Node>>,
    soft: Soft,
}

impl Found {
    fn by(member: &Member, sight: Sight, asked: &ListNodes) -> Result<Self, Refusal> {
        let wanted = wanted(&asked.names)?;
        let shown = |node: &Arc<Node>| {
            let named = wanted.as_ref().is_none_or(|names| names.contains(node.name()));
            named && !node.row.removed && sight == Sight::All
        };
        let nodes = around::nodes(member).into_values().filter(shown).collect();
        Ok(Self { nodes, soft: Soft::of(member) })
    }

    async fn info(&self, seat: &Seat, member: &Member, node: &Node) -> NodeInfo {
        NodeInfo { reason_user: reason_user(seat, node).await, ..info(member, &self.soft, node) }
    }
}

fn wanted(names: &str) -> Result<Option<BTreeSet<String>>, Refusal> {
    if names.is_empty() {
        return Ok(None);
    }
    let parsed = hostlist::parse(names).map_err(|_| Refusal::slurm(errno::ESLURM_INVALID_NODE_NAME))?;
    Ok(Some(parsed.into_iter().collect()))
}

/// What follows from jobs and partitions, by node index.
struct Soft {
    partitions: BTreeMap<u32, Vec<String>>,
    completing: BTreeMap<u32, bool>,
    waiting: BTreeMap<u32, bool>,
    running: BTreeMap<u32, u32>,
}

impl Soft {
    fn of(member: &Member) -> Self {
        let mut soft = Self {
            partitions: BTreeMap::new(),
            completing: BTreeMap::new(),
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
        };
        let mut partitions: Vec<_> = member.core.read(|cluster| cluster.partitions().cloned().collect());
        partitions.sort_by_key(|partition| partition.order);
        for partition in partitions {
            for node in &partition.nodes {
                soft.partitions.entry(*node).or_default().push(partition.name.clone());
            }
        }
        let mut last = 0;
        loop {
            let part = member.core.take(|cluster| active_after(cluster, last));
            for job in &part {
                soft.add(job);
            }
            match part.last() {
                Some(job) if part.len() == PART_RECORDS => last = job.uid(),
                _ => return soft,
            }
        }
    }

    fn add(&mut self, job: &Job) {
        for part in job.live_attempt().into_iter().flat_map(|attempt| &attempt.nodes) {
            match part.phase() {
                NodePhase::Completing => drop(self.completing.insert(part.node, true)),
                NodePhase::Lost => drop(self.waiting.insert(part.node, true)),
                NodePhase::Placed | NodePhase::Held | NodePhase::Running => {
                    *self.running.entry(part.node).or_default() += 1;
                }
                NodePhase::Released | NodePhase::ProvenDead => {}
            }
        }
    }
}

fn active_after(cluster: &Cluster, uid: u64) -> Vec<Arc<Job>> {
    cluster.active_jobs_after(uid).take(PART_RECORDS).cloned().collect()
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

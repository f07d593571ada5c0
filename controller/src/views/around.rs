//! What jobs are shown with.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::cluster::{Cluster, Partition};

use super::allocation::Nodes;
use crate::core::PART_RECORDS;
use crate::member::Member;

/// Taken out of the state together.
pub(super) struct Around {
    pub(super) nodes: Nodes,
    /// `DefMemPerNode` and `DefMemPerCPU` of the cluster, MiB; 0: not set.
    pub(super) def_mem: (u64, u64),
    pub(super) partitions: BTreeMap<String, Arc<Partition>>,
    pub(super) now_ms: u64,
}

impl Around {
    pub(super) fn of(member: &Member) -> Self {
        let now_ms = member.now_ms();
        let def_mem = |cluster: &Cluster| {
            let settings = cluster.config().map(|config| &config.settings);
            settings.map_or((0, 0), |it| (it.def_mem_per_node_mib, it.def_mem_per_cpu_mib))
        };
        let (def_mem, partitions) = member
            .core
            .read(|cluster| (def_mem(cluster), cluster.partitions().map(|it| (it.name.clone(), it.clone())).collect()));
        Self { def_mem, nodes: nodes(member), partitions, now_ms }
    }
}

/// Every node, some under each lock.
pub(super) fn nodes(member: &Member) -> Nodes {
    let mut nodes = Nodes::new();
    loop {
        let from = nodes.last_key_value().map_or(0, |(index, _)| index + 1);
        let part = member.core.take(|cluster| cluster.nodes_from(from).take(PART_RECORDS).cloned().collect());
        let is_last = part.len() < PART_RECORDS;
        nodes.extend(part.into_iter().map(|node| (node.index(), node)));
        if is_last {
            return nodes;
        }
    }
}

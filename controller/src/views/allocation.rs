//! What an attempt was given: node lists, totals, and Slurm's detail lines.

use std::collections::BTreeMap;

use muster_dialect::hostlist;
use muster_dialect::jobid::print_ids;
use muster_dialect::tres::{TresList, TresName};
use muster_model::cluster::Node;
use muster_model::cluster::resources::BitSet;
use muster_proto::durable::{Attempt, GresShare, NodePhase, NodeShare};
use muster_proto::wire::NodeDetail;
use std::sync::Arc;

/// Longest list of CPU numbers, bytes.
const CPU_IDS_BYTES_MAX: usize = 4096;

/// Node index to node, as one answer sees them.
pub(super) type Nodes = BTreeMap<u32, Arc<Node>>;

pub(super) fn shares(attempt: &Attempt) -> impl Iterator<Item = &NodeShare> {
    attempt.allocation.iter().flat_map(|allocation| &allocation.nodes)
}

pub(super) fn name(nodes: &Nodes, index: u32) -> &str {
    nodes.get(&index).map_or("", |node| node.name())
}

/// A folded list of nodes, in the order given.
pub(super) fn fold(nodes: &Nodes, indices: impl Iterator<Item = u32>) -> String {
    let names: Vec<&str> = indices.map(|index| name(nodes, index)).filter(|name| !name.is_empty()).collect();
    hostlist::fold(&names)
}

/// Nodes of the attempt that are in one of `phases`.
pub(super) fn in_phases(nodes: &Nodes, attempt: &Attempt, phases: &[NodePhase]) -> String {
    fold(nodes, attempt.nodes.iter().filter(|part| phases.contains(&part.phase())).map(|part| part.node))
}

/// Totals over all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) nodes: u32,
    pub(super) cpus: u32,
    pub(super) mem_mib: u64,
    pub(super) tasks: u32,
    pub(super) gres: BTreeMap<String, u64>,
}

impl Totals {
    pub(super) fn of(attempt: &Attempt) -> Self {
        let mut totals = Self::default();
        for share in shares(attempt) {
            totals.nodes += 1;
            totals.cpus = totals.cpus.saturating_add(share.cpus);
            totals.mem_mib = totals.mem_mib.saturating_add(share.mem_mib);
            totals.tasks = totals.tasks.saturating_add(share.tasks);
            for gres in &share.gres {
                *totals.gres.entry(gres.name.clone()).or_default() += gres.count;
            }
        }
        totals
    }

    /// "cpu=1,mem=100M,node=1,billing=1,gres/gpu=2"
    pub(super) fn tres(&self) -> String {
        tres(self.cpus, self.mem_mib, self.nodes, self.cpus, &self.gres)
    }
}

/// In Slurm's order; what is 0 is left out.
pub(super) fn tres(cpus: u32, mem_mib: u64, nodes: u32, billing: u32, gres: &BTreeMap<String, u64>) -> String {
    let fixed = [
        (TresName::Cpu, u64::from(cpus)),
        (TresName::Mem, mem_mib),
        (TresName::Node, u64::from(nodes)),
        (TresName::Billing, u64::from(billing)),
    ];
    let gres = gres.iter().map(|(name, count)| (TresName::Gres { name: name.clone(), kind: None }, *count));
    TresList(fixed.into_iter().chain(gres).filter(|(_, amount)| *amount > 0).collect()).to_string()
}

/// Neighbouring nodes with the same share are one line: `Nodes=n[1-2] CPU_IDs=0-1 Mem=200 GRES=gpu:1(IDX:0)`.
pub(super) fn details(nodes: &Nodes, attempt: &Attempt) -> Vec<NodeDetail> {
    let mut lines: Vec<(Vec<&str>, NodeDetail)> = Vec::new();
    for share in shares(attempt) {
        let detail = detail(nodes, share);
        match lines.last_mut() {
            Some((names, last)) if *last == detail => names.push(name(nodes, share.node)),
            _ => lines.push((vec![name(nodes, share.node)], detail)),
        }
    }
    lines.into_iter().map(|(names, detail)| NodeDetail { nodes: hostlist::fold(&names), ..detail }).collect()
}

fn detail(nodes: &Nodes, share: &NodeShare) -> NodeDetail {
    let per_core = nodes.get(&share.node).map_or(1, |node| node.total().cpus_per_core());
    let cores = BitSet::from_bytes(&share.cores);
    let cpus: Vec<u32> = cores.iter().flat_map(|core| core * per_core..(core + 1) * per_core).collect();
    NodeDetail {
        nodes: String::new(),
        cpu_ids: print_ids(&cpus, CPU_IDS_BYTES_MAX),
        mem_mib: share.mem_mib,
        gres: share.gres.iter().map(gres_detail).collect::<Vec<_>>().join(","),
        cpus: share.cpus,
    }
}

/// "gpu:a100:2(IDX:0-1)"
fn gres_detail(gres: &GresShare) -> String {
    let kind = if gres.r#type.is_empty() { String::new() } else { format!(":{}", gres.r#type) };
    let indices: Vec<u32> = BitSet::from_bytes(&gres.indices).iter().collect();
    let indices =
        if indices.is_empty() { String::new() } else { format!("(IDX:{})", print_ids(&indices, CPU_IDS_BYTES_MAX)) };
    format!("{}{kind}:{}{indices}", gres.name, gres.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_printed_as_slurm_prints_them() {
        let gres = BTreeMap::from([("gpu".to_owned(), 4)]);
        assert_eq!(tres(8, 8000, 2, 8, &gres), "cpu=8,mem=8000M,node=2,billing=8,gres/gpu=4");
        assert_eq!(tres(1, 0, 1, 1, &BTreeMap::new()), "cpu=1,node=1,billing=1");
    }
}

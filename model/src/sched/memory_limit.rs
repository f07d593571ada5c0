//! `MaxMemPerNode` and `MaxMemPerCPU`, of a partition or else of the cluster, as Slurm 22.05 has them.
//!
//! A job that asks for more on a node than `MaxMemPerNode` waits (PartitionConfig), or is refused where the site enforces limits.
//! `MaxMemPerCPU` refuses nothing by itself: who asks for more memory is given more processors, so many that the limit holds.

use muster_proto::durable::{Request, Sharing};

use super::ask::{Memory, memory};
use super::site::{Site, SitePartition};

/// Gives the request so many processors that none of them has more than the smallest `MaxMemPerCPU` of `partitions`.
///
/// `--mem-per-cpu` is then one of each task: a larger task, with as much memory as before. `--mem` asks for processors of the node.
pub fn spread_memory(site: &Site, partitions: &[&str], request: &mut Request) {
    let named = partitions.iter().filter_map(|name| site.partitions.get(*name));
    let limited = named.filter(|partition| partition.max_mem_mib.1 != 0);
    let Some(partition) = limited.min_by_key(|partition| partition.max_mem_mib.1) else { return };
    let max = partition.max_mem_mib.1;
    match memory(request, partition, site) {
        Memory::PerCpu(mib) if mib > max => {
            let times = mib.div_ceil(max);
            request.cpus_per_task = request.cpus_per_task.max(1).saturating_mul(narrow(times));
            request.mem_per_cpu_mib = Some(mib.div_ceil(times));
        }
        Memory::PerCpu(_) => {}
        Memory::PerNode(mib) => ask_for_cpus(request, narrow(mib.div_ceil(max))),
        Memory::All => ask_for_cpus(request, narrow(partition.least_node.1.div_ceil(max))),
    }
}

fn ask_for_cpus(request: &mut Request, cpus: u32) {
    if cpus <= 1 {
        return;
    }
    request.min_cpus_per_node = request.min_cpus_per_node.max(request.cpus_per_task).max(cpus);
    if let Some(of_each) = cpus.checked_div(request.ntasks_per_node) {
        let of_each = of_each + u32::from(of_each * request.ntasks_per_node < cpus);
        request.cpus_per_task = request.cpus_per_task.max(of_each);
    }
}

/// Whether the request is beyond `MaxMemPerNode` on whichever node it gets.
pub(crate) fn exceeds_node_limit(request: &Request, partition: &SitePartition, site: &Site) -> bool {
    let max = partition.max_mem_mib.0;
    if max == 0 {
        return false;
    }
    let (node_cpus, node_mib) = partition.least_node;
    let whole = request.sharing() == Sharing::Exclusive || partition.rules.whole_nodes;
    let asked = request.min_cpus_per_node.max(request.cpus_per_task).max(1);
    let least = match memory(request, partition, site) {
        Memory::PerNode(mib) => mib,
        Memory::All => node_mib,
        Memory::PerCpu(mib) if whole => mib.saturating_mul(u64::from(node_cpus.max(asked))),
        Memory::PerCpu(mib) => mib.saturating_mul(u64::from(asked)),
    };
    least > max
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::testing::{self, World};

    const NODES: &str = "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\nDefMemPerCPU=10\n\
        NodeName=n[1-4] Sockets=2 CoresPerSocket=32 ThreadsPerCore=1 RealMemory=20000\n";

    /// (cpus per task, least processors of a node, MiB per processor) as Slurm had them.
    fn spread(flags: &str) -> (u32, u32, Option<u64>) {
        let site = World::of(&format!("{NODES}MaxMemPerCPU=100\n"), &[]).view.site;
        let mut request = testing::shape(flags).request;
        spread_memory(&site, &["debug"], &mut request);
        (request.cpus_per_task.max(1), request.min_cpus_per_node, request.mem_per_cpu_mib)
    }

    #[test]
    fn memory_beyond_the_limit_of_a_processor_asks_for_more_of_them() {
        assert_eq!(spread("-n1 --mem-per-cpu=100"), (1, 0, Some(100)));
        assert_eq!(spread("-n1 --mem-per-cpu=250"), (3, 0, Some(84)));
        assert_eq!(spread("-n1 -c2 --mem-per-cpu=250"), (6, 0, Some(84)));
        assert_eq!(spread("-n2 -c3 --mem-per-cpu=500"), (15, 0, Some(100)));
        assert_eq!(spread("-n1 --mem=80"), (1, 0, None));
        assert_eq!(spread("-n3 --mem=250"), (1, 3, None));
        assert_eq!(spread("-n1 --mem=1001"), (1, 11, None));
        assert_eq!(spread("-n1 -c20 --mem=1001"), (20, 20, None));
        assert_eq!(spread("-N2 --ntasks-per-node=2 --mem=250"), (2, 3, None));
        assert_eq!(spread("-n1 --mem=0"), (1, 200, None));
        assert_eq!(spread("-n2"), (1, 0, None));
    }

    #[test]
    fn what_no_node_may_give_is_beyond_the_limit_of_nodes() {
        let site = World::of(&format!("{NODES}MaxMemPerNode=1000\n"), &[]).view.site;
        let exceeds =
            |flags: &str| exceeds_node_limit(&testing::shape(flags).request, &site.partitions["debug"], &site);
        for within in ["--mem=1000", "-n3 --mem-per-cpu=250", "-n1 -c2 --mem-per-cpu=250", "-n2", "--exclusive"] {
            assert!(!exceeds(within), "{within}");
        }
        for beyond in ["--mem=1001", "--mem=0", "--mem-per-cpu=10000", "-n2 -c3 --mem-per-cpu=500"] {
            assert!(exceeds(beyond), "{beyond}");
        }
        assert!(exceeds("--exclusive --mem-per-cpu=250"));
    }

    #[test]
    fn the_limit_of_a_partition_stands_in_the_place_of_the_clusters() {
        let site = World::of(&format!("{NODES}MaxMemPerNode=1000\n"), &["big Nodes=ALL MaxMemPerNode=3000"]).view.site;
        let request = testing::shape("--mem=2000").request;
        let exceeds = |name: &str| exceeds_node_limit(&request, &site.partitions[name], &site);
        assert_eq!((exceeds("debug"), exceeds("big")), (true, false));
    }
}

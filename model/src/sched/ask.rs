//! What a job asks of the nodes of one partition, completed with the defaults of both, in plain numbers.

use muster_dialect::state::Reason;
use muster_proto::durable::{Request, Sharing};

use super::features::Features;
use super::gres::{self, GresAsk};
use super::licences;
use super::site::{Site, SitePartition, Unit};
use crate::cluster::config::Partition;

/// Memory asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// MiB on each node.
    PerNode(u64),
    /// MiB for each processor that is allocated.
    PerCpu(u64),
    /// All that the node has.
    All,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// At least 1.
    pub(super) min_nodes: u32,
    /// At least `min_nodes`.
    pub(super) max_nodes: u32,
    /// As many nodes as there are, up to this: of a range like `-N2-4`. Else `min_nodes`.
    pub(super) want_nodes: u32,
    /// At least `min_nodes`.
    pub(super) tasks: u32,
    /// The user said how many tasks.
    pub(super) tasks_given: bool,
    pub(super) cpus_per_task: u32,
    /// Limits; `u32::MAX`: none.
    pub(super) tasks_per_node: u32,
    pub(super) tasks_per_socket: u32,
    pub(super) tasks_per_core: u32,
    pub(super) cpus_per_node_max: u32,
    /// Least that a node must have or give; 0: does not matter.
    pub(super) min_cpus: u32,
    pub(super) sockets: u32,
    pub(super) cores_per_socket: u32,
    pub(super) threads_per_core: u32,
    pub(super) tmp_disk_mib: u64,
    pub(super) memory: Memory,
    pub(super) mem_per_gres_mib: u64,
    pub(super) features: Features,
    /// Slots, ascending.
    pub(super) required: Vec<u32>,
    /// Slots, ascending.
    pub(super) excluded: Vec<u32>,
    pub(super) whole: bool,
    pub(super) user_exclusive: bool,
    pub(super) contiguous: bool,
    pub(super) overcommit: bool,
    pub(super) gres_per_node: Vec<GresAsk>,
    pub(super) gres_per_task: Vec<GresAsk>,
    /// Of the whole job; at most one kind is served.
    pub(super) gres_per_job: Option<GresAsk>,
    pub(super) licences: Vec<(String, u64)>,
}

/// Which part of a request cannot be served, or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unserved {
    Features,
    Gres,
    Licences,
    RequiredNodes,
}

impl Unserved {
    pub(super) fn reason(self) -> Reason {
        match self {
            Unserved::Licences => Reason::Licenses,
            Unserved::Features | Unserved::Gres | Unserved::RequiredNodes => Reason::BadConstraints,
        }
    }
}

impl Ask {
    pub(super) fn of(request: &Request, partition: &SitePartition, site: &Site) -> Result<Self, Unserved> {
        let rules = &partition.rules;
        let required = site.slots_of(&request.required_nodes).ok_or(Unserved::RequiredNodes)?;
        // A node that does not exist cannot be used anyway: excluding it asks nothing.
        let excluded = site.slots_of(&request.excluded_nodes).unwrap_or_else(|| known(site, &request.excluded_nodes));
        let one = if site.select.one_task_per_core { 1 } else { u32::MAX };
        let per_socket = gres::parse(&request.tres_per_socket).map_err(|_| Unserved::Gres)?;
        let mut per_job = gres::parse(&request.tres_per_job).map_err(|_| Unserved::Gres)?;
        if per_job.len() > 1 {
            return Err(Unserved::Gres);
        }
        let devices = per_job.first().map_or(0, |gres| u32::try_from(gres.count).unwrap_or(u32::MAX));
        let mut nodes = Nodes::of(request, &required, rules, devices);
        let mut per_node = gres::parse(&request.tres_per_node).map_err(|_| Unserved::Gres)?;
        if let Some(count) = nodes_by_devices(&per_job, &per_node)? {
            nodes = nodes.exactly(count, request.max_nodes).ok_or(Unserved::Gres)?;
            per_job.clear();
        }
        let sockets = u64::from(request.sockets_per_node.max(1));
        per_node.extend(per_socket.into_iter().map(|g| GresAsk { count: g.count.saturating_mul(sockets), ..g }));
        let exclusive = request.sharing() == Sharing::Exclusive;
        Ok(Self {
            min_nodes: nodes.min,
            max_nodes: nodes.max,
            want_nodes: nodes.want,
            tasks: nodes.tasks,
            tasks_given: request.ntasks_set || request.ntasks_per_node != 0,
            cpus_per_task: request.cpus_per_task.max(1),
            tasks_per_node: or_none(request.ntasks_per_node),
            tasks_per_socket: or_none(request.ntasks_per_socket),
            tasks_per_core: if request.ntasks_per_core == 0 { one } else { request.ntasks_per_core },
            cpus_per_node_max: rules.max_cpus_per_node.unwrap_or(u32::MAX),
            min_cpus: request.min_cpus_per_node,
            sockets: request.sockets_per_node,
            cores_per_socket: request.cores_per_socket,
            threads_per_core: request.threads_per_core,
            tmp_disk_mib: request.tmp_disk_mib,
            memory: memory(request, partition, site),
            mem_per_gres_mib: request.mem_per_gres_mib,
            features: Features::parse(&request.features).map_err(|_| Unserved::Features)?,
            required,
            excluded,
            // Specialised cores leave nothing for others, as Slurm has it.
            whole: exclusive || rules.whole_nodes || site.select.unit == Unit::Node || request.core_spec != 0,
            user_exclusive: request.sharing() == Sharing::User,
            contiguous: request.contiguous,
            overcommit: request.overcommit,
            gres_per_node: per_node,
            gres_per_task: gres::parse(&request.tres_per_task).map_err(|_| Unserved::Gres)?,
            gres_per_job: per_job.into_iter().next(),
            licences: licences::parse(&request.licenses).ok_or(Unserved::Licences)?,
        })
    }
}

/// `--gpus=8 --gpus-per-node=4` asks for the same devices twice, and so for two nodes.
fn nodes_by_devices(per_job: &[GresAsk], per_node: &[GresAsk]) -> Result<Option<u32>, Unserved> {
    let Some(all) = per_job.first() else { return Ok(None) };
    let Some(each) = per_node.iter().find(|each| each.name == all.name) else { return Ok(None) };
    match (all.count.checked_div(each.count), all.count.checked_rem(each.count)) {
        (Some(count @ 1..), Some(0)) => Ok(Some(u32::try_from(count).unwrap_or(u32::MAX))),
        _ => Err(Unserved::Gres),
    }
}

fn or_none(limit: u32) -> u32 {
    if limit == 0 { u32::MAX } else { limit }
}

/// The slots of those names of a host list that exist.
fn known(site: &Site, hosts: &str) -> Vec<u32> {
    let names = muster_dialect::hostlist::parse(hosts).unwrap_or_default();
    let mut slots: Vec<u32> = names.iter().filter_map(|name| site.slots.get(name).copied()).collect();
    slots.sort_unstable();
    slots.dedup();
    slots
}

struct Nodes {
    min: u32,
    max: u32,
    want: u32,
    tasks: u32,
}

impl Nodes {
    fn of(request: &Request, required: &[u32], rules: &Partition, devices: u32) -> Self {
        let min = request.min_nodes.max(1).max(required.len() as u32).max(rules.min_nodes);
        let tasks = match (request.ntasks, request.ntasks_per_node) {
            (0, 0) => min,
            (0, per_node) => min.saturating_mul(per_node),
            (tasks, _) => tasks.max(min),
        };
        let asked_max = if request.max_nodes == 0 { tasks.max(devices) } else { request.max_nodes };
        let max = asked_max.min(rules.max_nodes.unwrap_or(u32::MAX)).max(min);
        let ranged = request.max_nodes > request.min_nodes && request.min_nodes != 0;
        // A range asks for as many nodes as there are, but for no more than there are tasks.
        let spread = if request.ntasks_set { max.min(tasks) } else { max };
        Self { min, max, want: if ranged { spread.max(min) } else { min }, tasks }
    }

    /// No fewer and no more, if what was asked for allows it. `asked_max` is 0 where nothing was.
    fn exactly(self, count: u32, asked_max: u32) -> Option<Self> {
        let fits = count >= self.min && (asked_max == 0 || count <= asked_max);
        fits.then(|| Self { min: count, max: count, want: count, tasks: self.tasks.max(count) })
    }
}

/// The job's memory, else the partition's default, else the cluster's; without any, a node's whole memory where it counts.
pub(super) fn memory(request: &Request, partition: &SitePartition, site: &Site) -> Memory {
    let rules = &partition.rules;
    match (request.mem_per_node_mib, request.mem_per_cpu_mib) {
        (Some(0), _) | (None, Some(0)) => return Memory::All,
        (Some(mib), _) => return Memory::PerNode(mib),
        (None, Some(mib)) => return Memory::PerCpu(mib),
        (None, None) if request.mem_per_gres_mib != 0 => return Memory::PerNode(0),
        (None, None) => {}
    }
    let defaults = [(rules.def_mem_per_node_mib, rules.def_mem_per_cpu_mib), site.def_mem_mib];
    for (per_node, per_cpu) in defaults {
        match (per_node, per_cpu) {
            (0, 0) => {}
            (0, mib) => return Memory::PerCpu(mib),
            (mib, _) => return Memory::PerNode(mib),
        }
    }
    if site.select.memory { Memory::All } else { Memory::PerNode(0) }
}

//! How much of a job one node can take, and cutting its share out of what is free.

use muster_proto::durable::{GresShare, NodeShare};

use super::ask::{Ask, Memory};
use super::gres;
use super::site::{Select, Unit};
use crate::cluster::resources::{BitSet, NodeFree, NodeTotal};

/// What one node could do for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// Tasks that it could run; at least 1.
    pub(super) tasks: u32,
    /// Devices that it could give to a request of the whole job; `u64::MAX` where there is no such request.
    pub(super) devices: u64,
}

/// A node to be judged: what it has, and what of it is free at the time in question.
#[derive(Clone, Copy)]
pub(super) struct Offer<'a> {
    pub(super) select: Select,
    pub(super) total: &'a NodeTotal,
    pub(super) free: &'a NodeFree,
    /// Processors that the partition may still use here (`MaxCPUsPerNode`).
    pub(super) cpus_left: u32,
}

/// What of a node is planned for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portion {
    pub(super) tasks: u32,
    /// Of the request of the whole job.
    pub(super) devices: u64,
}

/// How much of `ask` fits; `None`: not one task.
pub(super) fn fit(ask: &Ask, offer: Offer) -> Option<Fit> {
    let cores = cores_max(ask, offer)?;
    let tasks = tasks_on(ask, offer, cores).min(tasks_by_gres(ask, offer)).min(ask.tasks_per_node);
    let devices = devices_max(ask, offer);
    if tasks == 0 || devices == 0 || cores_for(ask, offer.total, 1) > cores {
        return None;
    }
    ask.gres_per_node.iter().all(|g| g.available(offer.free) >= g.count).then_some(Fit { tasks, devices })
}

/// Cores that the job could have here, bounded by memory; `None`: the node does not serve.
fn cores_max(ask: &Ask, offer: Offer) -> Option<u32> {
    let Offer { select, total, free, cpus_left } = offer;
    let per_core = total.cpus_per_core();
    let cores = if ask.whole { whole_cores(offer)? } else { usable_count(offer) };
    if cores == 0 {
        return None;
    }
    let cores = if ask.whole { cores } else { cores.min(cpus_left / per_core) };
    let memory = if select.memory { free.mem_mib } else { total.mem_mib };
    let gres_mib = ask.mem_per_gres_mib.saturating_mul(ask.gres_per_node.iter().map(|g| g.count).sum());
    match ask.memory {
        Memory::All if select.memory && free.mem_mib < total.mem_mib => None,
        Memory::All => Some(cores),
        Memory::PerNode(mib) => (mib.max(gres_mib) <= memory).then_some(cores),
        Memory::PerCpu(mib) if ask.whole => {
            (mib.saturating_mul(u64::from(cores) * u64::from(per_core)) <= memory).then_some(cores)
        }
        Memory::PerCpu(mib) => {
            let affordable = memory.checked_div(mib.saturating_mul(u64::from(per_core)));
            Some(cores.min(affordable.map_or(cores, |c| u32::try_from(c).unwrap_or(u32::MAX))))
        }
    }
}

/// All cores, of a node that nobody uses.
fn whole_cores(offer: Offer) -> Option<u32> {
    let all = offer.free.cores.len() == offer.total.cores && offer.total.cpus <= offer.cpus_left;
    all.then_some(offer.total.cores)
}

/// As [`usable_cores`], without a copy where it can be.
fn usable_count(offer: Offer) -> u32 {
    if offer.select.unit == Unit::Socket { usable_cores(offer).len() } else { offer.free.cores.len() }
}

/// Free cores, or with `CR_Socket` those of sockets that are wholly free.
fn usable_cores(offer: Offer) -> BitSet {
    if offer.select.unit != Unit::Socket {
        return offer.free.cores.clone();
    }
    let mut usable = BitSet::default();
    for socket in 0..offer.total.sockets {
        let cores = socket_cores(offer.total, socket);
        if cores.clone().all(|core| offer.free.cores.contains(core)) {
            cores.for_each(|core| usable.insert(core));
        }
    }
    usable
}

fn socket_cores(total: &NodeTotal, socket: u32) -> std::ops::Range<u32> {
    let per = total.cores_per_socket;
    (socket * per).min(total.cores)..((socket + 1) * per).min(total.cores)
}

/// Threads of a core that tasks use: fewer than it has with `--threads-per-core` (`--hint=nomultithread`).
fn threads_used(ask: &Ask, total: &NodeTotal) -> u32 {
    let has = total.cpus_per_core();
    if ask.threads_per_core == 0 { has } else { ask.threads_per_core.min(has) }
}

/// Cores that so many tasks need.
fn cores_for(ask: &Ask, total: &NodeTotal, tasks: u32) -> u32 {
    // Overcommitted tasks share what one task needs.
    let tasks = if ask.overcommit { 1 } else { tasks };
    let by_cpus = tasks.saturating_mul(ask.cpus_per_task).div_ceil(threads_used(ask, total));
    let by_core = tasks.div_ceil(ask.tasks_per_core);
    by_cpus.max(by_core).max(ask.min_cpus.div_ceil(total.cpus_per_core())).max(1)
}

/// Tasks that so many cores can run.
fn tasks_on(ask: &Ask, offer: Offer, cores: u32) -> u32 {
    if ask.overcommit {
        return if cores_for(ask, offer.total, 1) <= cores { u32::MAX } else { 0 };
    }
    let threads = threads_used(ask, offer.total);
    let by_cpus = cores.saturating_mul(threads) / ask.cpus_per_task;
    let by_core = cores.saturating_mul(ask.tasks_per_core);
    by_cpus.min(by_core).min(tasks_by_socket(ask, offer, threads))
}

fn tasks_by_socket(ask: &Ask, offer: Offer, threads: u32) -> u32 {
    if ask.tasks_per_socket == u32::MAX {
        return u32::MAX;
    }
    let usable = usable_cores(offer);
    let on_socket = |socket| {
        let cores = socket_cores(offer.total, socket).filter(|&core| usable.contains(core)).count() as u32;
        (cores * threads / ask.cpus_per_task).min(ask.tasks_per_socket)
    };
    (0..offer.total.sockets).map(on_socket).sum()
}

fn tasks_by_gres(ask: &Ask, offer: Offer) -> u32 {
    let possible = |g: &gres::GresAsk| g.available(offer.free) / g.count.max(1);
    let least = ask.gres_per_task.iter().map(possible).min().unwrap_or(u64::MAX);
    let per_task: u64 = ask.gres_per_task.iter().map(|g| g.count).sum();
    let memory = if offer.select.memory { offer.free.mem_mib } else { offer.total.mem_mib };
    let by_memory = memory.checked_div(ask.mem_per_gres_mib.saturating_mul(per_task)).unwrap_or(u64::MAX);
    u32::try_from(least.min(by_memory)).unwrap_or(u32::MAX)
}

fn devices_max(ask: &Ask, offer: Offer) -> u64 {
    let Some(wanted) = &ask.gres_per_job else { return u64::MAX };
    let memory = if offer.select.memory { offer.free.mem_mib } else { offer.total.mem_mib };
    wanted.available(offer.free).min(memory.checked_div(ask.mem_per_gres_mib).unwrap_or(u64::MAX))
}

/// The share of `portion`; `None`: it does not fit after all.
pub(super) fn carve(ask: &Ask, offer: Offer, node: u32, portion: Portion) -> Option<NodeShare> {
    let Offer { select, total, free, cpus_left } = offer;
    let mut rest = free.clone();
    let cores = if ask.whole {
        BitSet::first(whole_cores(offer)?)
    } else {
        choose_cores(ask, offer, cores_for(ask, total, portion.tasks))?
    };
    let held = cores.len().saturating_mul(total.cpus_per_core());
    let asked = portion.tasks.saturating_mul(ask.cpus_per_task).max(ask.min_cpus).max(1);
    let cpus = if select.unit == Unit::Cpu && !ask.whole { held.min(asked) } else { held };
    let gres = take_gres(ask, &mut rest, portion)?;
    let mem_mib = memory_of(ask, total, cpus, &gres);
    let available = if select.memory { free.mem_mib } else { total.mem_mib };
    if mem_mib > available || (held > cpus_left && !ask.whole) {
        return None;
    }
    // Without --ntasks, Slurm counts as many tasks as the processors make.
    let tasks = if ask.tasks_given { portion.tasks } else { (cpus / ask.cpus_per_task).max(portion.tasks) };
    Some(NodeShare { node, cores: cores.to_bytes().into(), cpus, mem_mib, gres, tasks })
}

fn memory_of(ask: &Ask, total: &NodeTotal, cpus: u32, gres: &[GresShare]) -> u64 {
    let devices: u64 = gres.iter().map(|g| g.count).sum();
    let mib = match ask.memory {
        Memory::All => total.mem_mib,
        Memory::PerNode(mib) => mib,
        Memory::PerCpu(mib) => mib.saturating_mul(u64::from(cpus)),
    };
    if ask.mem_per_gres_mib == 0 { mib } else { mib.max(ask.mem_per_gres_mib.saturating_mul(devices)) }
}

fn take_gres(ask: &Ask, rest: &mut NodeFree, portion: Portion) -> Option<Vec<GresShare>> {
    let mut taken = Vec::new();
    for g in &ask.gres_per_node {
        taken.extend(g.take(rest, g.count)?);
    }
    for g in &ask.gres_per_task {
        taken.extend(g.take(rest, g.count.saturating_mul(u64::from(portion.tasks)))?);
    }
    if let Some(g) = &ask.gres_per_job {
        taken.extend(g.take(rest, portion.devices)?);
    }
    if ask.whole {
        taken.extend(gres::take_all(rest));
    }
    Some(gres::merge(taken))
}

/// The lowest free cores of the first socket that has enough; else the lowest of all. With `CR_Socket` whole sockets.
fn choose_cores(ask: &Ask, offer: Offer, count: u32) -> Option<BitSet> {
    let total = offer.total;
    let usable = usable_cores(offer);
    let on = |socket| socket_cores(total, socket).filter(|&core| usable.contains(core)).collect::<Vec<u32>>();
    let sockets: Vec<Vec<u32>> = (0..total.sockets).map(on).collect();
    let mut chosen = BitSet::default();
    if offer.select.unit == Unit::Socket {
        for socket in sockets {
            if chosen.len() < count {
                socket.into_iter().for_each(|core| chosen.insert(core));
            }
        }
        return (chosen.len() >= count).then_some(chosen);
    }
    if ask.tasks_per_socket != u32::MAX && !ask.overcommit {
        // No more cores of a socket than its tasks can use: the rest comes from the next one.
        let per = ask.tasks_per_socket.saturating_mul(ask.cpus_per_task).div_ceil(threads_used(ask, total));
        let of_each = sockets.iter().flat_map(|cores| cores.iter().take(per as usize));
        of_each.take(count as usize).for_each(|&core| chosen.insert(core));
    } else if let Some(socket) = sockets.iter().find(|cores| cores.len() >= count as usize) {
        socket.iter().take(count as usize).for_each(|&core| chosen.insert(core));
    } else {
        usable.iter().take(count as usize).for_each(|core| chosen.insert(core));
    }
    (chosen.len() == count).then_some(chosen)
}

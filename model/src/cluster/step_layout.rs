//! Where the tasks of a step go: nodes, cores of the job's share, and task numbers.

use muster_dialect::errno;
use muster_proto::durable::{NodeShare, StepNode, StepSpec};

use super::job::Job;
use super::resources::BitSet;
use super::ruling::Refusal;

/// Tasks of one step.
pub(super) const TASKS_MAX: u32 = 1_048_576;

/// One node of the allocation, as a step finds it.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) share: NodeShare,
    /// Cores of the share that no other step has.
    free: BitSet,
    free_mem_mib: u64,
    cpus_per_core: u32,
}

impl Room {
    pub(super) fn of(share: &NodeShare, busy: &BitSet, busy_mem_mib: u64, cpus_per_core: u32) -> Self {
        let mut free = BitSet::from_bytes(&share.cores);
        free.subtract(busy);
        Self { free, free_mem_mib: share.mem_mib.saturating_sub(busy_mem_mib), cpus_per_core, share: share.clone() }
    }

    fn all(&self) -> BitSet {
        BitSet::from_bytes(&self.share.cores)
    }

    /// Tasks that fit into this many cores.
    fn slots(&self, cores: &BitSet, cpus_per_task: u32) -> u32 {
        let cpus = (cores.len() * self.cpus_per_core).min(self.share.cpus.max(cores.len()));
        cpus / cpus_per_task.max(1)
    }
}

/// What a step wants, with the zeros filled in.
struct Want {
    ntasks: u32,
    nodes: usize,
    cpus_per_task: u32,
    takes_all_cores: bool,
}

pub(super) fn lay_out(job: &Job, spec: &mut StepSpec, rooms: &[Room]) -> Result<Vec<StepNode>, Refusal> {
    let want = fill_in(job, spec, rooms)?;
    let chosen = choose(spec, &want, rooms)?;
    let slots = |cores: fn(&Room) -> BitSet| -> Vec<u32> {
        chosen.iter().map(|room| room.slots(&cores(room), want.cpus_per_task)).collect()
    };
    let all = slots(Room::all);
    let free = if spec.overlap { all.clone() } else { slots(|room| room.free.clone()) };
    let counts = match spread(spec, &want, &free) {
        // Other steps are in the way: it fits later.
        Err(_) if spread(spec, &want, &all).is_ok() => return Err(errno::ESLURM_NODES_BUSY.into()),
        counts => counts?,
    };
    let ids = number(spec, &counts);
    let nodes = chosen.iter().zip(counts).zip(ids);
    nodes.map(|((room, tasks), task_ids)| part(spec, &want, room, tasks, task_ids)).collect()
}

/// srun sends what the user said; the rest follows from the job.
fn fill_in(job: &Job, spec: &mut StepSpec, rooms: &[Room]) -> Result<Want, Refusal> {
    if rooms.is_empty() {
        return Err(errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE.into());
    }
    let request = job.request();
    if spec.cpus_per_task == 0 {
        spec.cpus_per_task = 1;
    }
    if spec.ntasks == 0 {
        spec.ntasks = match spec.min_nodes {
            0 if spec.ntasks_per_node != 0 => spec.ntasks_per_node * rooms.len() as u32,
            0 => request.ntasks.max(1),
            nodes => nodes * spec.ntasks_per_node.max(1),
        };
    }
    if spec.ntasks > TASKS_MAX {
        return Err(errno::ESLURM_BAD_TASK_COUNT.into());
    }
    let named = if spec.nodes.is_empty() { rooms.len() } else { rooms.len().max(spec.min_nodes as usize) };
    let nodes = if spec.min_nodes == 0 { named.min(spec.ntasks as usize) } else { spec.min_nodes as usize };
    let most = if spec.max_nodes == 0 { nodes } else { (spec.max_nodes as usize).max(nodes) };
    let nodes = most.min(rooms.len()).max(nodes).min(spec.ntasks as usize).max(spec.min_nodes as usize);
    if nodes > rooms.len() {
        return Err(errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE.into());
    }
    if spec.ntasks < nodes as u32 {
        return Err(errno::ESLURM_BAD_TASK_COUNT.into());
    }
    let takes_all_cores = !(spec.exact || spec.cpus_per_task_set || spec.exclusive);
    Ok(Want { ntasks: spec.ntasks, nodes, cpus_per_task: spec.cpus_per_task, takes_all_cores })
}

/// The first nodes with room, in the order of the allocation; all of those that the user named.
fn choose<'a>(spec: &StepSpec, want: &Want, rooms: &'a [Room]) -> Result<Vec<&'a Room>, Refusal> {
    let is_free = |room: &&Room| {
        spec.overlap || (if want.takes_all_cores { room.free == room.all() } else { !room.free.is_empty() })
    };
    let fits_alone = |room: &&Room| spec.overcommit || room.slots(&room.all(), want.cpus_per_task) > 0;
    if rooms.iter().filter(fits_alone).count() < want.nodes {
        return Err(errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE.into());
    }
    let has_slot = |room: &&Room| {
        let cores = if spec.overlap { room.all() } else { room.free.clone() };
        spec.overcommit || room.slots(&cores, want.cpus_per_task) > 0
    };
    let free: Vec<&Room> = rooms.iter().filter(is_free).filter(has_slot).collect();
    if free.len() < want.nodes {
        return Err(errno::ESLURM_NODES_BUSY.into());
    }
    let slots =
        |room: &Room| room.slots(&if spec.overlap { room.all() } else { room.free.clone() }, want.cpus_per_task);
    let room_of = |rooms: &[&Room]| rooms.iter().map(|room| u64::from(slots(room))).sum::<u64>();
    let first: Vec<&Room> = free.iter().take(want.nodes).copied().collect();
    if spec.overcommit || room_of(&first) >= u64::from(want.ntasks) {
        return Ok(first);
    }
    // The first ones are too small: those with most room, still in the order of the allocation.
    let mut places: Vec<usize> = (0..free.len()).collect();
    places.sort_by_key(|at| std::cmp::Reverse(slots(free[*at])));
    places.truncate(want.nodes);
    places.sort_unstable();
    Ok(places.into_iter().map(|at| free[at]).collect())
}

/// Tasks on each node. Every node has one at least; then block fills nodes in turn, cyclic deals them out.
fn spread(spec: &StepSpec, want: &Want, capacity: &[u32]) -> Result<Vec<u32>, Refusal> {
    let limit = |at: usize| match (spec.ntasks_per_node, spec.overcommit) {
        (0, true) => u32::MAX,
        (0, false) => capacity[at],
        (per_node, true) => per_node,
        (per_node, false) => per_node.min(capacity[at]),
    };
    let room: u64 = (0..capacity.len()).map(|at| u64::from(limit(at))).sum();
    if u64::from(want.ntasks) > room {
        let cpus_short = spec.ntasks_per_node == 0 || !spec.overcommit;
        let error =
            if cpus_short { errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE } else { errno::ESLURM_BAD_TASK_COUNT };
        return Err(error.into());
    }
    let mut counts = vec![1u32.min(want.ntasks); capacity.len()];
    let mut left = want.ntasks - counts.iter().sum::<u32>().min(want.ntasks);
    if is_dealt_out(spec) || spec.overcommit {
        let mut at = 0;
        while left > 0 {
            if counts[at] < limit(at) {
                counts[at] += 1;
                left -= 1;
            }
            at = (at + 1) % counts.len();
        }
        return Ok(counts);
    }
    for (at, count) in counts.iter_mut().enumerate() {
        let more = limit(at).saturating_sub(*count).min(left);
        *count += more;
        left -= more;
    }
    Ok(counts)
}

fn first_word(spec: &StepSpec) -> &str {
    spec.distribution.split([':', ',']).next().unwrap_or_default()
}

fn is_dealt_out(spec: &StepSpec) -> bool {
    let word = first_word(spec);
    word.eq_ignore_ascii_case("cyclic") || word.to_ascii_lowercase().starts_with("plane")
}

/// Global numbers of each node's tasks.
fn number(spec: &StepSpec, counts: &[u32]) -> Vec<Vec<u32>> {
    let plane = match first_word(spec).to_ascii_lowercase().as_str() {
        "cyclic" => 1,
        word if word.starts_with("plane") => {
            word.split('=').nth(1).and_then(|size| size.parse().ok()).unwrap_or(1).max(1)
        }
        _ => u32::MAX,
    };
    let mut ids: Vec<Vec<u32>> = counts.iter().map(|_| Vec::new()).collect();
    let (total, mut next): (u32, u32) = (counts.iter().sum(), 0);
    while next < total {
        for (at, count) in counts.iter().enumerate() {
            let run = plane.min(count - ids[at].len() as u32);
            ids[at].extend(next..next + run);
            next += run;
        }
    }
    ids
}

fn part(spec: &StepSpec, want: &Want, room: &Room, tasks: u32, task_ids: Vec<u32>) -> Result<StepNode, Refusal> {
    let base = if spec.overlap { room.all() } else { room.free.clone() };
    let cores = if want.takes_all_cores { base } else { first_cores(&base, room, tasks, want.cpus_per_task) };
    let asked_mem = match (spec.mem_per_node_mib, spec.mem_per_cpu_mib) {
        (Some(mib), _) if mib != 0 => Some(mib),
        (_, Some(mib)) if mib != 0 => Some(mib.saturating_mul(u64::from(tasks) * u64::from(want.cpus_per_task))),
        _ => None,
    };
    if asked_mem.is_some_and(|mib| mib > room.share.mem_mib && room.share.mem_mib != 0) {
        return Err(errno::ESLURM_INVALID_TASK_MEMORY.into());
    }
    if asked_mem.is_some_and(|mib| !spec.overlap && mib > room.free_mem_mib && room.share.mem_mib != 0) {
        return Err(errno::ESLURM_NODES_BUSY.into());
    }
    Ok(StepNode {
        node: room.share.node,
        tasks,
        task_ids,
        cores: cores.to_bytes().into(),
        mem_mib: asked_mem.unwrap_or(room.share.mem_mib),
        gres: room.share.gres.clone(),
        ..StepNode::default()
    })
}

/// As many cores as the tasks need.
fn first_cores(base: &BitSet, room: &Room, tasks: u32, cpus_per_task: u32) -> BitSet {
    let needed = (u64::from(tasks) * u64::from(cpus_per_task)).div_ceil(u64::from(room.cpus_per_core.max(1)));
    let mut cores = BitSet::default();
    base.iter().take(usize::try_from(needed).unwrap_or(usize::MAX)).for_each(|core| cores.insert(core));
    cores
}

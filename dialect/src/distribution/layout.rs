//! The layout itself: a pure function of tasks, slots and order.

use thiserror::Error;

use super::request::NodeOrder;

/// Most tasks of one step.
pub const TASKS_MAX: u32 = 4_194_304;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LayoutError {
    #[error("No nodes to run tasks on")]
    NoNodes,
    #[error("More than {TASKS_MAX} tasks")]
    TooManyTasks,
    /// Arbitrary layouts come from a host file: [`arbitrary`].
    #[error("Arbitrary distribution needs a list of hosts")]
    NeedsHosts,
    #[error("Host file names a node that is not in the step")]
    NoSuchNode,
}

/// The ids of each node's tasks, ascending, in node order.
///
/// `slots` is how many tasks each node has CPUs for. Every node gets a task while there are enough; nodes take more than
/// their slots only when all are full (`--overcommit`), evenly. With `pack`, nodes are filled one after the other.
pub fn layout(tasks: u32, slots: &[u32], order: NodeOrder, pack: bool) -> Result<Vec<Vec<u32>>, LayoutError> {
    if slots.is_empty() {
        return Err(LayoutError::NoNodes);
    }
    if tasks > TASKS_MAX {
        return Err(LayoutError::TooManyTasks);
    }
    match order {
        NodeOrder::Block if pack => Ok(block(&packed_counts(tasks, slots))),
        NodeOrder::Block => Ok(block(&even_counts(tasks, slots))),
        NodeOrder::Cyclic => Ok(rounds(tasks, &raised(tasks, slots), 1)),
        NodeOrder::Plane(size) => Ok(rounds(tasks, &raised(tasks, slots), size.max(1))),
        NodeOrder::Arbitrary => Err(LayoutError::NeedsHosts),
    }
}

/// The layout that a host file gives: for each task the index of its node.
pub fn arbitrary(node_of_task: &[usize], nodes: usize) -> Result<Vec<Vec<u32>>, LayoutError> {
    if nodes == 0 {
        return Err(LayoutError::NoNodes);
    }
    let mut ids = vec![Vec::new(); nodes];
    for (task, node) in (0..TASKS_MAX).zip(node_of_task) {
        ids.get_mut(*node).ok_or(LayoutError::NoSuchNode)?.push(task);
    }
    if node_of_task.len() > TASKS_MAX as usize { Err(LayoutError::TooManyTasks) } else { Ok(ids) }
}

/// Consecutive ids, `counts[i]` for node i.
fn block(counts: &[u32]) -> Vec<Vec<u32>> {
    let mut next = 0;
    let take = |count: &u32| {
        let first = next;
        next += count;
        (first..next).collect()
    };
    counts.iter().map(take).collect()
}

/// One task after the other to the nodes in turn, while they have slots; then, in turn again, beyond.
fn even_counts(tasks: u32, slots: &[u32]) -> Vec<u32> {
    let (level, mut counts) = filled(tasks, slots);
    let mut left = tasks - counts.iter().sum::<u32>();
    let nodes = u32::try_from(slots.len()).unwrap_or(u32::MAX);
    let has_room = slots.iter().any(|slots| *slots > level);
    if !has_room {
        let each = left / nodes;
        counts.iter_mut().for_each(|count| *count += each);
        left -= each * nodes;
    }
    let takers = (0..slots.len()).filter(|i| !has_room || slots[*i] > level);
    for i in takers.take(left as usize) {
        counts[i] += 1;
    }
    counts
}

/// The greatest level up to which every node can be filled, within its slots, and the counts at that level.
fn filled(tasks: u32, slots: &[u32]) -> (u32, Vec<u32>) {
    let sum_at = |level: u32| slots.iter().map(|slots| u64::from((*slots).min(level))).sum::<u64>();
    let (mut low, mut high) = (0, slots.iter().copied().max().unwrap_or(0));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if sum_at(middle) <= u64::from(tasks) { low = middle } else { high = middle - 1 }
    }
    (low, slots.iter().map(|slots| (*slots).min(low)).collect())
}

/// Each node full before the next, with one task kept for every later node that has a slot.
fn packed_counts(tasks: u32, slots: &[u32]) -> Vec<u32> {
    let slots = raised(tasks, slots);
    let mut left = tasks;
    let mut later = u32::try_from(slots.iter().filter(|s| **s > 0).count()).unwrap_or(u32::MAX);
    let take = |slots: &u32| {
        later -= u32::from(*slots > 0);
        let count = (*slots).min(left.saturating_sub(later).max(1)).min(left);
        left -= count;
        count
    };
    slots.iter().map(take).collect()
}

/// The slots, each raised by the least number that makes room for all tasks.
fn raised(tasks: u32, slots: &[u32]) -> Vec<u32> {
    let room: u64 = slots.iter().map(|s| u64::from(*s)).sum();
    let missing = u64::from(tasks).saturating_sub(room).div_ceil(slots.len() as u64);
    let more = u32::try_from(missing).expect("missing is at most the number of tasks");
    slots.iter().map(|s| s.saturating_add(more)).collect()
}

/// Up to `size` consecutive ids a node and round, within its slots. In the first round one task is kept for every later
/// node.
fn rounds(tasks: u32, slots: &[u32], size: u32) -> Vec<Vec<u32>> {
    let mut ids = vec![Vec::new(); slots.len()];
    let mut open: Vec<usize> = (0..slots.len()).filter(|i| slots[*i] > 0).collect();
    let (mut next, mut first_round) = (0, true);
    while next < tasks && !open.is_empty() {
        for (turn, i) in open.iter().enumerate() {
            let later = u32::try_from(open.len() - 1 - turn).unwrap_or(u32::MAX);
            let kept = if first_round { later } else { 0 };
            let left = tasks - next;
            let room = slots[*i] - u32::try_from(ids[*i].len()).unwrap_or(u32::MAX);
            let count = size.min(room).min(left.saturating_sub(kept).max(1)).min(left);
            ids[*i].extend(next..next + count);
            next += count;
        }
        open.retain(|i| ids[*i].len() < slots[*i] as usize);
        first_round = false;
    }
    ids
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(tasks: u32, slots: &[u32], order: NodeOrder) -> String {
        let nodes = layout(tasks, slots, order, false).unwrap();
        let ids = |ids: &Vec<u32>| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        nodes.iter().map(ids).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn block_shares_evenly_within_the_slots() {
        for (tasks, slots, ids) in [
            (7, [5, 1, 1], "0 1 2 3 4 | 5 | 6"),
            (5, [5, 1, 1], "0 1 2 | 3 | 4"),
            (3, [5, 1, 1], "0 | 1 | 2"),
            (7, [4, 4, 4], "0 1 2 | 3 4 | 5 6"),
            (12, [4, 4, 4], "0 1 2 3 | 4 5 6 7 | 8 9 10 11"),
            (5, [2, 2, 2], "0 1 | 2 3 | 4"),
            (9, [5, 1, 1], "0 1 2 3 4 5 | 6 7 | 8"),
            (12, [5, 1, 1], "0 1 2 3 4 5 6 | 7 8 9 | 10 11"),
            (20, [4, 4, 4], "0 1 2 3 4 5 6 | 7 8 9 10 11 12 13 | 14 15 16 17 18 19"),
            (2, [4, 4, 4], "0 | 1 | "),
        ] {
            assert_eq!(shown(tasks, &slots, NodeOrder::Block), ids, "{tasks} on {slots:?}");
        }
    }

    #[test]
    fn cyclic_goes_round() {
        for (tasks, slots, ids) in [
            (7, [5, 1, 1], "0 3 4 5 6 | 1 | 2"),
            (5, [5, 1, 1], "0 3 4 | 1 | 2"),
            (7, [4, 4, 4], "0 3 6 | 1 4 | 2 5"),
            (9, [5, 1, 1], "0 3 6 7 8 | 1 4 | 2 5"),
            (12, [5, 1, 1], "0 3 6 9 10 11 | 1 4 7 | 2 5 8"),
            (17, [5, 1, 1], "0 3 6 9 12 15 16 | 1 4 7 10 13 | 2 5 8 11 14"),
        ] {
            assert_eq!(shown(tasks, &slots, NodeOrder::Cyclic), ids, "{tasks} on {slots:?}");
        }
    }

    #[test]
    fn planes_go_round_in_blocks_and_leave_a_task_for_everyone() {
        for (tasks, slots, size, ids) in [
            (7, [5, 1, 1], 2, "0 1 4 5 6 | 2 | 3"),
            (7, [5, 1, 1], 3, "0 1 2 5 6 | 3 | 4"),
            (4, [5, 1, 1], 2, "0 1 | 2 | 3"),
            (7, [4, 4, 4], 2, "0 1 6 | 2 3 | 4 5"),
            (7, [4, 4, 4], 4, "0 1 2 3 | 4 5 | 6"),
            (9, [4, 4, 4], 2, "0 1 6 7 | 2 3 8 | 4 5"),
            (11, [4, 4, 4], 3, "0 1 2 9 | 3 4 5 10 | 6 7 8"),
            (20, [4, 4, 4], 3, "0 1 2 9 10 11 18 | 3 4 5 12 13 14 19 | 6 7 8 15 16 17"),
            (6, [6, 1, 1], 3, "0 1 2 5 | 3 | 4"),
        ] {
            assert_eq!(shown(tasks, &slots, NodeOrder::Plane(size)), ids, "{tasks} on {slots:?}");
        }
    }

    #[test]
    fn pack_fills_nodes_in_order() {
        assert_eq!(layout(6, &[4, 4, 4], NodeOrder::Block, true).unwrap()[0], [0, 1, 2, 3]);
        assert_eq!(layout(5, &[5, 1, 1], NodeOrder::Block, true).unwrap()[0], [0, 1, 2]);
    }

    #[test]
    fn host_files_decide_alone() {
        assert_eq!(arbitrary(&[1, 0, 1], 2), Ok(vec![vec![1], vec![0, 2]]));
        assert_eq!(arbitrary(&[2], 2), Err(LayoutError::NoSuchNode));
    }

    #[test]
    fn impossible_layouts_are_errors() {
        assert_eq!(layout(1, &[], NodeOrder::Block, false), Err(LayoutError::NoNodes));
        assert_eq!(layout(TASKS_MAX + 1, &[1], NodeOrder::Block, false), Err(LayoutError::TooManyTasks));
        assert_eq!(layout(1, &[1], NodeOrder::Arbitrary, false), Err(LayoutError::NeedsHosts));
    }

    proptest! {
        #[test]
        fn every_task_runs_once(
            tasks in 0_u32..200,
            slots in proptest::collection::vec(0_u32..9, 1..12),
            size in 1_u32..5,
            pack: bool,
        ) {
            for order in [NodeOrder::Block, NodeOrder::Cyclic, NodeOrder::Plane(size)] {
                let nodes = layout(tasks, &slots, order, pack).unwrap();
                prop_assert_eq!(nodes.len(), slots.len());
                prop_assert!(nodes.iter().all(|ids| ids.is_sorted()));
                let mut all: Vec<u32> = nodes.iter().flatten().copied().collect();
                all.sort_unstable();
                prop_assert_eq!(all, (0..tasks).collect::<Vec<_>>());
                let room: u32 = slots.iter().sum();
                let within = nodes.iter().zip(&slots).all(|(ids, slots)| ids.len() <= *slots as usize);
                prop_assert!(within || room < tasks);
            }
        }
    }
}

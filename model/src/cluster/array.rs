//! Sets of array tasks as ranges: `1-5`, `10-100:10`. Canonical: ascending, disjoint, a single task has step 1.

use muster_proto::durable::TaskRange;

/// Tasks in one range.
fn range_count(range: &TaskRange) -> u64 {
    if range.last < range.first {
        return 0;
    }
    u64::from((range.last - range.first) / range.step.max(1)) + 1
}

/// How many tasks.
pub fn count(ranges: &[TaskRange]) -> u64 {
    ranges.iter().map(range_count).sum()
}

/// Whether `task` is among them.
pub fn contains(ranges: &[TaskRange], task: u32) -> bool {
    ranges.iter().any(|range| range_contains(range, task))
}

fn range_contains(range: &TaskRange, task: u32) -> bool {
    range.first <= task && task <= range.last && (task - range.first).is_multiple_of(range.step.max(1))
}

/// Each task, ascending within each range.
pub fn tasks(ranges: &[TaskRange]) -> impl Iterator<Item = u32> + '_ {
    ranges.iter().flat_map(|range| (range.first..=range.last).step_by(range.step.max(1) as usize))
}

/// The lowest task.
pub fn lowest(ranges: &[TaskRange]) -> Option<u32> {
    ranges.iter().filter(|range| range_count(range) > 0).map(|range| range.first).min()
}

/// The highest task.
pub fn highest(ranges: &[TaskRange]) -> Option<u32> {
    tasks_last(ranges).max()
}

fn tasks_last(ranges: &[TaskRange]) -> impl Iterator<Item = u32> + '_ {
    let filled = ranges.iter().filter(|range| range_count(range) > 0);
    filled.map(|range| range.last - (range.last - range.first) % range.step.max(1))
}

/// Takes `task` out. One range may become two.
pub fn remove(ranges: &[TaskRange], task: u32) -> Vec<TaskRange> {
    let mut left = Vec::with_capacity(ranges.len() + 1);
    for range in ranges {
        if !range_contains(range, task) {
            left.push(*range);
            continue;
        }
        let step = range.step.max(1);
        if task > range.first {
            left.push(canonical(range.first, task - step, step));
        }
        if range.last - task >= step {
            left.push(canonical(task + step, range.last, step));
        }
    }
    left
}

fn canonical(first: u32, last: u32, step: u32) -> TaskRange {
    let last = last - (last - first) % step;
    TaskRange { first, last, step: if first == last { 1 } else { step } }
}

/// The canonical form of what a user wrote: ascending, each task once. `None` where a task is above `task_max` or the ranges
/// are turned round or empty.
pub fn normalise(ranges: &[TaskRange], task_max: u32) -> Option<Vec<TaskRange>> {
    if ranges.is_empty() || ranges.iter().any(|range| range.last < range.first || range.last > task_max) {
        return None;
    }
    let mut sorted: Vec<TaskRange> =
        ranges.iter().map(|range| canonical(range.first, range.last, range.step.max(1))).collect();
    sorted.sort_by_key(|range| (range.first, range.last));
    if sorted.windows(2).all(|pair| pair[0].last < pair[1].first) {
        return Some(sorted);
    }
    let mut all: Vec<u32> = tasks(&sorted).collect();
    all.sort_unstable();
    all.dedup();
    Some(of_sorted(&all))
}

/// Ranges of step 1 over ascending distinct tasks.
fn of_sorted(tasks: &[u32]) -> Vec<TaskRange> {
    let mut ranges: Vec<TaskRange> = Vec::new();
    for &task in tasks {
        match ranges.last_mut() {
            Some(range) if range.last + 1 == task => range.last = task,
            _ => ranges.push(TaskRange { first: task, last: task, step: 1 }),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u32, last: u32, step: u32) -> TaskRange {
        TaskRange { first, last, step }
    }

    #[test]
    fn removing_each_task_leaves_none() {
        let mut left = vec![range(10, 100, 10), range(200, 203, 1)];
        let all: Vec<u32> = tasks(&left).collect();
        assert_eq!(all.len() as u64, count(&left));
        for (at, task) in all.iter().enumerate() {
            assert!(contains(&left, *task));
            left = remove(&left, *task);
            assert_eq!(count(&left), (all.len() - at - 1) as u64);
        }
        assert!(left.is_empty());
    }

    #[test]
    fn a_task_in_the_middle_splits_its_range() {
        assert_eq!(remove(&[range(1, 9, 2)], 5), vec![range(1, 3, 2), range(7, 9, 2)]);
        assert_eq!(remove(&[range(1, 3, 1)], 2), vec![range(1, 1, 1), range(3, 3, 1)]);
        assert_eq!(highest(&[range(1, 10, 4)]), Some(9));
    }

    #[test]
    fn overlapping_ranges_count_each_task_once() {
        assert_eq!(normalise(&[range(5, 7, 1), range(1, 6, 1)], 10), Some(vec![range(1, 7, 1)]));
        assert_eq!(normalise(&[range(5, 1, 1)], 10), None);
        assert_eq!(normalise(&[range(0, 11, 1)], 10), None);
    }
}

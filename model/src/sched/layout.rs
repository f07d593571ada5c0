//! Which of the nodes that fit, and how many tasks on each.
//!
//! Slurm's block layout: a node is filled, but one task is left for each later node. Four tasks on two nodes of four
//! processors are 3 and 1. Only whole nodes (`--exclusive`) and `--overcommit` share tasks evenly: 2 and 2.

use super::ask::Ask;
use super::fit::{Fit, Portion};

/// Most node counts that are tried for one job.
const COUNTS_MAX: usize = 64;

/// One candidate: its slot, and how much it can take.
pub(super) type Candidate = (u32, Fit);

/// Nodes for the job, by slot, with what each takes; `None`: these candidates do not suffice.
///
/// `candidates` come in order of preference. Fewest nodes win, then preference.
pub(super) fn choose(ask: &Ask, candidates: &[Candidate]) -> Option<Vec<(u32, Portion)>> {
    let (required, others) = split_required(ask, candidates)?;
    let available = (required.len() + others.len()) as u32;
    if available < ask.min_nodes {
        return None;
    }
    let wanted = ask.want_nodes.min(available);
    let downwards = (ask.min_nodes..wanted).rev();
    let upwards = wanted.saturating_add(1)..=ask.max_nodes.min(available);
    let tries = std::iter::once(wanted).chain(downwards).chain(upwards);
    let least = least_nodes(ask, candidates);
    for count in tries.filter(|&count| count >= least).take(COUNTS_MAX) {
        let picked =
            if ask.contiguous { pick_window(ask, candidates, count) } else { pick(ask, &required, &others, count) };
        if let Some(mut nodes) = picked {
            nodes.sort_unstable_by_key(|(slot, _)| *slot);
            return Some(spread(ask, &nodes));
        }
    }
    None
}

/// `None`: a required node is not among the candidates.
fn split_required(ask: &Ask, candidates: &[Candidate]) -> Option<(Vec<Candidate>, Vec<Candidate>)> {
    if ask.required.is_empty() {
        return Some((Vec::new(), candidates.to_vec()));
    }
    let is_required = |slot: &u32| ask.required.binary_search(slot).is_ok();
    let (required, others): (Vec<_>, Vec<_>) = candidates.iter().partition(|(slot, _)| is_required(slot));
    (required.len() == ask.required.len()).then_some((required, others))
}

/// Fewer nodes than this cannot do, even the biggest.
fn least_nodes(ask: &Ask, candidates: &[Candidate]) -> u32 {
    let tasks = candidates.iter().map(|(_, fit)| u64::from(fit.tasks)).collect();
    let by_tasks = least_summands(tasks, u64::from(ask.tasks));
    if ask.gres_per_job.is_none() {
        return by_tasks;
    }
    by_tasks.max(least_summands(candidates.iter().map(|(_, fit)| fit.devices).collect(), devices(ask)))
}

/// How many of the biggest it takes to reach `goal`; all of them and one more where they do not.
fn least_summands(mut amounts: Vec<u64>, goal: u64) -> u32 {
    amounts.sort_unstable_by(|a, b| b.cmp(a));
    let mut sum = 0u64;
    let enough = amounts.iter().position(|amount| {
        sum = sum.saturating_add(*amount);
        sum >= goal
    });
    enough.unwrap_or(amounts.len()) as u32 + 1
}

fn devices(ask: &Ask) -> u64 {
    ask.gres_per_job.as_ref().map_or(0, |g| g.count)
}

/// What is still missing while nodes are picked.
#[derive(Clone, Copy)]
struct Missing {
    tasks: u64,
    devices: u64,
}

impl Missing {
    fn of(ask: &Ask) -> Self {
        Self { tasks: u64::from(ask.tasks), devices: devices(ask) }
    }

    fn less(self, fit: &Fit) -> Self {
        Self {
            tasks: self.tasks.saturating_sub(u64::from(fit.tasks)),
            devices: self.devices.saturating_sub(fit.devices),
        }
    }

    fn none(self) -> bool {
        self.tasks == 0 && self.devices == 0
    }
}

fn suffices(ask: &Ask, nodes: &[Candidate]) -> bool {
    nodes.iter().fold(Missing::of(ask), |missing, (_, fit)| missing.less(fit)).none()
}

/// Exactly `count` nodes: the required ones, and others by preference as long as the rest can still suffice.
fn pick(ask: &Ask, required: &[Candidate], others: &[Candidate], count: u32) -> Option<Vec<Candidate>> {
    let mut left = (count as usize).checked_sub(required.len())?;
    let mut picked = required.to_vec();
    let mut missing = required.iter().fold(Missing::of(ask), |missing, (_, fit)| missing.less(fit));
    let most_later = most_later(others);
    for (at, candidate) in others.iter().enumerate() {
        if left == 0 {
            break;
        }
        let after = missing.less(&candidate.1);
        let (tasks, devices) = most_later[at + 1];
        let later = (left - 1) as u64;
        let enough_later = later.saturating_mul(tasks) >= after.tasks && later.saturating_mul(devices) >= after.devices;
        if enough_later || after.none() {
            picked.push(*candidate);
            (missing, left) = (after, left - 1);
        }
    }
    if left == 0 && missing.none() { Some(picked) } else { pick_biggest(ask, required, others, count) }
}

/// At `i`: the most tasks and devices that any of `others[i..]` has.
fn most_later(others: &[Candidate]) -> Vec<(u64, u64)> {
    let mut most = vec![(0, 0); others.len() + 1];
    for (at, (_, fit)) in others.iter().enumerate().rev() {
        let (tasks, devices) = most[at + 1];
        most[at] = (tasks.max(u64::from(fit.tasks)), devices.max(fit.devices));
    }
    most
}

fn pick_biggest(ask: &Ask, required: &[Candidate], others: &[Candidate], count: u32) -> Option<Vec<Candidate>> {
    let left = (count as usize).checked_sub(required.len())?;
    let mut sorted = others.to_vec();
    sorted.sort_by_key(|(_, fit)| (std::cmp::Reverse(fit.devices), std::cmp::Reverse(fit.tasks)));
    let mut picked = required.to_vec();
    picked.extend(sorted.into_iter().take(left));
    (picked.len() == count as usize && suffices(ask, &picked)).then_some(picked)
}

/// `count` nodes in a row that hold the required ones.
fn pick_window(ask: &Ask, candidates: &[Candidate], count: u32) -> Option<Vec<Candidate>> {
    let mut sorted = candidates.to_vec();
    sorted.sort_unstable_by_key(|(slot, _)| *slot);
    let in_row = |w: &&[Candidate]| w[w.len() - 1].0 - w[0].0 + 1 == count;
    let holds = |w: &&[Candidate]| ask.required.iter().all(|slot| (w[0].0..=w[w.len() - 1].0).contains(slot));
    let window = sorted.windows(count as usize).filter(in_row).filter(holds).find(|w| suffices(ask, w))?;
    Some(window.to_vec())
}

/// Tasks and devices over the nodes, in slot order.
fn spread(ask: &Ask, nodes: &[Candidate]) -> Vec<(u32, Portion)> {
    let count = nodes.len() as u64;
    let mut tasks = u64::from(ask.tasks).max(count);
    let mut devices = devices(ask);
    let mut later_max: u64 = nodes.iter().map(|(_, fit)| u64::from(fit.tasks)).sum();
    let mut portions = Vec::with_capacity(nodes.len());
    for (at, (slot, fit)) in nodes.iter().enumerate() {
        let later = count - 1 - at as u64;
        later_max -= u64::from(fit.tasks);
        // Whole nodes, and overcommitted ones, share the tasks evenly, as far as the later ones can take theirs.
        let even = tasks.div_ceil(later + 1).max(tasks.saturating_sub(later_max));
        let fair = if ask.overcommit || ask.whole { even } else { tasks - later };
        let here = u64::from(fit.tasks).min(fair).min(tasks - later);
        let given = fit.devices.min(devices.saturating_sub(later).max(u64::from(devices > 0)));
        tasks -= here;
        devices -= given.min(devices);
        portions.push((*slot, Portion { tasks: here as u32, devices: given }));
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::testing::ask;

    fn nodes(tasks: &[u32]) -> Vec<Candidate> {
        (0..).zip(tasks).map(|(slot, &tasks)| (slot, Fit { tasks, devices: u64::MAX })).collect()
    }

    fn chosen(ask: &Ask, tasks: &[u32]) -> Option<Vec<(u32, u32)>> {
        choose(ask, &nodes(tasks)).map(|n| n.into_iter().map(|(slot, portion)| (slot, portion.tasks)).collect())
    }

    #[test]
    fn block_fills_a_node_but_leaves_one_task_for_each_later_one() {
        assert_eq!(chosen(&ask("-N2 -n4"), &[4, 4]), Some(vec![(0, 3), (1, 1)]));
        assert_eq!(chosen(&ask("-N4 -n8"), &[4, 4, 4, 4]), Some(vec![(0, 4), (1, 2), (2, 1), (3, 1)]));
        assert_eq!(chosen(&ask("-N2 -n5"), &[4, 4]), Some(vec![(0, 4), (1, 1)]));
        assert_eq!(chosen(&ask("-N2 -n3"), &[4, 4]), Some(vec![(0, 2), (1, 1)]));
    }

    #[test]
    fn whole_and_overcommitted_nodes_share_tasks_evenly() {
        assert_eq!(chosen(&ask("-N3 -n7 --exclusive"), &[4, 4, 4]), Some(vec![(0, 3), (1, 2), (2, 2)]));
        assert_eq!(chosen(&ask("-N2 -n5 --exclusive"), &[4, 1]), Some(vec![(0, 4), (1, 1)]));
        assert_eq!(chosen(&ask("-N2 -n5 --exclusive"), &[1, 4]), Some(vec![(0, 1), (1, 4)]));
        assert_eq!(chosen(&ask("-N2 -n6 -O"), &[u32::MAX, u32::MAX]), Some(vec![(0, 3), (1, 3)]));
    }

    #[test]
    fn without_a_node_count_the_fewest_nodes_are_used() {
        assert_eq!(chosen(&ask("-n6"), &[4, 4, 4, 4]), Some(vec![(0, 4), (1, 2)]));
        assert_eq!(chosen(&ask("-n6"), &[1, 4, 1, 4]), Some(vec![(1, 4), (3, 2)]));
        assert_eq!(chosen(&ask("-n5"), &[1, 4, 4, 4]), Some(vec![(0, 1), (1, 4)]));
        assert_eq!(chosen(&ask("-n4"), &[1, 2, 4]), Some(vec![(2, 4)]));
        assert_eq!(chosen(&ask("-n9"), &[4, 4]), None);
    }

    #[test]
    fn a_range_of_nodes_takes_as_many_as_there_are() {
        assert_eq!(chosen(&ask("-N1-3"), &[4, 4]), Some(vec![(0, 1), (1, 1)]));
        assert_eq!(chosen(&ask("-N1-3 -n2"), &[4, 4, 4]), Some(vec![(0, 1), (1, 1)]));
        assert_eq!(chosen(&ask("-N3-4"), &[4, 4]), None);
    }

    #[test]
    fn contiguous_nodes_stand_in_a_row() {
        let mut candidates = nodes(&[4, 4, 4, 4]);
        candidates.remove(1);
        let picked = choose(&ask("-N2 --contiguous"), &candidates).unwrap();
        assert_eq!(picked.iter().map(|n| n.0).collect::<Vec<_>>(), vec![2, 3]);
    }
}

//! Who is looked at first.

use super::view::View;

/// One try: a job in one of its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Try {
    /// Place in [`View::jobs`].
    pub(super) job: usize,
    /// Place in its shape's partitions.
    pub(super) partition: usize,
}

/// Every try: `PriorityTier` of the partition descending, priority descending, uid (submit order) ascending, and a job's
/// partitions in the order that the user wrote.
pub(super) fn order(view: &View) -> Vec<Try> {
    let tiers: Vec<Vec<u32>> = view.shapes.iter().map(|shape| tiers_of(view, &shape.partitions)).collect();
    let mut keyed: Vec<((u32, u32, u64), Try)> = Vec::with_capacity(view.jobs.len());
    for (job, record) in view.jobs.iter().enumerate() {
        for (partition, &tier) in tiers[record.shape as usize].iter().enumerate() {
            keyed.push(((!tier, !record.priority, record.uid), Try { job, partition }));
        }
    }
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, one)| one).collect()
}

fn tiers_of(view: &View, partitions: &[String]) -> Vec<u32> {
    let tier = |name| view.site.partitions.get(name).map_or(0, |p| p.rules.priority_tier);
    partitions.iter().map(tier).collect()
}

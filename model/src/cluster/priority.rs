//! Priorities, in integers.
//!
//! `priority/basic` gives descending numbers, so that jobs start in the order of their submission. `priority/multifactor`
//! is minimal so far: the parts for partition, job size and nice are computed when a job is submitted; age, fair share, QOS
//! and TRES add nothing yet.

use muster_proto::durable::JobSpec;

use super::state::Cluster;

impl Cluster {
    /// Of a job that is not held. Never 0, which would mean held.
    pub(super) fn first_priority(&mut self, spec: &JobSpec) -> u32 {
        let multifactor = self.settings().is_some_and(|settings| settings.multifactor);
        let base = if multifactor {
            self.multifactor(spec)
        } else {
            let priority = self.meta.next_priority;
            self.meta.next_priority = priority.saturating_sub(1).max(1);
            priority
        };
        let niced = i64::from(base) - i64::from(spec.nice);
        u32::try_from(niced.max(1)).unwrap_or(u32::MAX)
    }

    fn multifactor(&self, spec: &JobSpec) -> u32 {
        let Some(in_force) = self.config() else { return 1 };
        let weights = &in_force.conf.priority;
        let factor_max = self.partitions().map(|partition| partition.priority_job_factor).max().unwrap_or(1).max(1);
        let first = spec.partitions.split(',').next().unwrap_or_default();
        let factor = self.partition(first).map_or(0, |partition| partition.priority_job_factor);
        let partition = u64::from(weights.weight_partition) * u64::from(factor) / u64::from(factor_max);
        let nodes = self.nodes().filter(|node| !node.row.removed).count().max(1) as u64;
        let wanted = spec.request.as_ref().map_or(1, |request| u64::from(request.min_nodes)).min(nodes);
        let share = if weights.favor_small { nodes - wanted } else { wanted };
        let size = u64::from(weights.weight_job_size) * share / nodes;
        u32::try_from(1 + partition + size).unwrap_or(u32::MAX)
    }
}

//! `--test-only`: when and where a job would start beside who runs now, with the queue left out, as Slurm estimates it.

use muster_proto::durable::JobSpec;

use super::candidates::Prepared;
use super::earliest::{Budget, Opening, Search};
use super::eligible;
use super::feasible::{Infeasible, feasible};
use super::place::Pool;
use super::profile::Profile;
use super::view::{Shape, View};

/// Looks at nodes that one estimate may cost.
const LOOKS_MAX: Budget = 1_000_000;

/// When and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Cluster time.
    pub start_ms: u64,
    /// Processors in all.
    pub cpus: u32,
    /// Host list.
    pub nodes: String,
    /// In which partition.
    pub partition: String,
}

/// The earliest start in any of the job's partitions.
pub fn will_run(view: &View, spec: &JobSpec) -> Result<Estimate, Infeasible> {
    feasible(&view.site, spec)?;
    let shape = Shape::of(spec);
    let pool = Pool::of(view);
    let profile = Profile::of(view).settle();
    let from_ms = view.now_ms.max(spec.begin_ms);
    let openings = shape.partitions.iter().filter_map(|name| {
        let partition = view.site.partitions.get(name)?;
        if eligible::partition_refuses(&shape, partition, &view.site).is_some() {
            return None;
        }
        let prepared = Prepared::new(view, &shape, partition).ok()?;
        let search = Search {
            view,
            pool: &pool,
            profile: &profile,
            prepared: &prepared,
            from_ms,
            only_then: false,
            resolution_ms: 0,
        };
        search.run(&mut LOOKS_MAX.clone())
    });
    let earliest: Opening = openings.min_by_key(|opening| opening.start_ms).ok_or(Infeasible::NodeConfig)?;
    Ok(Estimate {
        start_ms: earliest.start_ms,
        cpus: earliest.allocation.nodes.iter().map(|share| share.cpus).sum(),
        nodes: view.site.fold(earliest.slots),
        partition: earliest.allocation.partition,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::testing::{self, NOW_MS, World};

    fn spec(flags: &str) -> JobSpec {
        let shape = testing::shape(flags);
        let partitions = shape.partitions.join(",");
        JobSpec { request: Some(shape.request), partitions, time_limit_s: shape.time_limit_s, ..JobSpec::default() }
    }

    #[test]
    fn a_job_would_start_when_who_runs_has_ended() {
        let mut world = World::golden();
        world.runs(9, "n1", 0b1111, 100);
        world.runs(8, "n2", 0b0001, 300);
        let view = world.view();
        let at = |flags: &str| will_run(&view, &spec(flags)).map(|e| ((e.start_ms - NOW_MS) / 1_000, e.cpus, e.nodes));
        assert_eq!(at("-n1"), Ok((0, 1, "n2".into())));
        assert_eq!(at("-N1 -n4 -w n1"), Ok((100, 4, "n1".into())));
        assert_eq!(at("-N4 -n16"), Ok((300, 16, "n[1-4]".into())));
        assert_eq!(at("-N99"), Err(Infeasible::NodeConfig));
    }
}

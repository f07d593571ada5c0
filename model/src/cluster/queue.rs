//! Waiting records in the order in which a scheduler takes them, so that a pass looks at the first of many.
//!
//! Records of one shape start, or do not start, together, unless something of their own holds them back: a begin time, another
//! job, the limit of an array. Those stand apart, since they may have to be passed over.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::job::Job;
use super::state::Cluster;
use crate::sched::Shape;

/// Where a waiting record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// `None`: something of its own may hold it back.
    shape: Option<u64>,
    priority: Reverse<u32>,
}

impl Place {
    pub(super) fn of(job: &Job) -> Self {
        let spec = job.spec();
        let row = &job.row;
        let depends = spec.dependency.as_ref().is_some_and(|dependency| !dependency.terms.is_empty());
        let later = spec.begin_ms != 0 || spec.deadline_ms != 0 || row.eligible_ms > row.submit_ms;
        let by_itself = depends || later || row.array_limit != 0;
        Self { shape: (!by_itself).then_some(job.asked().shape_number), priority: Reverse(row.priority) }
    }
}

type Order = (Reverse<u32>, u64);

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    by_shape: BTreeMap<u64, BTreeSet<Order>>,
    by_itself: BTreeSet<Order>,
    /// In `by_shape`.
    alike: usize,
}

/// Numbers of shapes are of this process alone: what is equal is who waits, and how.
impl PartialEq for Queue {
    fn eq(&self, other: &Self) -> bool {
        let alike = |queue: &Self| queue.by_shape.values().flatten().copied().collect::<BTreeSet<_>>();
        self.by_itself == other.by_itself && self.alike == other.alike && alike(self) == alike(other)
    }
}

impl Queue {
    pub(super) fn add(&mut self, uid: u64, place: Place) {
        let order = (place.priority, uid);
        match place.shape {
            Some(shape) => self.alike += usize::from(self.by_shape.entry(shape).or_default().insert(order)),
            None => drop(self.by_itself.insert(order)),
        }
    }

    pub(super) fn remove(&mut self, uid: u64, place: Place) {
        let order = (place.priority, uid);
        let Some(shape) = place.shape else {
            self.by_itself.remove(&order);
            return;
        };
        let Some(alike) = self.by_shape.get_mut(&shape) else { return };
        self.alike -= usize::from(alike.remove(&order));
        if alike.is_empty() {
            self.by_shape.remove(&shape);
        }
    }
}

/// Who waits, as far as a pass looks.
#[derive(Debug, Default)]
pub struct Waiting<'c> {
    /// In any order.
    pub jobs: Vec<&'c Arc<Job>>,
    /// There are others behind them.
    pub more: bool,
}

impl Cluster {
    /// Whether [`Cluster::first_waiting`] has any.
    pub fn anybody_waits(&self) -> bool {
        self.index.queue.alike > 0 || !self.index.queue.by_itself.is_empty()
    }

    /// Records that wait and that nobody holds: all that something of their own may hold back; of the others the first `most`
    /// by `tier` of their shape, priority and uid, and in any case the first `of_each` of each shape, so that no shape waits
    /// for ever behind others that cannot start.
    pub fn first_waiting(&self, tier: impl Fn(&Shape) -> u32, most: usize, of_each: usize) -> Waiting<'_> {
        let queue = &self.index.queue;
        let job = |order: &Order| self.jobs.get(&order.1);
        let mut jobs: Vec<_> = queue.by_itself.iter().filter_map(job).collect();
        if queue.alike <= most {
            jobs.extend(queue.by_shape.values().flatten().filter_map(job));
            return Waiting { jobs, more: false };
        }
        let others = jobs.len();
        let mut lines: Vec<_> = queue.by_shape.values().map(|line| (line.iter(), 0)).collect();
        let mut heads = BinaryHeap::with_capacity(lines.len());
        for (at, (line, _)) in lines.iter_mut().enumerate() {
            let Some(first) = line.next() else { continue };
            let tier = job(first).map_or(0, |job| tier(&job.asked().shape));
            heads.push(Reverse((Reverse(tier), *first, at)));
        }
        while let Some(Reverse((tier, order, at))) = heads.pop() {
            let (line, taken) = &mut lines[at];
            let enough = jobs.len() - others >= most;
            if enough && *taken >= of_each {
                continue;
            }
            *taken += 1;
            jobs.extend(job(&order));
            heads.extend(line.next().map(|next| Reverse((tier, *next, at))));
        }
        Waiting { more: jobs.len() - others < queue.alike, jobs }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CONF, Scene, batch};
    use super::*;
    use muster_proto::durable::JobSpec;

    fn scene() -> Scene {
        let conf = CONF
            .replace("priority/basic", "priority/multifactor")
            .replace("PartitionName=short", "PartitionName=short PriorityTier=5");
        Scene::up_with(&conf)
    }

    fn submit(scene: &mut Scene, partition: &str, tasks: u32) -> u64 {
        let mut spec = batch();
        spec.partitions = partition.to_owned();
        spec.request.get_or_insert_default().ntasks = tasks;
        scene.submit(spec)
    }

    fn first(scene: &Scene, most: usize, of_each: usize) -> (Vec<u64>, bool) {
        let tier =
            |shape: &Shape| shape.partitions.iter().map(|name| u32::from(name == "short") * 5).max().unwrap_or(0);
        let waiting = scene.cluster.first_waiting(tier, most, of_each);
        let mut uids: Vec<u64> = waiting.jobs.iter().map(|job| job.uid()).collect();
        uids.sort_unstable();
        (uids, waiting.more)
    }

    #[test]
    fn the_first_of_many_are_taken_and_some_of_each_shape() {
        let mut scene = scene();
        let ones: Vec<u64> = (0..4).map(|_| submit(&mut scene, "debug", 1)).collect();
        assert!(scene.cluster.anybody_waits());
        let twos: Vec<u64> = (0..4).map(|_| submit(&mut scene, "debug", 2)).collect();
        let high: Vec<u64> = (0..2).map(|_| submit(&mut scene, "short", 1)).collect();
        assert_eq!(first(&scene, 10, 1), ([&ones[..], &twos, &high].concat(), false));
        assert_eq!(first(&scene, 4, 0), ([&ones[..2], &high].concat(), true));
        assert_eq!(first(&scene, 4, 1), ([&ones[..2], &twos[..1], &high].concat(), true));
    }

    #[test]
    fn one_that_something_of_its_own_holds_back_is_always_seen() {
        let mut scene = scene();
        assert!(!scene.cluster.anybody_waits());
        let waits = scene.submit(JobSpec { begin_ms: scene.now_ms + 60_000, ..batch() });
        assert!(scene.cluster.anybody_waits());
        let one = scene.submit(batch());
        scene.submit(batch());
        assert_eq!(first(&scene, 1, 0), (vec![waits, one], true));
    }
}

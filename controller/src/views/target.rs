//! Which records a target names.

use std::sync::Arc;

use muster_model::cluster::{Cluster, Job, array};
use muster_proto::durable::JobTarget;

/// The records of those targets that mean one at most, and the targets that are about an array: its records are walked.
pub(super) fn split<'a>(cluster: &Cluster, targets: &'a [JobTarget]) -> (Vec<Arc<Job>>, Vec<&'a JobTarget>) {
    let of_array = |target: &&JobTarget| {
        let named = target.array_task.is_some() || !target.tasks.is_empty();
        target.uid == 0 && (named || cluster.array_records(target.job_id).next().is_some())
    };
    let (arrays, ones): (Vec<&JobTarget>, Vec<&JobTarget>) = targets.iter().partition(of_array);
    let one = |target: &JobTarget| match target.uid {
        0 => cluster.job_by_label(target.job_id, None).cloned(),
        uid => cluster.job(uid).cloned(),
    };
    (ones.into_iter().filter_map(one).collect(), arrays)
}

/// Whether `target` means this record of its array.
pub(super) fn means_of_array(target: &JobTarget, job: &Job) -> bool {
    let has = |task: u32| match job.row.array_task {
        Some(own) => own == task,
        None => array::contains(&job.row.pending_tasks, task),
    };
    match target.array_task {
        Some(task) => has(task),
        None if target.tasks.is_empty() => true,
        None => match job.row.array_task {
            Some(own) => array::contains(&target.tasks, own),
            None => array::tasks(&target.tasks).take(TASKS_MAX).any(has),
        },
    }
}

/// Tasks of one target that are looked at: more than any array has.
const TASKS_MAX: usize = 4_000_001;

//! Which records a list of targets names.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::cluster::{Cluster, Job, array};
use muster_proto::durable::JobTarget;

/// The records meant by `targets`, by uid; all of them where there is no target. An array's id means all of its records.
pub(super) fn records(cluster: &Cluster, targets: &[JobTarget], users: &[u32]) -> Vec<Arc<Job>> {
    if targets.is_empty() {
        return match users {
            [] => cluster.jobs().cloned().collect(),
            users => by_uid(users.iter().flat_map(|user| cluster.jobs_of_user(*user))),
        };
    }
    let found = by_uid(targets.iter().flat_map(|target| meant(cluster, target)));
    found.into_iter().filter(|job| users.is_empty() || users.contains(&job.spec().uid)).collect()
}

fn by_uid<'a>(jobs: impl Iterator<Item = &'a Arc<Job>>) -> Vec<Arc<Job>> {
    let unique: BTreeMap<u64, Arc<Job>> = jobs.map(|job| (job.uid(), job.clone())).collect();
    unique.into_values().collect()
}

fn meant<'a>(cluster: &'a Cluster, target: &JobTarget) -> Vec<&'a Arc<Job>> {
    if target.uid != 0 {
        return cluster.job(target.uid).into_iter().collect();
    }
    if let Some(task) = target.array_task {
        return cluster.job_by_label(target.job_id, Some(task)).into_iter().collect();
    }
    if !target.tasks.is_empty() {
        return cluster.array_records(target.job_id).filter(|job| has_task(job, target)).collect();
    }
    let of_array: Vec<_> = cluster.array_records(target.job_id).collect();
    if !of_array.is_empty() {
        return of_array;
    }
    cluster.job_by_label(target.job_id, None).into_iter().collect()
}

fn has_task(job: &Job, target: &JobTarget) -> bool {
    match job.row.array_task {
        Some(task) => array::contains(&target.tasks, task),
        None => array::tasks(&target.tasks).take(TASKS_MAX).any(|task| array::contains(&job.row.pending_tasks, task)),
    }
}

/// Tasks of one target that are looked at: more than any array has.
const TASKS_MAX: usize = 4_000_001;

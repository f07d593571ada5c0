//! Taking many records out of the state without holding up applying: by parts, each under a short lock.
//!
//! A listing of at most one part is of one instant. A longer one has each record as it was at some instant of the walk, all of
//! them after the barrier. A task that leaves its array meanwhile is shown once, in the array's record or by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::cluster::{Cluster, Job, array};
use muster_proto::durable::JobTarget;
use tokio::task::yield_now;

use super::target;
use crate::core::PART_RECORDS;
use crate::member::Member;

/// Targets that are looked up under one lock: each means one record, or few.
const TARGETS_AT_ONCE: usize = 64;

/// The records meant by `targets` and `users`, by uid.
pub(super) async fn records(member: &Member, targets: &[JobTarget], users: &[u32]) -> Vec<Arc<Job>> {
    match (targets, users) {
        ([], []) => walk(member, |cluster, after| part(cluster.jobs_after(after))).await,
        ([], [user]) => of_user(member, *user).await,
        ([], users) => {
            let mut found = BTreeMap::new();
            for user in users {
                found.extend(of_user(member, *user).await.into_iter().map(|job| (job.uid(), job)));
            }
            found.into_values().collect()
        }
        (targets, users) => {
            let mut found = of_targets(member, targets).await;
            found.retain(|job| users.is_empty() || users.contains(&job.spec().uid));
            found
        }
    }
}

/// Every record in memory, by uid.
pub(super) async fn all_records(member: &Member) -> Vec<Arc<Job>> {
    records(member, &[], &[]).await
}

async fn of_user(member: &Member, user: u32) -> Vec<Arc<Job>> {
    walk(member, |cluster, after| part(cluster.user_jobs_after(user, after))).await
}

/// Those that stand for themselves are looked up some at a time; arrays are walked.
async fn of_targets(member: &Member, targets: &[JobTarget]) -> Vec<Arc<Job>> {
    let mut found = BTreeMap::new();
    for some in targets.chunks(TARGETS_AT_ONCE) {
        let (ones, arrays): (Vec<_>, Vec<_>) = member.core.read(|cluster| target::split(cluster, some));
        found.extend(ones.into_iter().map(|job: Arc<Job>| (job.uid(), job)));
        for target in arrays {
            let all = walk(member, |cluster, after| part(cluster.array_records_after(target.job_id, after))).await;
            let meant = all.into_iter().filter(|job| target::means_of_array(target, job));
            found.extend(meant.map(|job| (job.uid(), job)));
        }
        yield_now().await;
    }
    found.into_values().collect()
}

fn part<'a>(jobs: impl Iterator<Item = &'a Arc<Job>>) -> Vec<Arc<Job>> {
    jobs.take(PART_RECORDS).cloned().collect()
}

async fn walk(member: &Member, part: impl Fn(&Cluster, u64) -> Vec<Arc<Job>>) -> Vec<Arc<Job>> {
    let mut all: Vec<Arc<Job>> = Vec::new();
    loop {
        let last = all.last().map_or(0, |job| job.uid());
        let next = member.core.take(|cluster| part(cluster, last));
        let is_last = next.len() < PART_RECORDS;
        all.extend(next);
        if is_last {
            break;
        }
        yield_now().await;
    }
    if all.len() > PART_RECORDS {
        settle_arrays(member, &mut all, part).await;
    }
    all
}

/// A task leaves its array's record and gets one of its own, later than all: both are looked at again together, some arrays at
/// a time. What is still pending in an array's record as it is shown is not shown by itself.
async fn settle_arrays(member: &Member, all: &mut Vec<Arc<Job>>, part: impl Fn(&Cluster, u64) -> Vec<Arc<Job>>) {
    let arrays: Vec<usize> = (0..all.len()).filter(|at| all[*at].is_array()).collect();
    let mut shown: BTreeMap<u32, Arc<Job>> = BTreeMap::new();
    let mut last = all.last().map_or(0, |job| job.uid());
    let mut rest = arrays.chunks(PART_RECORDS);
    loop {
        let some = rest.next().unwrap_or_default();
        let (now, newer) = member.core.read(|cluster| {
            let now: Vec<_> = some.iter().map(|at| cluster.job(all[*at].uid()).cloned()).collect();
            (now, part(cluster, last))
        });
        for (at, now) in some.iter().zip(now) {
            // One that is gone since stays as it was.
            if let Some(now) = now {
                all[*at] = now;
            }
            shown.insert(all[*at].row.array_job_id, all[*at].clone());
        }
        let is_last = some.len() < PART_RECORDS && newer.len() < PART_RECORDS;
        last = newer.last().map_or(last, |job| job.uid());
        all.extend(newer.into_iter().filter(|job| !is_pending_in(&shown, job)));
        if is_last {
            return;
        }
        yield_now().await;
    }
}

fn is_pending_in(shown: &BTreeMap<u32, Arc<Job>>, job: &Job) -> bool {
    let array = shown.get(&job.row.array_job_id);
    array.is_some_and(|it| job.row.array_task.is_some_and(|task| array::contains(&it.row.pending_tasks, task)))
}

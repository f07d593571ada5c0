//! Taking many records out of the state without holding up applying: by parts, each under a short lock.
//!
//! A listing of at most one part is of one instant. A longer one has each record as it was at some instant of the walk, all of
//! them after the barrier; an array and its tasks are of one instant, so that no task is shown twice or not at all.

use std::sync::Arc;

use muster_model::cluster::{Cluster, Job};
use muster_proto::durable::JobTarget;

use super::target;
use crate::member::Member;

/// Records taken under one lock: well under a millisecond.
const PART_RECORDS: usize = 4_096;

/// The records meant by `targets` and `users`, by uid.
pub(super) fn records(member: &Member, targets: &[JobTarget], users: &[u32]) -> Vec<Arc<Job>> {
    match (targets, users) {
        ([], []) => walk(member, |cluster, after| part(cluster.jobs_after(after))),
        ([], [user]) => walk(member, |cluster, after| part(cluster.user_jobs_after(*user, after))),
        _ => member.core.read(|cluster| target::records(cluster, targets, users)),
    }
}

/// Every record in memory, by uid.
pub(super) fn all_records(member: &Member) -> Vec<Arc<Job>> {
    records(member, &[], &[])
}

fn part<'a>(jobs: impl Iterator<Item = &'a Arc<Job>>) -> Vec<Arc<Job>> {
    jobs.take(PART_RECORDS).cloned().collect()
}

fn walk(member: &Member, part: impl Fn(&Cluster, u64) -> Vec<Arc<Job>>) -> Vec<Arc<Job>> {
    let mut all: Vec<Arc<Job>> = Vec::new();
    loop {
        let last = all.last().map_or(0, |job| job.uid());
        let next = member.core.read(|cluster| part(cluster, last));
        let is_last = next.len() < PART_RECORDS;
        all.extend(next);
        if is_last {
            break;
        }
    }
    if all.len() > PART_RECORDS {
        settle_arrays(member, &mut all, part);
    }
    all
}

/// A task leaves its array's record and gets one of its own, later than all: both are looked at again, together.
fn settle_arrays(member: &Member, all: &mut Vec<Arc<Job>>, part: impl Fn(&Cluster, u64) -> Vec<Arc<Job>>) {
    let last = all.last().map_or(0, |job| job.uid());
    let arrays: Vec<usize> = (0..all.len()).filter(|at| all[*at].is_array()).collect();
    let (now, newer) = member.core.read(|cluster| {
        let now: Vec<_> = arrays.iter().map(|at| cluster.job(all[*at].uid()).cloned()).collect();
        (now, part(cluster, last))
    });
    for (at, now) in arrays.into_iter().zip(now) {
        // One that is gone since stays as it was.
        if let Some(now) = now {
            all[at] = now;
        }
    }
    all.extend(newer);
}

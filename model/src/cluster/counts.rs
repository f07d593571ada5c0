//! How many there are, known without looking at each; and walking through them piece by piece.

use std::ops::Bound;
use std::sync::Arc;

use super::job::Job;
use super::node::Node;
use super::state::Cluster;

impl Cluster {
    /// As many as [`Cluster::startable_jobs`] yields.
    pub fn startable_count(&self) -> usize {
        self.index.startable.len()
    }

    /// As many as [`Cluster::active_jobs`] yields.
    pub fn active_count(&self) -> usize {
        self.index.active.len()
    }

    /// The same of one user.
    pub fn user_jobs_after(&self, user: u32, uid: u64) -> impl Iterator<Item = &Arc<Job>> {
        let uids = self.index.by_user.get(&user).into_iter();
        let later = uids.flat_map(move |uids| uids.range((Bound::Excluded(uid), Bound::Unbounded)));
        later.filter_map(|uid| self.jobs.get(uid))
    }

    /// Records in memory after `uid`, by uid: whoever takes a few at a time goes on after the last one.
    pub fn jobs_after(&self, uid: u64) -> impl Iterator<Item = &Arc<Job>> {
        self.jobs.range((Bound::Excluded(uid), Bound::Unbounded)).map(|(_, job)| job)
    }

    /// Likewise of one array: its own record and those of its tasks.
    pub fn array_records_after(&self, array_job_id: u32, uid: u64) -> impl Iterator<Item = &Arc<Job>> {
        let uids = self.index.arrays.get(&array_job_id).into_iter();
        let later = uids.flat_map(move |uids| uids.range((Bound::Excluded(uid), Bound::Unbounded)));
        later.filter_map(|uid| self.jobs.get(uid))
    }

    /// Nodes from `index` on, by index.
    pub fn nodes_from(&self, index: u32) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.range(index..).map(|(_, node)| node)
    }

    /// As [`Cluster::active_jobs`], after `uid`.
    pub fn active_jobs_after(&self, uid: u64) -> impl Iterator<Item = &Arc<Job>> {
        let later = self.index.active.range((Bound::Excluded(uid), Bound::Unbounded));
        later.filter_map(|uid| self.jobs.get(uid))
    }
}

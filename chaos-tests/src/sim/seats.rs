//! The controllers that run now, for whoever judges them from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_controller::Controller;
use muster_model::cluster::{Cluster, Job};
use muster_proto::durable::JobKind;
use muster_raft_store::Replica;

use super::registers::{of_job, of_node};
use crate::promises::{FinalJob, FinalState};

/// Shared by hosts and the run. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Seats(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    running: BTreeMap<String, Arc<Controller>>,
    failures: Vec<String>,
    /// Processes that ended, as they may.
    ended: Vec<(String, String)>,
}

impl Seats {
    /// `name` runs.
    pub(crate) fn enter(&self, name: &str, controller: Arc<Controller>) {
        self.inner().running.insert(name.to_owned(), controller);
    }

    /// `name` is about to crash: nothing of it may be held.
    pub(crate) fn leave(&self, name: &str) {
        let gone = self.inner().running.remove(name);
        drop(gone);
    }

    /// `name` ended by itself.
    pub(crate) fn failed(&self, name: &str, why: &str) {
        self.inner().failures.push(format!("{name} ended by itself: {why}"));
    }

    /// `name` ended by itself, as it may: its host is still to be told.
    pub(crate) fn end(&self, name: &str, why: &str) {
        self.leave(name);
        self.inner().ended.push((name.to_owned(), why.to_owned()));
    }

    /// Those since the last call, and why.
    pub(crate) fn take_ended(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.inner().ended)
    }

    /// Who ended by itself, and why.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.inner().failures.clone()
    }

    /// The clusters that those who run belong to.
    pub(crate) fn clusters(&self) -> BTreeSet<[u8; 16]> {
        self.inner().running.values().filter_map(|controller| controller.cluster_id()).collect()
    }

    /// Every member that runs.
    pub(crate) fn replicas(&self) -> Vec<(String, Replica)> {
        let inner = self.inner();
        let running = inner.running.iter();
        running.filter_map(|(name, controller)| Some((name.clone(), controller.replica()?))).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// Looks at a replica's state.
pub(crate) fn look<T>(replica: &Replica, look: impl FnOnce(&Cluster) -> T) -> T {
    let state = replica.state();
    let cluster = state.read().unwrap_or_else(PoisonError::into_inner);
    look(&cluster)
}

/// The nodes of the newest attempt of a job.
pub(crate) fn attempt(cluster: &Cluster, job: &Job) -> Option<(u32, Vec<String>)> {
    let attempt = job.newest_attempt()?;
    let names = attempt.nodes.iter().filter_map(|part| Some(cluster.node(part.node)?.name().to_owned()));
    Some((attempt.number, names.collect()))
}

/// The state of `name`. `committed`: every attempt that was seen in the applied state, by job.
pub(crate) fn final_state(name: &str, replica: &Replica, committed: &Committed) -> FinalState {
    let (index, digest) = replica.digest();
    look(replica, |cluster| FinalState {
        name: name.to_owned(),
        index,
        digest,
        registers: registers(cluster),
        jobs: cluster.jobs().map(|job| (job.uid(), final_job(job, committed))).collect(),
        broken: cluster.check().iter().map(ToString::to_string).collect(),
    })
}

fn registers(cluster: &Cluster) -> BTreeMap<String, String> {
    let jobs = cluster.jobs().flat_map(|job| of_job(&job.row, job.spec()));
    jobs.chain(cluster.nodes().flat_map(|node| of_node(&node.row))).collect()
}

/// (attempt, nodes) by uid.
pub(crate) type Committed = BTreeMap<u64, BTreeSet<(u32, Vec<String>)>>;

fn final_job(job: &Job, committed: &Committed) -> FinalJob {
    let attempts = committed.get(&job.uid()).into_iter().flatten().cloned().collect();
    let row = &job.row;
    FinalJob {
        uid: row.uid,
        job_id: row.job_id,
        name: job.spec().name.clone(),
        array: (row.array_uid != 0).then_some(row.array_uid),
        task: row.array_task,
        attempts,
        finished: job.is_over(),
        state: job.state().long().to_owned(),
        batch: job.kind() == JobKind::Batch,
        held: row.hold != 0,
    }
}

/// Whoever leads with a quorum behind it.
pub(crate) fn look_for_leader(seats: &Seats) -> Option<String> {
    let mut leading = seats.replicas().into_iter().filter(|(_, replica)| replica.leadership().borrow().leads());
    leading.next().map(|(name, _)| name)
}

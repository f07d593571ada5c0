//! The state in memory, and what others may read of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use muster_proto::durable::{BlobRow, ConfigRow, FenceRow, MetaRow, OutboxRow, PartitionRow, ReplicaRow, WorkRow};

use super::asked::Book;
use super::changes::Event;
use super::config::{InForce, Partition};
use super::index::JobIndex;
use super::job::Job;
use super::ledger::Ledger;
use super::node::Node;
use super::requests::{Remembered, RequestId};
use crate::sched::Site;

/// A SHA-256.
pub type Hash = [u8; 32];

/// A feature level, this program's own unless told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Understands(u32);

impl Default for Understands {
    fn default() -> Self {
        Self(super::level::FEATURE_LEVEL_MAX)
    }
}

/// The replicated state. Jobs and nodes are shared pointers: a reader clones out what it needs, and lets go of the lock.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Not state: the newest feature level that this program carries out.
    pub(super) understands: Understands,
    pub(super) meta: MetaRow,
    pub(super) config: Option<Arc<InForce>>,
    pub(super) configs: BTreeMap<u64, ConfigRow>,
    pub(super) replicas: BTreeMap<u64, ReplicaRow>,
    pub(super) nodes: BTreeMap<u32, Arc<Node>>,
    pub(super) node_names: BTreeMap<String, u32>,
    pub(super) partition_rows: BTreeMap<String, PartitionRow>,
    pub(super) partitions: BTreeMap<String, Arc<Partition>>,
    /// Derived, when it was first needed: what of the cluster changes rarely, for the scheduler and the check at submit.
    pub(super) site: OnceLock<Arc<Site>>,
    pub(super) jobs: BTreeMap<u64, Arc<Job>>,
    pub(super) book: Book,
    pub(super) index: JobIndex,
    pub(super) requests: BTreeMap<RequestId, Remembered>,
    pub(super) requests_by_age: BTreeSet<(u64, RequestId)>,
    pub(super) blobs: BTreeMap<Hash, BlobRow>,
    /// Derived: those that no job refers to.
    pub(super) unreferenced: BTreeSet<Hash>,
    pub(super) work: BTreeMap<u64, WorkRow>,
    pub(super) outbox: BTreeMap<u64, OutboxRow>,
    pub(super) fences: BTreeMap<u64, FenceRow>,
    /// Derived: the newest operation on each node. Only that one may be open.
    pub(super) fence_of: BTreeMap<u32, u64>,
    pub(super) ledger: Ledger,
    /// Of the batch that is being applied.
    pub(super) events: Vec<Event>,
    /// Sum of history rows seen while loading; `None` once loaded, or if none came.
    pub(super) history_seen: Option<u128>,
}

impl Cluster {
    /// The empty state: before the first entry of the log.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same state in a program that carries out up to this feature level: tests of rolling upgrades say another.
    #[must_use]
    pub fn of_level(self, understands: u32) -> Self {
        Self { understands: Understands(understands), ..self }
    }

    /// The newest feature level that this program carries out.
    pub fn understands(&self) -> u32 {
        self.understands.0
    }

    /// Cluster time: the highest stamp applied, in ms since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.meta.cluster_ms
    }

    /// Identity, counters, floors of ids.
    pub fn meta(&self) -> &MetaRow {
        &self.meta
    }

    /// Whether it was founded.
    pub fn is_founded(&self) -> bool {
        !self.meta.cluster_id.is_empty()
    }

    /// The configuration in force.
    pub fn config(&self) -> Option<&Arc<InForce>> {
        self.config.as_ref()
    }

    /// Configuration versions that are kept, oldest first.
    pub fn config_versions(&self) -> impl DoubleEndedIterator<Item = &ConfigRow> {
        self.configs.values()
    }

    /// Replicas ever admitted and not forgotten, by id.
    pub fn replicas(&self) -> impl Iterator<Item = &ReplicaRow> {
        self.replicas.values()
    }

    /// One replica.
    pub fn replica(&self, id: u64) -> Option<&ReplicaRow> {
        self.replicas.get(&id)
    }

    /// Every record in memory, by uid.
    pub fn jobs(&self) -> impl DoubleEndedIterator<Item = &Arc<Job>> {
        self.jobs.values()
    }

    /// How many records are in memory.
    pub fn job_count(&self) -> usize {
        self.jobs.len()
    }

    /// One record.
    pub fn job(&self, uid: u64) -> Option<&Arc<Job>> {
        self.jobs.get(&uid)
    }

    /// The record that Slurm's id names: `12`, or task 3 of array 12 — which is the array's own record while the task has none.
    pub fn job_by_label(&self, job_id: u32, array_task: Option<u32>) -> Option<&Arc<Job>> {
        match array_task {
            None => self.jobs.get(self.index.by_label.get(&job_id)?),
            Some(task) => self
                .array_records(job_id)
                .find(|job| job.row.array_task == Some(task) || super::array::contains(&job.row.pending_tasks, task)),
        }
    }

    /// The records of an array: its own, and those of tasks.
    pub fn array_records(&self, array_job_id: u32) -> impl Iterator<Item = &Arc<Job>> {
        let uids = self.index.arrays.get(&array_job_id).into_iter().flatten();
        uids.filter_map(|uid| self.jobs.get(uid))
    }

    /// Tasks of an array that are placed or running, for its `%N` limit.
    pub fn array_running(&self, array_job_id: u32) -> u32 {
        self.index.array_running.get(&array_job_id).copied().unwrap_or(0)
    }

    /// Records of one user.
    pub fn jobs_of_user(&self, user: u32) -> impl Iterator<Item = &Arc<Job>> {
        let uids = self.index.by_user.get(&user).into_iter().flatten();
        uids.filter_map(|uid| self.jobs.get(uid))
    }

    /// Pending records without a share of an older attempt, by uid: held ones and those with open dependencies included.
    pub fn startable_jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.index.startable.iter().filter_map(|uid| self.jobs.get(uid))
    }

    /// Whether time alone lets something start that could not start at `after_ms`, and can at `now_ms`.
    pub fn begins_between(&self, after_ms: u64, now_ms: u64) -> bool {
        // A range that ends before it begins panics.
        let has_begun = |from_ms| self.index.begins.range((from_ms, 0)..=(now_ms, u64::MAX)).next().is_some();
        !self.index.delayed.is_empty() || (now_ms > after_ms && has_begun(after_ms + 1))
    }

    /// Records with a live attempt, by uid.
    pub fn active_jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.index.active.iter().filter_map(|uid| self.jobs.get(uid))
    }

    /// Records of which something pending waits for the end or start of `uid`.
    pub fn dependents(&self, uid: u64) -> impl Iterator<Item = u64> {
        self.index.dependents.get(&uid).into_iter().flatten().copied()
    }

    /// Every node ever configured, by index; those that left the configuration are marked so.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// One node.
    pub fn node(&self, index: u32) -> Option<&Arc<Node>> {
        self.nodes.get(&index)
    }

    /// One node of the configuration in force, or one that left it.
    pub fn node_by_name(&self, name: &str) -> Option<&Arc<Node>> {
        self.nodes.get(self.node_names.get(name)?)
    }

    /// Partitions by name, overrides merged.
    pub fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.partitions.values()
    }

    /// One partition.
    pub fn partition(&self, name: &str) -> Option<&Arc<Partition>> {
        self.partitions.get(name)
    }

    /// The partition of jobs that name none.
    pub fn default_partition(&self) -> Option<&Arc<Partition>> {
        self.partitions.values().find(|partition| partition.default)
    }

    /// What of the cluster changes rarely, as the scheduler reads it. Kept until configuration, partitions or nodes change.
    pub fn site(&self) -> Arc<Site> {
        self.site.get_or_init(|| Arc::new(Site::of(self))).clone()
    }

    /// How many client requests are remembered.
    pub fn remembered_requests(&self) -> usize {
        self.requests.len()
    }

    /// The earliest time at which a remembered request may be forgotten.
    pub fn next_request_expiry_ms(&self) -> Option<u64> {
        self.requests_by_age.first().map(|(at, _)| *at)
    }

    /// A blob's size and references; its bytes stand in the store, under `Table::BlobBytes`.
    pub fn blob(&self, hash: &[u8]) -> Option<&BlobRow> {
        self.blobs.get(hash)
    }

    /// Stored intents that go on by `ContinueWork`.
    pub fn work(&self) -> impl Iterator<Item = &WorkRow> {
        self.work.values()
    }

    /// Effects at the controller that are not finished: mail.
    pub fn outbox(&self) -> impl Iterator<Item = &OutboxRow> {
        self.outbox.values()
    }

    /// See [`super::ledger`].
    pub fn digest(&self) -> u128 {
        self.ledger.sum()
    }
}

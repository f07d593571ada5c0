//! Every invariant across tables, by name. Runs after each command in tests and in the simulation.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_dialect::state::JobState;
use muster_proto::durable::{HoldKind, JobKind, NodePhase, StepState};
use prost::Message;
use thiserror::Error;

use super::blobs::references;
use super::changes::Table;
use super::index::{IndexKeys, JobIndex};
use super::job::{Job, is_ending, is_over, node_is_over, shares};
use super::ledger;
use super::resources::{BitSet, NodeFree};
use super::state::Cluster;

/// A broken invariant: a fault of ours, never a user's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// P4: a core, device or licence is promised twice.
    #[error("oversubscribed: {0}")]
    Oversubscribed(String),
    /// P3: a new attempt began while a share of the older one was taken, or a share came back from the dead.
    #[error("two attempts: {0}")]
    TwoAttempts(String),
    /// A record's state does not go with its attempt.
    #[error("state of job {uid}: {why}")]
    JobState {
        /// Which.
        uid: u64,
        /// What does not fit.
        why: String,
    },
    /// An index, or what is derived, does not equal what the rows say.
    #[error("derived: {0}")]
    Derived(String),
    /// An id that was not minted, or is given twice.
    #[error("id: {0}")]
    Id(String),
    /// Reference counts of blobs do not add up.
    #[error("references of a blob: {0}")]
    References(String),
    /// A fence operation contradicts its node, the storm guard or another call.
    #[error("fence: {0}")]
    Fence(String),
    /// The digest does not equal the sum over all rows.
    #[error("digest")]
    Digest,
}

impl Cluster {
    /// Empty when all is well.
    pub fn check(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        self.check_resources(&mut found);
        self.check_licences(&mut found);
        self.jobs().for_each(|job| self.check_job(job, &mut found));
        self.check_index(&mut found);
        self.check_ids(&mut found);
        self.check_references(&mut found);
        self.check_fences(&mut found);
        self.check_digest(&mut found);
        found
    }

    /// What must hold between the state before a command and after it, and cannot be seen in one of them (P3).
    pub fn check_since(&self, before: &Cluster) -> Vec<Violation> {
        let mut found = Vec::new();
        for job in self.jobs() {
            let Some(was) = before.job(job.uid()).and_then(|was| was.newest_attempt()) else { continue };
            let Some(is) = job.newest_attempt() else { continue };
            if is.number > was.number && !is_over(was) {
                found.push(Violation::TwoAttempts(format!("{} of job {} beside {}", is.number, job.uid(), was.number)));
            }
            if is.number < was.number {
                found.push(Violation::Id(format!("attempt {} of job {} again", is.number, job.uid())));
            }
            if is.number == was.number {
                let parts = was.nodes.iter().zip(&is.nodes);
                for (was, is) in parts.filter(|(was, is)| node_is_over(was) && !node_is_over(is)) {
                    found.push(Violation::TwoAttempts(format!(
                        "job {} on {} from {:?}",
                        job.uid(),
                        is.node,
                        was.phase()
                    )));
                }
            }
        }
        self.check_fences_since(before, &mut found);
        if self.meta.next_uid < before.meta.next_uid || self.meta.next_epoch < before.meta.next_epoch {
            found.push(Violation::Id("a floor went down".to_owned()));
        }
        if self.now_ms() < before.now_ms() {
            found.push(Violation::Derived("time went back".to_owned()));
        }
        found
    }

    fn check_resources(&self, found: &mut Vec<Violation>) {
        for node in self.nodes() {
            let mut taken = BitSet::default();
            for (uid, share) in &node.shares {
                let cores = BitSet::from_bytes(&share.cores);
                if taken.intersects(&cores) {
                    found.push(Violation::Oversubscribed(format!("cores of {} by job {uid}", node.name())));
                }
                taken.add(&cores);
            }
            let mut devices: BTreeMap<&str, BitSet> = BTreeMap::new();
            for gres in node.shares.values().flat_map(|share| &share.gres) {
                let taken = devices.entry(&gres.name).or_default();
                let wanted = BitSet::from_bytes(&gres.indices);
                if taken.intersects(&wanted) {
                    found.push(Violation::Oversubscribed(format!("{} of {}", gres.name, node.name())));
                }
                taken.add(&wanted);
            }
            if node.free != NodeFree::beside(&node.line.total, node.shares.values()) {
                found.push(Violation::Derived(format!("free resources of {}", node.name())));
            }
        }
    }

    fn check_licences(&self, found: &mut Vec<Violation>) {
        let Some(settings) = self.settings() else { return };
        for (name, used) in self.licences_used() {
            // A new configuration may have fewer than are in use: no more are given then.
            let total = settings.licenses.get(name).copied().unwrap_or(0);
            if *used > total && self.meta.config_version == 1 {
                found.push(Violation::Oversubscribed(format!("licence {name}: {used} of {total}")));
            }
        }
    }

    fn check_job(&self, job: &Arc<Job>, found: &mut Vec<Violation>) {
        let uid = job.uid();
        let mut wrong = |why: &str| found.push(Violation::JobState { uid, why: why.to_owned() });
        let state = job.state();
        let attempt = job.newest_attempt();
        if job.row.attempts.len() > 1 {
            wrong("more than the newest attempt is kept");
        }
        match (state, job.live_attempt()) {
            (JobState::Running | JobState::Suspended, None) => wrong("runs without an attempt"),
            (JobState::Running | JobState::Suspended, Some(live)) if is_ending(live) => wrong("runs, and is ending"),
            (JobState::Pending, Some(live)) if !is_ending(live) => wrong("pending with an attempt that is not ending"),
            (JobState::Pending, Some(_)) if !job.row.requeue_pending => wrong("pending without a requeue"),
            (finished, Some(live)) if finished.is_finished() && !is_ending(live) => {
                wrong("ended, and its attempt is not")
            }
            _ => {}
        }
        if state.is_finished() && job.row.end_ms == 0 {
            wrong("ended without a time");
        }
        if job.row.requeue_pending && (state != JobState::Pending || job.live_attempt().is_none()) {
            wrong("a requeue that waits for nothing");
        }
        if job.row.hold() != HoldKind::None && job.row.priority != 0 && state == JobState::Pending {
            wrong("held with a priority");
        }
        if job.is_array() && job.row.pending_tasks.is_empty() {
            wrong("an array without tasks");
        }
        if let Some(attempt) = attempt {
            let started = attempt.nodes.iter().any(|part| part.phase() == NodePhase::Running);
            if started && attempt.start_ms == 0 {
                wrong("a node runs before all hold");
            }
            let shares = attempt.allocation.as_ref().map_or(0, |allocation| allocation.nodes.len());
            if shares != attempt.nodes.len() {
                wrong("nodes without shares");
            }
            if is_ending(attempt) && attempt.end_ms == 0 {
                wrong("a cause without an end");
            }
            if is_over(attempt) && job.row.steps.iter().any(|step| step.state() != StepState::Ended) {
                wrong("a step lives on after its attempt");
            }
            if attempt.start_ms == 0 && !job.row.steps.is_empty() {
                wrong("a step before the attempt runs");
            }
        }
        let holds_script = job.kind() != JobKind::Batch || job.spec().script.is_some();
        if !holds_script {
            wrong("a batch job without a script");
        }
    }

    fn check_index(&self, found: &mut Vec<Violation>) {
        let mut fresh = JobIndex::default();
        let mut taken: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for job in self.jobs() {
            let keys = IndexKeys::of(job);
            fresh.add(job.uid(), &keys);
            for (part, share) in job.live_attempt().into_iter().flat_map(shares) {
                if !node_is_over(part) {
                    taken.entry(part.node).or_default().push(job.uid());
                    let known = self.node(part.node).and_then(|node| node.shares.get(&job.uid()));
                    if known != Some(share) {
                        found.push(Violation::Derived(format!("share of job {} on {}", job.uid(), part.node)));
                    }
                }
            }
        }
        if fresh != self.index {
            found.push(Violation::Derived("index of jobs".to_owned()));
        }
        if self.unreferenced != self.find_unreferenced() {
            found.push(Violation::Derived("blobs that no job refers to".to_owned()));
        }
        for node in self.nodes() {
            let expected = taken.remove(&node.index()).unwrap_or_default();
            if !node.shares.keys().eq(expected.iter()) {
                found.push(Violation::Derived(format!("shares of {}", node.name())));
            }
        }
    }

    fn check_ids(&self, found: &mut Vec<Violation>) {
        if self.jobs.keys().next_back().is_some_and(|uid| *uid >= self.meta.next_uid) {
            found.push(Violation::Id("uid above the floor".to_owned()));
        }
        if self.index.by_label.len() != self.jobs.len() {
            found.push(Violation::Id("two records bear one job id".to_owned()));
        }
        if self.nodes().any(|node| node.row.epoch >= self.meta.next_epoch && node.row.epoch != 0) {
            found.push(Violation::Id("epoch above the floor".to_owned()));
        }
        if self.nodes().any(|node| node.index() >= self.meta.next_node) {
            found.push(Violation::Id("node index above the floor".to_owned()));
        }
    }

    fn check_references(&self, found: &mut Vec<Violation>) {
        let mut counts: BTreeMap<&[u8], u64> = BTreeMap::new();
        for job in self.jobs() {
            let steps = job.row.steps.iter().filter_map(|step| step.spec.as_ref()?.environment.as_ref());
            for reference in references(job.spec()).chain(steps.filter(|reference| !reference.hash.is_empty())) {
                *counts.entry(&reference.hash).or_default() += 1;
            }
        }
        for (hash, row) in &self.blobs {
            if counts.remove(hash.as_slice()).unwrap_or(0) != row.references {
                found.push(Violation::References(format!("{:02x}{:02x}…", hash[0], hash[1])));
            }
        }
        for hash in counts.keys() {
            found.push(Violation::References(format!("missing: {:02x?}", hash.get(..2))));
        }
    }

    fn check_digest(&self, found: &mut Vec<Violation>) {
        let mut sum = 0u128;
        let mut add = |table: Table, key: Vec<u8>, value: Vec<u8>| {
            sum = sum.wrapping_add(ledger::hash(table, &key, &value));
        };
        if self.meta != Default::default() {
            add(Table::Meta, Vec::new(), self.meta.encode_to_vec());
        }
        self.configs.iter().for_each(|(k, row)| add(Table::Config, k.to_be_bytes().to_vec(), row.encode_to_vec()));
        self.replicas.iter().for_each(|(k, row)| add(Table::Replicas, k.to_be_bytes().to_vec(), row.encode_to_vec()));
        self.nodes.iter().for_each(|(k, n)| add(Table::Nodes, k.to_be_bytes().to_vec(), n.row.encode_to_vec()));
        self.partition_rows
            .iter()
            .for_each(|(k, row)| add(Table::Partitions, k.clone().into_bytes(), row.encode_to_vec()));
        self.jobs.iter().for_each(|(k, j)| add(Table::Jobs, k.to_be_bytes().to_vec(), j.whole_row().encode_to_vec()));
        self.requests.iter().for_each(|(k, row)| add(Table::Requests, k.key(), row.row(*k).encode_to_vec()));
        self.blobs.iter().for_each(|(k, row)| add(Table::Blobs, k.to_vec(), row.encode_to_vec()));
        self.work.iter().for_each(|(k, row)| add(Table::Work, k.to_be_bytes().to_vec(), row.encode_to_vec()));
        self.fences.iter().for_each(|(k, row)| add(Table::Fences, k.to_be_bytes().to_vec(), row.encode_to_vec()));
        self.outbox.iter().for_each(|(k, row)| add(Table::Outbox, k.to_be_bytes().to_vec(), row.encode_to_vec()));
        if sum != self.digest() {
            found.push(Violation::Digest);
        }
    }
}

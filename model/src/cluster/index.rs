//! Indexes over job records: derived, never stored, kept in step by one function.

use std::collections::{BTreeMap, BTreeSet};

use super::job::{Job, node_is_over};
use super::queue::{Place, Queue};

/// Ways to find records without walking all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct JobIndex {
    /// Slurm's job id to uid.
    pub(super) by_label: BTreeMap<u32, u64>,
    /// Array's job id to the uids of its records.
    pub(super) arrays: BTreeMap<u32, BTreeSet<u64>>,
    pub(super) array_running: BTreeMap<u32, u32>,
    pub(super) by_user: BTreeMap<u32, BTreeSet<u64>>,
    pub(super) startable: BTreeSet<u64>,
    /// Of `startable`: those that nobody holds.
    pub(super) queue: Queue,
    /// (ms, uid) of `queue`: not to start before.
    pub(super) begins: BTreeSet<(u64, u64)>,
    /// Of `queue`: those that wait for a while after another's start.
    pub(super) delayed: BTreeSet<u64>,
    pub(super) active: BTreeSet<u64>,
    /// (end ms, uid) of records that are over.
    pub(super) ended: BTreeSet<(u64, u64)>,
    /// (ms, uid): when a time limit or deadline strikes, grace not counted, or an `srun` without a step is given up.
    pub(super) due: BTreeSet<(u64, u64)>,
    /// Licences held by attempts whose work has not ended.
    pub(super) licences: BTreeMap<String, u64>,
    /// Target to records that wait for it.
    pub(super) dependents: BTreeMap<u64, BTreeSet<u64>>,
}

/// What of a record the indexes hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct IndexKeys {
    label: Option<u32>,
    array: Option<u32>,
    array_runs: bool,
    user: Option<u32>,
    startable: bool,
    queued: Option<Place>,
    begin_ms: Option<u64>,
    delayed: bool,
    active: bool,
    ended_ms: Option<u64>,
    due_ms: Option<u64>,
    targets: BTreeSet<u64>,
    licences: BTreeMap<String, u64>,
    /// Nodes where a share is taken: (attempt, node).
    pub(super) taken: Vec<(u32, u32)>,
}

impl IndexKeys {
    pub(super) fn of(job: &Job) -> Self {
        let row = &job.row;
        let live = job.live_attempt();
        let startable = job.is_startable();
        let waiting = startable && !job.is_held();
        Self {
            label: Some(row.job_id),
            array: Some(row.array_job_id).filter(|&id| id != 0),
            array_runs: row.array_task.is_some() && live.is_some_and(|attempt| attempt.end_ms == 0),
            user: Some(job.spec().uid),
            startable,
            queued: waiting.then(|| Place::of(job)),
            begin_ms: Some(job.spec().begin_ms).filter(|&at| waiting && at != 0),
            delayed: waiting && waits_a_while(job),
            active: live.is_some(),
            ended_ms: job.is_over().then_some(row.end_ms),
            due_ms: due_ms(job),
            targets: targets(job),
            licences: match live {
                Some(attempt) if attempt.end_ms == 0 => super::licences::parse(&job.request().licenses),
                _ => BTreeMap::new(),
            },
            taken: live.map_or_else(Vec::new, |attempt| {
                let taken = attempt.nodes.iter().filter(|node| !node_is_over(node));
                taken.map(|node| (attempt.number, node.node)).collect()
            }),
        }
    }
}

fn due_ms(job: &Job) -> Option<u64> {
    let deadline = Some(job.spec().deadline_ms).filter(|&at| at != 0 && !job.state().is_finished());
    [job.limit_ends_ms(), deadline, job.stepless_ends_ms()].into_iter().flatten().min()
}

/// `after:12+5`: met by time alone, once the other has started.
fn waits_a_while(job: &Job) -> bool {
    let mut terms = job.spec().dependency.iter().flat_map(|dependency| &dependency.terms);
    terms.any(|term| term.delay_minutes != 0)
}

fn targets(job: &Job) -> BTreeSet<u64> {
    if !job.is_startable() {
        return BTreeSet::new();
    }
    let terms = job.spec().dependency.iter().flat_map(|dependency| &dependency.terms);
    terms.map(|term| term.uid).filter(|&uid| uid != 0).collect()
}

impl JobIndex {
    pub(super) fn add(&mut self, uid: u64, keys: &IndexKeys) {
        if let Some(label) = keys.label {
            self.by_label.insert(label, uid);
        }
        if let Some(array) = keys.array {
            self.arrays.entry(array).or_default().insert(uid);
            if keys.array_runs {
                *self.array_running.entry(array).or_default() += 1;
            }
        }
        if let Some(user) = keys.user {
            self.by_user.entry(user).or_default().insert(uid);
        }
        if keys.startable {
            self.startable.insert(uid);
        }
        if let Some(place) = keys.queued {
            self.queue.add(uid, place);
        }
        self.begins.extend(keys.begin_ms.map(|at| (at, uid)));
        if keys.delayed {
            self.delayed.insert(uid);
        }
        if keys.active {
            self.active.insert(uid);
        }
        self.ended.extend(keys.ended_ms.map(|at| (at, uid)));
        self.due.extend(keys.due_ms.map(|at| (at, uid)));
        for (name, count) in &keys.licences {
            *self.licences.entry(name.clone()).or_default() += count;
        }
        for target in &keys.targets {
            self.dependents.entry(*target).or_default().insert(uid);
        }
    }

    pub(super) fn remove(&mut self, uid: u64, keys: &IndexKeys) {
        if let Some(label) = keys.label.filter(|label| self.by_label.get(label) == Some(&uid)) {
            self.by_label.remove(&label);
        }
        if let Some(array) = keys.array {
            take_out(&mut self.arrays, array, uid);
            if keys.array_runs {
                self.one_less_running(array);
            }
        }
        if let Some(user) = keys.user {
            take_out(&mut self.by_user, user, uid);
        }
        self.startable.remove(&uid);
        if let Some(place) = keys.queued {
            self.queue.remove(uid, place);
        }
        self.delayed.remove(&uid);
        if let Some(at) = keys.begin_ms {
            self.begins.remove(&(at, uid));
        }
        self.active.remove(&uid);
        if let Some(at) = keys.ended_ms {
            self.ended.remove(&(at, uid));
        }
        if let Some(at) = keys.due_ms {
            self.due.remove(&(at, uid));
        }
        for (name, count) in &keys.licences {
            if let Some(used) = self.licences.get_mut(name) {
                *used -= count;
            }
        }
        self.licences.retain(|_, used| *used != 0);
        for target in &keys.targets {
            take_out(&mut self.dependents, *target, uid);
        }
    }

    fn one_less_running(&mut self, array: u32) {
        if let Some(running) = self.array_running.get_mut(&array) {
            *running -= 1;
            if *running == 0 {
                self.array_running.remove(&array);
            }
        }
    }
}

/// Keeps no empty set behind, so that indexes rebuilt after a restart are equal.
fn take_out<K: Ord>(map: &mut BTreeMap<K, BTreeSet<u64>>, key: K, uid: u64) {
    if let Some(set) = map.get_mut(&key) {
        set.remove(&uid);
        if set.is_empty() {
            map.remove(&key);
        }
    }
}

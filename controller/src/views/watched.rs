//! What a watcher is told of a change: the record as it is now, if the watcher asked for it and may see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_model::cluster::{Job, step_id_of};
use muster_proto::durable::JobTarget;
use muster_proto::wire::{ListNodes, Watch, Watched};

use super::around::Around;
use super::job::info;
use super::node::node_infos;
use super::{Sight, step};
use crate::door::client::Caller;
use crate::journal::Change;
use crate::member::Member;
use crate::seat::Seat;

/// One watch: what was asked, and by whom.
pub(crate) struct Watcher {
    pub(crate) caller: Caller,
    asked: Watch,
    /// Records that this watcher was told of, where not all are: so that nobody hears of others' end.
    told: BTreeSet<u64>,
}

impl Watcher {
    pub(crate) fn new(caller: Caller, mut asked: Watch) -> Self {
        asked.jobs |= !(asked.steps || asked.nodes);
        Self { caller, asked, told: BTreeSet::new() }
    }

    /// The index after which this watch goes on; 0: from the full state.
    pub(crate) fn after_index(&self) -> u64 {
        self.asked.after_index
    }

    /// What `changes` are about, as it is now.
    pub(crate) async fn look(&mut self, seat: &Seat, member: &Member, changes: &[Change]) -> Watched {
        let now_ms = member.now_ms();
        let (mut uids, mut steps, mut node_indices) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for change in changes {
            match *change {
                Change::Job(uid) if self.asked.jobs => drop(uids.insert(uid)),
                Change::Step(uid, number) if self.asked.steps => drop(steps.insert((uid, number))),
                Change::Node(node) if self.asked.nodes => drop(node_indices.insert(node)),
                Change::Job(_) | Change::Step(..) | Change::Node(_) => {}
            }
        }
        let mut watched = Watched { now_ms, ..Watched::default() };
        if !uids.is_empty() || !steps.is_empty() {
            let (jobs, step_jobs) = member.core.read(|cluster| {
                let find = |uid: u64| (uid, cluster.job(uid).cloned());
                let jobs: Vec<_> = uids.iter().map(|uid| find(*uid)).collect();
                let step_jobs: Vec<_> = steps.iter().filter_map(|(uid, it)| Some((find(*uid).1?, *it))).collect();
                (jobs, step_jobs)
            });
            let around = Around::of(member);
            self.add_jobs(member, &mut watched, &around, &jobs);
            self.add_steps(member, &mut watched, &around, &step_jobs);
        }
        if !node_indices.is_empty() {
            let names = member.core.read(|cluster| {
                let names = node_indices.iter().filter_map(|index| cluster.node(*index)).map(|node| node.name());
                names.collect::<Vec<_>>().join(",")
            });
            self.add_nodes(seat, member, &mut watched, names).await;
        }
        watched
    }

    /// Every record after `uid`, `max` at most, and the last uid; `None` at the end. A short lock: it walks by parts.
    pub(crate) fn walk(&mut self, member: &Member, uid: u64, max: usize) -> Option<(Watched, u64)> {
        let jobs: Vec<_> = member.core.take(|cluster| {
            let jobs = cluster.jobs_after(uid).take(max);
            jobs.map(|job| (job.uid(), Some(job.clone()))).collect()
        });
        let last = jobs.last()?.0;
        let around = Around::of(member);
        let mut watched = Watched { now_ms: around.now_ms, ..Watched::default() };
        if self.asked.jobs {
            self.add_jobs(member, &mut watched, &around, &jobs);
        }
        if self.asked.steps {
            let steps = jobs
                .iter()
                .filter_map(|(_, job)| job.as_ref())
                .flat_map(|job| job.row.steps.iter().map(|record| (job.clone(), step_id_of(record))));
            let steps: Vec<_> = steps.collect();
            self.add_steps(member, &mut watched, &around, &steps);
        }
        Some((watched, last))
    }

    /// Every node, where nodes were asked for.
    pub(crate) async fn all_nodes(&self, seat: &Seat, member: &Member) -> Option<Watched> {
        if !self.asked.nodes {
            return None;
        }
        let mut watched = Watched { now_ms: member.now_ms(), ..Watched::default() };
        self.add_nodes(seat, member, &mut watched, String::new()).await;
        Some(watched)
    }

    fn add_jobs(&mut self, member: &Member, watched: &mut Watched, around: &Around, jobs: &[(u64, Option<Arc<Job>>)]) {
        let all = self.sees_all(member);
        for (uid, job) in jobs {
            match job {
                Some(job) if all || self.may_see(member, job) => {
                    watched.jobs.push(info(around, job));
                    if !all {
                        self.told.insert(*uid);
                    }
                }
                Some(_) => {}
                None if all || self.told.remove(uid) => watched.gone.push(*uid),
                None => {}
            }
        }
    }

    fn add_steps(&self, member: &Member, watched: &mut Watched, around: &Around, steps: &[(Arc<Job>, u32)]) {
        let all = self.sees_all(member);
        for (job, number) in steps.iter().filter(|(job, _)| all || self.may_see(member, job)) {
            let record = job.row.steps.iter().find(|record| step::is_named(record, *number));
            watched.steps.extend(record.map(|record| step::info(around, job, record)));
        }
    }

    async fn add_nodes(&self, seat: &Seat, member: &Member, watched: &mut Watched, names: String) {
        let sight = self.caller.sees(member, "nodes");
        watched.nodes = node_infos(seat, member, sight, &ListNodes { names }).await;
    }

    fn sees_all(&self, member: &Member) -> bool {
        self.asked.targets.is_empty() && self.asked.users.is_empty() && self.caller.sees(member, "jobs") == Sight::All
    }

    fn may_see(&self, member: &Member, job: &Job) -> bool {
        let owner = job.spec().uid;
        let asked_for = self.asked.targets.is_empty() || self.asked.targets.iter().any(|target| means(target, job));
        let of_users = self.asked.users.is_empty() || self.asked.users.contains(&owner);
        asked_for && of_users && self.caller.sees(member, "jobs").shows(owner)
    }
}

/// A uid means one record; a number means a job, or an array with all of its tasks.
fn means(target: &JobTarget, job: &Job) -> bool {
    if target.uid != 0 {
        return target.uid == job.uid();
    }
    let row = &job.row;
    match target.array_task {
        Some(task) => row.array_job_id == target.job_id && row.array_task.is_none_or(|own| own == task),
        None => row.job_id == target.job_id || (row.array_job_id != 0 && row.array_job_id == target.job_id),
    }
}

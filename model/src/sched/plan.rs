//! The pass: jobs in order, started where they fit, and told why where not.

use std::collections::{BTreeMap, BTreeSet};

use muster_dialect::state::Reason;
use muster_proto::durable::{Allocation, CommitPlan, NodeShare, Placement, TaskRange};

use super::ask::{Ask, Unserved};
use super::candidates::Prepared;
use super::limits::Limits;
use super::order::{Try, order};
use super::place::Pool;
use super::verdict::{self, Finding};
use super::view::{Job, View};
use super::{backfill, eligible};
use crate::cluster::resources::BitSet;

/// What should start, and what should be told of jobs that do not. The same view and limits give the same plan.
pub fn plan(view: &View, limits: &Limits) -> CommitPlan {
    let mut pass = Pass::new(view, limits);
    let queue = order(view);
    for &one in &queue {
        pass.look_at(one);
    }
    if limits.max_jobs_backfill > 0 && (limits.estimates || pass.pool.has_free_cores()) {
        backfill::run(&mut pass);
    }
    pass.finish(&queue)
}

/// A job with the candidates of one of its partitions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) job: usize,
    /// Place in [`Pass::prepared`].
    pub(super) prepared: usize,
}

/// State of a pass.
pub(super) struct Pass<'v> {
    pub(super) view: &'v View,
    pub(super) limits: &'v Limits,
    pub(super) pool: Pool<'v>,
    pub(super) prepared: Vec<Prepared>,
    /// By shape and place in its partitions: why the partition refuses it.
    refused: BTreeMap<(u32, usize), Option<Reason>>,
    by_shape: BTreeMap<(u32, usize), Result<usize, Reason>>,
    /// By job: what was found.
    pub(super) found: Vec<Option<Finding>>,
    /// By job: what is left of it to start; `None`: not looked at.
    pub(super) progress: Vec<Progress>,
    /// Partitions in which a job waits for resources: who comes later waits for it.
    closed: BTreeSet<String>,
    /// Slots of nodes that a job waits for.
    kept: BitSet,
    /// Who waits for resources or for its turn, in order.
    pub(super) blocked: Vec<Try>,
    /// By job: how many of its tries are among `blocked`.
    waiting: Vec<u32>,
    pub(super) placements: Vec<Placement>,
    /// Beside `placements`: who it is.
    placed: Vec<Ready>,
    tried: u32,
    considered: u32,
}

/// How far a job got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Progress {
    #[default]
    New,
    /// Held back by itself: never looked at again.
    Waits,
    /// An array, by tasks started in this plan; another job once.
    Started(u32),
    /// Nothing is left to start.
    Done,
}

impl<'v> Pass<'v> {
    fn new(view: &'v View, limits: &'v Limits) -> Self {
        Self {
            view,
            limits,
            pool: Pool::of(view),
            prepared: Vec::new(),
            refused: BTreeMap::new(),
            by_shape: BTreeMap::new(),
            found: vec![None; view.jobs.len()],
            progress: vec![Progress::New; view.jobs.len()],
            closed: BTreeSet::new(),
            kept: BitSet::default(),
            blocked: Vec::new(),
            waiting: vec![0; view.jobs.len()],
            placements: Vec::new(),
            placed: Vec::new(),
            tried: 0,
            considered: 0,
        }
    }

    fn look_at(&mut self, one: Try) {
        let view = self.view;
        let job = &view.jobs[one.job];
        if self.progress[one.job] == Progress::New {
            self.considered += 1;
            if job.held {
                self.progress[one.job] = Progress::Waits;
                return;
            }
            if let Some(reason) = eligible::job_waits(job, view.now_ms) {
                self.progress[one.job] = Progress::Waits;
                return self.note(one.job, Finding::of(reason));
            }
        }
        if matches!(self.progress[one.job], Progress::Waits | Progress::Done) {
            return;
        }
        if let Some(reason) = self.refuses(job.shape, one.partition) {
            return self.note(one.job, Finding::of(reason));
        }
        if self.closed.contains(&view.shapes[job.shape as usize].partitions[one.partition]) {
            self.block(one);
            return self.note(one.job, Finding::of(Reason::Priority));
        }
        while self.tried < self.limits.max_jobs_main && self.has_room() {
            self.tried += 1;
            match self.try_now(one) {
                Ok(()) if self.progress[one.job] == Progress::Done => return,
                Ok(()) => {}
                Err(finding) => return self.note(one.job, finding),
            }
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.placements.len() < self.limits.max_placements
    }

    /// Why the partition takes no such job; `None`: it does.
    fn refuses(&mut self, shape: u32, partition: usize) -> Option<Reason> {
        let view = self.view;
        *self.refused.entry((shape, partition)).or_insert_with(|| {
            let shape = &view.shapes[shape as usize];
            match view.site.partitions.get(&shape.partitions[partition]) {
                Some(partition) => eligible::partition_refuses(shape, partition, &view.site)
                    .or_else(|| Ask::of(&shape.request, partition, &view.site).err().map(Unserved::reason)),
                // It was deleted under the job.
                None => Some(Reason::PartitionDown),
            }
        })
    }

    /// Candidates of the job in that partition, or why there can be none.
    pub(super) fn prepare(&mut self, one: Try) -> Result<Ready, Reason> {
        let key = (self.view.jobs[one.job].shape, one.partition);
        if !self.by_shape.contains_key(&key) {
            let made = self.prepare_new(key.0, key.1);
            self.by_shape.insert(key, made);
        }
        self.by_shape[&key].map(|prepared| Ready { job: one.job, prepared })
    }

    fn prepare_new(&mut self, shape: u32, partition: usize) -> Result<usize, Reason> {
        let view = self.view;
        let shape = &view.shapes[shape as usize];
        let partition = view.site.partitions.get(&shape.partitions[partition]).ok_or(Reason::PartitionDown)?;
        let prepared = Prepared::new(view, shape, partition).map_err(Unserved::reason)?;
        self.prepared.push(prepared);
        Ok(self.prepared.len() - 1)
    }

    /// Starts the job (or the next task of the array) now, or says why not.
    fn try_now(&mut self, one: Try) -> Result<(), Finding> {
        let ready = self.prepare(one).map_err(Finding::of)?;
        let prepared = &mut self.prepared[ready.prepared];
        if !self.pool.licences.has(&prepared.ask.licences) {
            self.block(one);
            return Err(Finding::of(Reason::Licenses));
        }
        if let Some(allocation) = self.pool.find(prepared, &self.kept) {
            self.start(ready, allocation, false);
            return Ok(());
        }
        if let Some(never) = prepared.why_never(self.view) {
            return Err(Finding { reason: never.reason, detail: never.detail, ..Finding::default() });
        }
        let behind = prepared.live.iter().any(|&slot| self.kept.contains(slot));
        self.block(one);
        self.close_for(ready.prepared);
        Err(Finding::of(if behind { Reason::Priority } else { Reason::Resources }))
    }

    /// A job waits for resources: later ones leave it the nodes that it named, else all of its partition.
    fn close_for(&mut self, prepared: usize) {
        let Prepared { ask, partition, .. } = &self.prepared[prepared];
        if !ask.required.is_empty() && ask.required.len() as u32 >= ask.max_nodes {
            ask.required.iter().for_each(|&slot| self.kept.insert(slot));
            return;
        }
        let slots = self.view.site.partitions.get(partition).map_or(&[][..], |p| &p.slots);
        slots.iter().for_each(|&slot| self.kept.insert(slot));
        self.closed.insert(partition.clone());
    }

    /// Writes the placement, and takes what it was given.
    pub(super) fn start(&mut self, of: Ready, allocation: Allocation, backfill: bool) {
        let job = &self.view.jobs[of.job];
        let started = match self.progress[of.job] {
            Progress::Started(count) => count,
            Progress::New | Progress::Waits | Progress::Done => 0,
        };
        self.pool.take(&self.prepared[of.prepared], &allocation);
        let array_task = job.tasks.as_ref().and_then(|tasks| nth(tasks, started));
        self.placements.push(Placement { uid: job.uid, array_task, allocation: Some(allocation), backfill });
        self.placed.push(of);
        self.progress[of.job] = progress_after(job, started + 1);
        match self.progress[of.job] {
            // What is left of the array waits for its own limit.
            Progress::Done if left(job, started + 1) => {
                self.found[of.job] = Some(Finding::of(Reason::JobArrayTaskLimit));
            }
            Progress::Done => self.found[of.job] = None,
            Progress::New | Progress::Waits | Progress::Started(_) => {}
        }
    }

    /// Placements so far, with who they are for.
    pub(super) fn started(&self) -> impl Iterator<Item = (Ready, &Allocation)> {
        self.placed.iter().zip(&self.placements).filter_map(|(of, p)| p.allocation.as_ref().map(|a| (*of, a)))
    }

    /// Shares of an allocation by slot.
    pub(super) fn shares_of<'a>(&'a self, allocation: &'a Allocation) -> impl Iterator<Item = (u32, &'a NodeShare)> {
        allocation.nodes.iter().filter_map(|share| self.view.site.slot_of(share.node).map(|slot| (slot, share)))
    }

    fn block(&mut self, one: Try) {
        self.waiting[one.job] += 1;
        self.blocked.push(one);
    }

    /// Whether one that was blocked can never start there. It is told so if there is no other partition to wait for.
    pub(super) fn never(&mut self, ready: Ready) -> bool {
        let Some(never) = self.prepared[ready.prepared].why_never(self.view) else { return false };
        self.waiting[ready.job] = self.waiting[ready.job].saturating_sub(1);
        if self.waiting[ready.job] == 0 {
            let finding = Finding { reason: never.reason, detail: never.detail, ..Finding::default() };
            self.found[ready.job] = Some(finding);
        }
        true
    }

    pub(super) fn note(&mut self, job: usize, finding: Finding) {
        let better = self.found[job].as_ref().is_none_or(|old| finding.hope() < old.hope());
        if better {
            self.found[job] = Some(finding);
        }
    }

    /// Verdicts in the order of the queue: where there are too many, the last ones are told by a later pass.
    fn finish(mut self, queue: &[Try]) -> CommitPlan {
        let resolution_ms = u64::from(self.limits.bf_resolution_s) * 1_000;
        let now_ms = self.view.now_ms;
        let mut verdicts = Vec::new();
        for one in queue {
            if verdicts.len() == self.limits.max_verdicts {
                break;
            }
            let Some(found) = self.found[one.job].take() else { continue };
            verdicts.extend(verdict::changed(&self.view.jobs[one.job], &found, now_ms, resolution_ms));
        }
        CommitPlan {
            view_index: self.view.index,
            verdicts,
            placements: self.placements,
            pass_us: 0,
            considered: self.considered,
        }
    }
}

/// The `n`-th task of the ranges, from 0.
fn nth(tasks: &[TaskRange], mut n: u32) -> Option<u32> {
    for range in tasks {
        let step = range.step.max(1);
        let count = range.last.checked_sub(range.first).map_or(0, |span| span / step + 1);
        if n < count {
            return Some(range.first + n * step);
        }
        n -= count;
    }
    None
}

fn left(job: &Job, started: u32) -> bool {
    job.tasks.as_ref().is_some_and(|tasks| nth(tasks, started).is_some())
}

fn progress_after(job: &Job, started: u32) -> Progress {
    if left(job, started) && started < job.array_room { Progress::Started(started) } else { Progress::Done }
}

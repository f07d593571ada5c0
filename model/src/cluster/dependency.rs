//! What a job waits for, and whether it has come to pass.
//!
//! Evaluated from the records in memory, whenever it is asked: at commit, by the scheduler, and when a job that others wait
//! for changes. A finished job stays in memory while something pending depends on it, so no answer gets lost.

use muster_dialect::errno;
use muster_dialect::state::{JobState, Reason};
use muster_proto::durable::{DependencyTerm, HoldKind, JobSpec, dependency_term::Kind};

use super::array;
use super::changes::Event;
use super::job::Job;
use super::ruling::Refusal;
use super::state::Cluster;

/// Terms of one job.
pub(super) const DEPENDENCY_TERMS_MAX: usize = 4_096;
/// Tasks of an array that get records of their own at once, because what they correspond to is over.
const CORRESPONDING_SPLIT_MAX: usize = 1_000;
/// Dependents whose records are brought up to date at once; others are found satisfied when the scheduler looks at them.
const DEPENDENTS_REFRESHED_MAX: usize = 1_000;

/// Whether the jobs that a job depends on let it start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyState {
    /// Nothing holds it.
    Met,
    /// It has to wait.
    Waits,
    /// It can never start.
    Never,
}

impl Cluster {
    /// Finds the uids that labels mean. A label that no record bears is of a job long over: Slurm takes that for satisfied.
    pub(super) fn resolve_dependency(&self, spec: &mut JobSpec) -> Result<(), Refusal> {
        let Some(dependency) = &mut spec.dependency else { return Ok(()) };
        if dependency.terms.len() > DEPENDENCY_TERMS_MAX {
            return Err(errno::ESLURM_DEPENDENCY.into());
        }
        for term in &mut dependency.terms {
            let target = self.job_by_label(term.job_id, term.array_task);
            term.uid = target.map_or(0, |job| if job.row.array_uid == 0 { job.uid() } else { job.row.array_uid });
            term.array = target.is_some_and(|job| job.row.array_uid != 0);
            term.failed = false;
        }
        dependency.terms.retain(|term| term.uid != 0 || term.kind() == Kind::Singleton);
        if dependency.terms.is_empty() {
            spec.dependency = None;
        }
        Ok(())
    }

    /// Of a pending record.
    pub fn dependency_state(&self, job: &Job) -> DependencyState {
        let Some(dependency) = &job.spec().dependency else { return DependencyState::Met };
        let states = dependency.terms.iter().map(|term| self.term_state(job, term));
        if dependency.terms.is_empty() {
            return DependencyState::Met;
        }
        let (mut met, mut waits, mut never) = (0, 0, 0);
        for state in states {
            match state {
                DependencyState::Met => met += 1,
                DependencyState::Waits => waits += 1,
                DependencyState::Never => never += 1,
            }
        }
        match () {
            () if dependency.any && met > 0 => DependencyState::Met,
            () if dependency.any && waits > 0 => DependencyState::Waits,
            () if never > 0 => DependencyState::Never,
            () if waits > 0 => DependencyState::Waits,
            () => DependencyState::Met,
        }
    }

    fn term_state(&self, job: &Job, term: &DependencyTerm) -> DependencyState {
        if term.kind() == Kind::Singleton {
            let earlier = |other: &Job| {
                other.uid() < job.uid()
                    && other.spec().name == job.spec().name
                    && !other.is_over()
                    && (job.row.array_job_id == 0 || other.row.array_job_id != job.row.array_job_id)
            };
            let blocked = self.jobs_of_user(job.spec().uid).any(|other| earlier(other));
            return if blocked { DependencyState::Waits } else { DependencyState::Met };
        }
        if corresponds(term) && job.row.array_job_id != 0 {
            return self.corresponding_state(job, term);
        }
        self.state_of_all(term)
    }

    fn state_of_all(&self, term: &DependencyTerm) -> DependencyState {
        let states = self.targets(term).map(|target| self.target_state(term, target));
        states.fold(DependencyState::Met, |all, one| match (all, one) {
            (DependencyState::Never, _) | (_, DependencyState::Never) => DependencyState::Never,
            (DependencyState::Waits, _) | (_, DependencyState::Waits) => DependencyState::Waits,
            (DependencyState::Met, DependencyState::Met) => DependencyState::Met,
        })
    }

    /// `aftercorr` between two arrays: each task waits for the other array's task of its number, and those that have none for
    /// all of it. Tasks whose counterpart is over have records of their own, so that the others wait together.
    fn corresponding_state(&self, job: &Job, term: &DependencyTerm) -> DependencyState {
        let of_task = |task| self.targets(term).find(|target| bears(target, task));
        if let Some(task) = job.row.array_task {
            return of_task(task).map_or_else(|| self.state_of_all(term), |target| self.target_state(term, target));
        }
        let waits = self.targets(term).any(|target| {
            let task = target.row.array_task;
            !target.is_over() || task.is_some_and(|task| array::contains(&job.row.pending_tasks, task))
        });
        match self.state_of_all(term) {
            DependencyState::Never if waits => DependencyState::Waits,
            state => state,
        }
    }

    /// Gives tasks whose counterpart is over records of their own: `only` that one, or whichever there are.
    pub(super) fn split_corresponding(&mut self, uid: u64, only: Option<u32>) {
        let Some(job) = self.job(uid).cloned().filter(|job| job.is_startable() && job.is_array()) else { return };
        let terms = job.spec().dependency.iter().flat_map(|dependency| &dependency.terms);
        let over =
            terms.filter(|term| corresponds(term)).flat_map(|term| self.targets(term)).filter(|job| job.is_over());
        let mut tasks: Vec<u32> = over
            .filter_map(|target| target.row.array_task)
            .filter(|task| only.is_none_or(|only| only == *task) && array::contains(&job.row.pending_tasks, *task))
            .take(CORRESPONDING_SPLIT_MAX)
            .collect();
        tasks.sort_unstable();
        tasks.dedup();
        if tasks.is_empty() || self.dependency_state(&job) == DependencyState::Met {
            return;
        }
        for task in tasks {
            let own = self.split_task(uid, task);
            self.refresh_dependency(own);
        }
    }

    /// The records that a term means: all of an array, unless it names a task.
    fn targets<'a>(&'a self, term: &'a DependencyTerm) -> impl Iterator<Item = &'a Job> {
        let first = self.job(term.uid);
        let array_job_id = first.map_or(0, |job| job.row.array_job_id);
        let of_array = self.array_records(array_job_id).filter(|job| match term.array_task {
            None => true,
            Some(task) => bears(job, task),
        });
        let alone = first.filter(|_| array_job_id == 0);
        of_array.chain(alone).map(|job| &**job)
    }

    fn target_state(&self, term: &DependencyTerm, target: &Job) -> DependencyState {
        let over = target.is_over();
        let ok = over && target.state() == JobState::Completed;
        let met = match term.kind() {
            Kind::After => return self.after_state(term, target),
            Kind::AfterAny | Kind::AfterBurstBuffer | Kind::Singleton => over,
            Kind::AfterOk | Kind::AfterCorr => ok,
            Kind::AfterNotOk => over && !ok,
        };
        match (met, over) {
            (true, _) => DependencyState::Met,
            (false, false) => DependencyState::Waits,
            (false, true) => DependencyState::Never,
        }
    }

    fn after_state(&self, term: &DependencyTerm, target: &Job) -> DependencyState {
        let started_ms = target.newest_attempt().map_or(0, |attempt| attempt.start_ms);
        let since = if started_ms != 0 { started_ms } else { target.row.end_ms };
        let delay_ms = u64::from(term.delay_minutes) * 60_000;
        let begun = !target.is_array() && since != 0 && since.saturating_add(delay_ms) <= self.now_ms();
        let cancelled = target.state().is_finished();
        if begun || cancelled { DependencyState::Met } else { DependencyState::Waits }
    }

    /// Brings what waits for `uid` up to date: satisfied jobs become eligible, hopeless ones say so.
    pub(super) fn refresh_dependents(&mut self, uid: u64) {
        let (array_uid, task) = self.job(uid).map_or((0, None), |job| (job.row.array_uid, job.row.array_task));
        let waiting: Vec<u64> = self
            .dependents(uid)
            .chain(self.dependents(array_uid).filter(|_| array_uid != uid))
            .take(DEPENDENTS_REFRESHED_MAX)
            .collect();
        for dependent in waiting {
            if task.is_some() {
                self.split_corresponding(dependent, task);
            }
            self.refresh_dependency(dependent);
        }
        // Where too many had to wait for records of their own, the next come when one of the first is over.
        if array_uid != 0 && array_uid != uid {
            self.split_corresponding(array_uid, None);
        }
    }

    pub(super) fn refresh_dependency(&mut self, uid: u64) {
        let Some(job) = self.job(uid).cloned().filter(|job| job.is_startable()) else { return };
        let state = self.dependency_state(&job);
        let now = self.now_ms();
        let kill = self.settings().is_some_and(|settings| settings.kill_invalid_depend);
        match state {
            DependencyState::Waits => {}
            DependencyState::Met => {
                self.edit_job_and_spec(uid, |row, spec| {
                    spec.dependency = None;
                    let held = row.hold != i32::from(HoldKind::None);
                    if !held {
                        row.eligible_ms = now.max(spec.begin_ms);
                        row.accrue_ms = row.eligible_ms;
                        row.reason = u32::from(Reason::None.code());
                    }
                });
                self.events.push(Event::ScheduleAgain);
            }
            DependencyState::Never if kill || job.spec().kill_on_invalid_dependency => {
                self.cancel_pending(uid, None, Reason::DependencyNeverSatisfied);
            }
            DependencyState::Never => {
                let failed: Vec<bool> = job
                    .spec()
                    .dependency
                    .iter()
                    .flat_map(|dependency| &dependency.terms)
                    .map(|term| self.term_state(&job, term) == DependencyState::Never)
                    .collect();
                if job.reason() == Reason::DependencyNeverSatisfied {
                    return;
                }
                self.edit_job_and_spec(uid, |row, spec| {
                    let held = row.hold != i32::from(HoldKind::None);
                    let terms = spec.dependency.iter_mut().flat_map(|dependency| &mut dependency.terms);
                    for (term, failed) in terms.zip(failed) {
                        term.failed = failed;
                    }
                    if !held {
                        row.reason = u32::from(Reason::DependencyNeverSatisfied.code());
                    }
                });
            }
        }
    }
}

/// Task by task, if both are arrays.
fn corresponds(term: &DependencyTerm) -> bool {
    term.kind() == Kind::AfterCorr && term.array && term.array_task.is_none()
}

fn bears(job: &Job, task: u32) -> bool {
    job.row.array_task == Some(task) || array::contains(&job.row.pending_tasks, task)
}

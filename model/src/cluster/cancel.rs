//! `CancelJobs`, `EndAllocation`, `SignalStep`: people end or signal their work.
//!
//! Bounded: one command touches at most [`CANCELLED_AT_ONCE_MAX`] records. A bigger intent is stored and continued by
//! `ContinueWork`, from the record where it stopped; what is refused there nobody hears of.

use muster_dialect::errno;
use muster_dialect::state::{JobState, Reason};
use muster_dialect::step::StepId;
use muster_proto::durable::{
    Answer, CancelJobs, Command, EndAllocation, EndCause, JobKind, JobTarget, Origin, PendingSignal, SignalStep,
    StepState, WorkRow, command::Body,
};

use super::array;
use super::changes::Table;
use super::ending::Ending;
use super::job::{Job, step_id_of};
use super::ruling::{Refusal, Ruling, done, is_admin};
use super::state::Cluster;

/// Records that one command ends or signals.
pub const CANCELLED_AT_ONCE_MAX: usize = 1_000;
/// Targets of one command.
pub const TARGETS_MAX: usize = 1_000;
/// Stored intents at a time.
pub(super) const WORK_MAX: usize = 1_000;
/// Where the tasks that wait in an array's own record begin: after all other records of the target.
const WAITING_TASKS: u64 = u64::MAX;
/// Signals of one step that are not delivered yet.
const SIGNALS_MAX: usize = 64;

/// Records, each with the tasks to split off first, and where the rest begins.
type SomeOf = (Vec<(u64, Vec<u32>)>, Option<u64>);

impl Cluster {
    pub(super) fn cancel_jobs(&mut self, origin: &Origin, command: &CancelJobs) -> Ruling {
        if command.targets.is_empty() {
            return self.cancel_matching(origin, command, 0);
        }
        if command.targets.len() > TARGETS_MAX {
            return Err(errno::ESLURM_INVALID_JOB_ID.into());
        }
        self.cancel_targets(origin, command, 0)
    }

    /// Those targets, of the first one from the record `after` on.
    fn cancel_targets(&mut self, origin: &Origin, command: &CancelJobs, mut after: u64) -> Ruling {
        let (mut count, mut work, mut refusal) = (0, 0, None);
        let mut room = CANCELLED_AT_ONCE_MAX;
        for (at, target) in command.targets.iter().enumerate() {
            let rest = match self.cancel_target(origin, command, target, after, &mut room) {
                Ok((ended, rest)) => {
                    count += ended;
                    rest
                }
                Err(why) => {
                    refusal = refusal.or(Some(why));
                    None
                }
            };
            if let Some(from) = rest {
                let left = CancelJobs { targets: command.targets[at..].to_vec(), ..command.clone() };
                work = self.store_work(origin, Body::CancelJobs(left), from)?;
                break;
            }
            after = 0;
        }
        match refusal {
            // Several targets: what could be done is done, and the first refusal is what is said.
            Some(refusal) => Err(refusal),
            None => Ok(Answer { count, version: work, ..done() }),
        }
    }

    /// How many were ended, and where the rest begins.
    fn cancel_target(
        &mut self,
        origin: &Origin,
        command: &CancelJobs,
        target: &JobTarget,
        after: u64,
        room: &mut usize,
    ) -> Result<(u32, Option<u64>), Refusal> {
        let (records, mut rest) = self.some_of_target(target, after, *room)?;
        let mut count = 0;
        let mut last = Ok(());
        for (uid, tasks) in records {
            let Some(job) = self.job(uid).cloned() else { continue };
            check_owner(origin, &job)?;
            *room = room.saturating_sub(tasks.len().max(1));
            let waiting = !tasks.is_empty();
            if !self.matches(command, &job) || waiting && is_signal(command) {
                last = if waiting && is_signal(command) { Err(errno::ESLURM_JOB_PENDING.into()) } else { last };
                // So it is with the rest of its tasks.
                rest = rest.filter(|_| !waiting);
                continue;
            }
            let uids = if tasks.is_empty() { vec![uid] } else { self.split_off(uid, &tasks) };
            for uid in uids {
                match self.cancel_one(origin, command, uid) {
                    Ok(()) => count += 1,
                    Err(refusal) => last = Err(refusal),
                }
            }
        }
        if count > 0 || rest.is_some() { Ok((count, rest)) } else { last.map(|()| (0, None)) }
    }

    /// Of the records that `target` means, and of the tasks to split off first, as many as there is room for, from the record
    /// `after` on; and where the rest begins. What still waits of an array comes last, after [`WAITING_TASKS`]: what is
    /// split off meanwhile is not met again.
    pub(super) fn some_of_target(&self, target: &JobTarget, after: u64, room: usize) -> Result<SomeOf, Refusal> {
        let waits = |uid: u64| self.job(uid).is_some_and(|job| !job.row.pending_tasks.is_empty());
        let mut records = self.target_uids(target)?;
        records.sort_by_key(|(uid, _)| (waits(*uid), *uid));
        records.retain(|(uid, _)| *uid > after || waits(*uid));
        let mut room = room;
        let mut some = Vec::new();
        let mut last = after;
        for (uid, mut tasks) in records {
            let needed = tasks.len().max(1);
            let begin = if waits(uid) { WAITING_TASKS } else { last };
            if room == 0 {
                return Ok((some, Some(begin)));
            }
            tasks.truncate(room);
            let all = tasks.len().max(1) == needed;
            room -= tasks.len().max(1);
            some.push((uid, tasks));
            if !all {
                return Ok((some, Some(WAITING_TASKS)));
            }
            last = uid;
        }
        Ok((some, None))
    }

    /// Records that a target means, each with the tasks of an array to split off first.
    pub(super) fn target_uids(&self, target: &JobTarget) -> Result<Vec<(u64, Vec<u32>)>, Refusal> {
        let unknown = || Refusal::from(errno::ESLURM_INVALID_JOB_ID);
        if target.uid != 0 {
            return self.job(target.uid).map(|job| vec![(job.uid(), Vec::new())]).ok_or_else(unknown);
        }
        let mut ranges = target.tasks.clone();
        ranges.extend(target.array_task.map(|task| muster_proto::durable::TaskRange {
            first: task,
            last: task,
            step: 1,
        }));
        if ranges.is_empty() {
            let job = self.job_by_label(target.job_id, None).ok_or_else(unknown)?;
            if job.row.array_job_id == target.job_id {
                // The id of an array means all of it.
                return Ok(self.array_records(target.job_id).map(|job| (job.uid(), Vec::new())).collect());
            }
            return Ok(vec![(job.uid(), Vec::new())]);
        }
        let mut found = Vec::new();
        for job in self.array_records(target.job_id) {
            match job.row.array_task {
                Some(task) if array::contains(&ranges, task) => found.push((job.uid(), Vec::new())),
                Some(_) => {}
                None => {
                    let pending = array::tasks(&job.row.pending_tasks);
                    let tasks: Vec<u32> = pending.filter(|task| array::contains(&ranges, *task)).collect();
                    if !tasks.is_empty() && tasks.len() as u64 == job.pending_task_count() {
                        found.push((job.uid(), Vec::new()));
                    } else if !tasks.is_empty() {
                        found.push((job.uid(), tasks));
                    }
                }
            }
        }
        let is_array = self.index.arrays.contains_key(&target.job_id);
        if found.is_empty() && !is_array { Err(unknown()) } else { Ok(found) }
    }

    fn split_off(&mut self, array_uid: u64, tasks: &[u32]) -> Vec<u64> {
        tasks.iter().map(|task| self.split_task(array_uid, *task)).collect()
    }

    /// All jobs that match, from the record `after` on.
    fn cancel_matching(&mut self, origin: &Origin, command: &CancelJobs, after: u64) -> Ruling {
        let mut uids = Vec::new();
        let mut rest = false;
        for (uid, job) in self.jobs.range(after.saturating_add(1)..) {
            let mine = is_admin(origin) || job.spec().uid == origin.uid;
            if job.is_over() || !mine || !self.matches(command, job) {
                continue;
            }
            if uids.len() == CANCELLED_AT_ONCE_MAX {
                rest = true;
                break;
            }
            uids.push(*uid);
        }
        let mut count = 0;
        for uid in &uids {
            count += u32::from(self.cancel_one(origin, command, *uid).is_ok());
        }
        let cursor = uids.last().copied().filter(|_| rest);
        let work = cursor.map_or(Ok(0), |cursor| self.store_work(origin, Body::CancelJobs(command.clone()), cursor))?;
        Ok(Answer { count, version: work, ..done() })
    }

    pub(super) fn store_work(&mut self, origin: &Origin, body: Body, cursor: u64) -> Result<u64, Refusal> {
        if self.work.len() >= WORK_MAX {
            return Err(errno::ESLURM_TRANSITION_STATE_NO_UPDATE.into());
        }
        let work = self.meta.next_work;
        self.meta.next_work += 1;
        let command = Some(Command { origin: Some(origin.clone()), request: None, body: Some(body) });
        self.set_work(WorkRow { work, command, cursor });
        Ok(work)
    }

    fn set_work(&mut self, row: WorkRow) {
        self.ledger.touch(Table::Work, row.work.to_be_bytes().to_vec());
        self.work.insert(row.work, row);
    }

    pub(super) fn continue_work(&mut self, work: u64) -> Ruling {
        let Some(row) = self.work.remove(&work) else { return Ok(done()) };
        self.ledger.touch(Table::Work, work.to_be_bytes().to_vec());
        let Some(Command { origin: Some(origin), body: Some(body), .. }) = &row.command else { return Ok(done()) };
        match body {
            Body::CancelJobs(command) if command.targets.is_empty() => {
                self.cancel_matching(origin, command, row.cursor)
            }
            Body::CancelJobs(command) => self.cancel_targets(origin, command, row.cursor),
            Body::UpdateJob(command) => self.update_some(origin, command, row.cursor),
            Body::RequeueJob(command) => self.requeue_some(origin, command, row.cursor),
            _ => Ok(done()),
        }
    }

    fn matches(&self, command: &CancelJobs, job: &Job) -> bool {
        let spec = job.spec();
        let text = |wanted: &str, has: &str| wanted.is_empty() || wanted == has;
        let partition = |wanted: &str| wanted.is_empty() || spec.partitions.split(',').any(|name| name == wanted);
        command.user.is_none_or(|user| user == spec.uid)
            && text(&command.account, &spec.account)
            && text(&command.name, &spec.name)
            && partition(&command.partition)
            && text(&command.qos, &spec.qos)
            && text(&command.reservation, job.request().reservation.as_str())
            && text(&command.wckey, &spec.wckey)
            && (command.states.is_empty()
                || command.states.iter().any(|state| state.eq_ignore_ascii_case(job.state().long())))
            && self.is_on(job, &command.nodes)
    }

    fn is_on(&self, job: &Job, nodes: &str) -> bool {
        if nodes.is_empty() {
            return true;
        }
        let names = muster_dialect::hostlist::parse(nodes).unwrap_or_default();
        let attempt = job.live_attempt();
        names
            .iter()
            .filter_map(|name| self.node_by_name(name))
            .any(|node| attempt.is_some_and(|attempt| attempt.nodes.iter().any(|part| part.node == node.index())))
    }

    fn cancel_one(&mut self, origin: &Origin, command: &CancelJobs, uid: u64) -> Result<(), Refusal> {
        let Some(job) = self.job(uid).cloned() else { return Err(errno::ESLURM_INVALID_JOB_ID.into()) };
        if job.state().is_finished() {
            return Err(errno::ESLURM_ALREADY_DONE.into());
        }
        if let Some(step_id) = command.step_id {
            return self.signal_one_step(origin, &job, step_id, command.signal, command.signal == 0);
        }
        if is_signal(command) {
            return self.signal_job(origin, &job, command);
        }
        if job.state() == JobState::Pending {
            self.cancel_pending(uid, Some(origin.uid), Reason::None);
            return Ok(());
        }
        self.end_work(uid, Ending { by_uid: Some(origin.uid), ..Ending::of(EndCause::Cancelled) });
        Ok(())
    }

    /// To the steps, or with `--batch` to the script alone, or with `--full` to both.
    fn signal_job(&mut self, origin: &Origin, job: &Job, command: &CancelJobs) -> Result<(), Refusal> {
        if job.state() == JobState::Pending {
            return Err(errno::ESLURM_JOB_PENDING.into());
        }
        let live = job.row.steps.iter().filter(|step| step.state() != StepState::Ended);
        let steps: Vec<u32> = live.map(step_id_of).collect();
        for step_id in steps {
            let is_batch = step_id == StepId::BATCH.0;
            let wanted = match () {
                () if step_id == StepId::EXTERN.0 => false,
                () if command.full => true,
                () if command.batch_only => is_batch,
                () => !is_batch,
            };
            if wanted {
                self.add_signal(origin, job.uid(), step_id, command.signal, is_batch && !command.full)?;
            }
        }
        Ok(())
    }

    fn add_signal(
        &mut self,
        origin: &Origin,
        uid: u64,
        step_id: u32,
        signal: u32,
        batch_only: bool,
    ) -> Result<(), Refusal> {
        let step = self.job(uid).and_then(|job| job.step(step_id)).ok_or(errno::ESLURM_INVALID_JOB_ID)?;
        if step.signals.len() >= SIGNALS_MAX {
            return Err(errno::ESLURM_TRANSITION_STATE_NO_UPDATE.into());
        }
        let id = self.meta.next_signal;
        self.meta.next_signal += 1;
        self.edit_step(uid, step_id, |step| {
            let nodes_left = step.nodes.iter().filter(|part| !part.ended).map(|part| part.node).collect();
            step.signals.push(PendingSignal { id, signal, batch_only, nodes_left, by_uid: origin.uid });
        });
        Ok(())
    }

    pub(super) fn signal_step(&mut self, origin: &Origin, command: &SignalStep) -> Ruling {
        let job = self.job(command.uid).cloned().ok_or(errno::ESLURM_INVALID_JOB_ID)?;
        check_owner(origin, &job)?;
        self.signal_one_step(origin, &job, command.step_id, command.signal, command.end)?;
        Ok(done())
    }

    /// As Slurm: a step that is ended by itself is killed at once; `srun -K` asks it to go first.
    fn signal_one_step(
        &mut self,
        origin: &Origin,
        job: &Job,
        step_id: u32,
        signal: u32,
        end: bool,
    ) -> Result<(), Refusal> {
        let step = job.step(step_id).ok_or(errno::ESLURM_INVALID_JOB_ID)?;
        if step.state() == StepState::Ended {
            return Err(errno::ESLURM_ALREADY_DONE.into());
        }
        if !end && signal != SIGKILL {
            return self.add_signal(origin, job.uid(), step_id, signal, false);
        }
        self.edit_step(job.uid(), step_id, |step| {
            if step.cause() == EndCause::None {
                step.set_cause(EndCause::Cancelled);
                step.kill_at_once = signal != SIGTERM;
                step.ended_by_uid = origin.uid;
            }
        });
        Ok(())
    }

    /// salloc gives its allocation back, or a direct srun is over. A repeat is done already.
    pub(super) fn end_allocation(&mut self, origin: &Origin, command: &EndAllocation) -> Ruling {
        let job = self.job(command.uid).cloned().ok_or(errno::ESLURM_INVALID_JOB_ID)?;
        check_owner(origin, &job)?;
        if job.kind() == JobKind::Batch {
            return Err(errno::ESLURM_NOT_SUPPORTED.into());
        }
        if job.state() == JobState::Pending {
            self.cancel_pending(job.uid(), Some(origin.uid), Reason::None);
        } else {
            let ending = Ending { wait_status: command.wait_status, ..Ending::of(EndCause::Exited) };
            self.end_work(job.uid(), Ending { by_uid: Some(origin.uid), ..ending });
        }
        Ok(Answer { uid: job.uid(), job_id: job.row.job_id, ..done() })
    }
}

/// SIGTERM: a step that is ended by it gets KillWait before KILL.
const SIGTERM: u32 = 15;
/// SIGKILL: ends, as a cancel does.
const SIGKILL: u32 = 9;

/// Whether a job as a whole goes on after it.
fn is_signal(command: &CancelJobs) -> bool {
    command.signal != 0 && (command.signal != SIGKILL || command.batch_only || command.full)
}

/// Slurm answers "Access/permission denied" where somebody ends another user's job.
pub(super) fn check_owner(origin: &Origin, job: &Job) -> Result<(), Refusal> {
    if job.spec().uid == origin.uid || is_admin(origin) { Ok(()) } else { Err(errno::ESLURM_ACCESS_DENIED.into()) }
}

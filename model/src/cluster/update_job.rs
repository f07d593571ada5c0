//! `UpdateJob`, `RequeueJob`, `SuspendJob`: `scontrol update`, `hold`, `release`, `requeue`, `suspend`.

use muster_dialect::errno;
use muster_dialect::state::{JobState, Reason};
use muster_proto::durable::{
    Answer, EndCause, HoldKind, JobRow, JobSpec, JobTarget, Origin, RequeueJob, SuspendJob, UpdateJob, command::Body,
};

use super::cancel::{CANCELLED_AT_ONCE_MAX, check_owner};
use super::ending::Ending;
use super::job::{Job, UNLIMITED};
use super::ruling::{Refusal, Ruling, done, is_admin};
use super::state::Cluster;

impl Cluster {
    pub(super) fn update_job(&mut self, origin: &Origin, command: &UpdateJob) -> Ruling {
        self.update_some(origin, command, 0)
    }

    /// From the record `after` on, as many as one command may touch.
    pub(super) fn update_some(&mut self, origin: &Origin, command: &UpdateJob, after: u64) -> Ruling {
        let (targets, rest) = self.update_targets(origin, command.target.as_ref(), after)?;
        for uid in &targets {
            let job = self.job(*uid).cloned().ok_or(errno::ESLURM_INVALID_JOB_ID)?;
            if job.spec().uid != origin.uid && !is_admin(origin) {
                return Err(errno::ESLURM_USER_ID_MISSING.into());
            }
            self.check_update(origin, command, &job)?;
        }
        for uid in &targets {
            self.carry_out_update(origin, command, *uid)?;
        }
        if let Some(from) = rest {
            self.store_work(origin, Body::UpdateJob(command.clone()), from)?;
        }
        Ok(Answer { count: targets.len() as u32, ..done() })
    }

    /// Records that an update means, and where the rest begins. Tasks named of an array get records of their own first, unless
    /// it is somebody else's.
    fn update_targets(
        &mut self,
        origin: &Origin,
        target: Option<&JobTarget>,
        after: u64,
    ) -> Result<(Vec<u64>, Option<u64>), Refusal> {
        let target = target.ok_or(errno::ESLURM_INVALID_JOB_ID)?;
        let mut uids = Vec::new();
        let (records, rest) = self.some_of_target(target, after, CANCELLED_AT_ONCE_MAX)?;
        for (uid, tasks) in records {
            let mine = is_admin(origin) || self.job(uid).is_some_and(|job| job.spec().uid == origin.uid);
            if tasks.is_empty() || !mine {
                uids.push(uid);
                continue;
            }
            for task in tasks {
                uids.push(self.split_task(uid, task));
            }
        }
        // Of an array, tasks that ended are no longer meant.
        if uids.len() > 1 {
            uids.retain(|uid| self.job(*uid).is_some_and(|job| !job.state().is_finished()));
        }
        if uids.is_empty() && rest.is_none() { Err(errno::ESLURM_ALREADY_DONE.into()) } else { Ok((uids, rest)) }
    }

    fn check_update(&self, origin: &Origin, command: &UpdateJob, job: &Job) -> Result<(), Refusal> {
        let admin = is_admin(origin);
        let pending = job.state() == JobState::Pending;
        if job.state().is_finished() && !only_comments(command) {
            return Err(errno::ESLURM_JOB_FINISHED.into());
        }
        if !pending && changes_what_is_fixed(command) {
            return Err(errno::ESLURM_JOB_NOT_PENDING.into());
        }
        if let Some(limit) = command.time_limit_s {
            let old = job.spec().time_limit_s.unwrap_or(UNLIMITED);
            if !admin && limit > old {
                return Err(errno::ESLURM_ACCESS_DENIED.into());
            }
        }
        let release = command.hold == Some(false) || command.priority.is_some_and(|priority| priority != 0);
        if job.row.hold() == HoldKind::Admin && release && !admin {
            return Err(errno::ESLURM_ACCESS_DENIED.into());
        }
        if let Some(priority) = command.priority.filter(|priority| *priority != 0) {
            let held = job.row.hold() != HoldKind::None;
            if !admin && held {
                return Err(errno::ESLURM_JOB_HELD.into());
            }
            if !admin && priority > job.row.priority {
                return Err(errno::ESLURM_ACCESS_DENIED.into());
            }
        }
        if command.nice.is_some_and(|nice| nice < job.spec().nice) && !admin {
            return Err(errno::ESLURM_ACCESS_DENIED.into());
        }
        if command.admin_comment.is_some() && !admin {
            return Err(errno::ESLURM_ACCESS_DENIED.into());
        }
        if command.reservation.as_deref().is_some_and(|name| !name.is_empty()) {
            return Err(errno::ESLURM_RESERVATION_INVALID.into());
        }
        for list in [&command.required_nodes, &command.excluded_nodes].into_iter().flatten() {
            self.check_node_names(list)?;
        }
        Ok(())
    }

    fn carry_out_update(&mut self, origin: &Origin, command: &UpdateJob, uid: u64) -> Result<(), Refusal> {
        let Some(job) = self.job(uid).cloned() else { return Ok(()) };
        let mut spec = job.spec().clone();
        change_spec(&mut spec, command);
        if command.partition.is_some() {
            let partitions = self.choose_partitions(&mut spec)?;
            self.check_partitions(&mut spec, &partitions)?;
        }
        if let Some(dependency) = &command.dependency {
            spec.dependency = Some(dependency.clone()).filter(|dependency| !dependency.terms.is_empty());
            self.resolve_dependency(&mut spec)?;
            let own = spec.dependency.iter().flat_map(|d| &d.terms).any(|term| term.uid == uid);
            if own {
                return Err(errno::ESLURM_CIRCULAR_DEPENDENCY.into());
            }
        }
        let waits = spec.dependency.is_some();
        let now = self.now_ms();
        self.edit_job_and_spec(uid, |row, asked| {
            row.array_limit = command.array_max_running.unwrap_or(row.array_limit);
            if row.state == JobState::Pending.code() && row.hold() == HoldKind::None {
                row.eligible_ms = if waits { 0 } else { now.max(spec.begin_ms) };
            }
            *asked = spec;
        });
        self.change_hold(origin, command, uid);
        self.split_corresponding(uid, None);
        self.refresh_dependency(uid);
        if !only_comments(command) && !job.state().is_finished() {
            self.events.push(super::changes::Event::ScheduleAgain);
        }
        Ok(())
    }

    fn change_hold(&mut self, origin: &Origin, command: &UpdateJob, uid: u64) {
        let Some(job) = self.job(uid).cloned().filter(|job| job.state() == JobState::Pending) else { return };
        let by_user = command.user_hold == Some(true) || job.spec().uid == origin.uid && !is_admin(origin);
        let held = job.row.hold() != HoldKind::None;
        match (command.hold.or(command.user_hold), command.priority) {
            (Some(true), _) | (None, Some(0)) => {
                let kind = if by_user { HoldKind::User } else { HoldKind::Admin };
                self.edit_job(uid, |row| hold(row, kind));
            }
            (Some(false), _) if held => {
                let priority = self.first_priority(job.spec());
                self.release(uid, priority);
            }
            (None, Some(priority)) if held => self.release(uid, priority),
            (None, Some(priority)) => self.edit_job(uid, |row| row.priority = priority),
            (Some(false) | None, _) => {}
        }
    }

    fn release(&mut self, uid: u64, priority: u32) {
        let now = self.now_ms();
        self.edit_job_and_spec(uid, |row, spec| {
            row.set_hold(HoldKind::None);
            row.priority = priority;
            let (begin_ms, waits) = (spec.begin_ms, spec.dependency.is_some());
            let reason = match () {
                () if waits => Reason::Dependency,
                () if begin_ms > now => Reason::BeginTime,
                () => Reason::None,
            };
            row.reason = u32::from(reason.code());
            row.reason_detail.clear();
            row.eligible_ms = if waits { 0 } else { now.max(begin_ms) };
            row.accrue_ms = row.eligible_ms;
            spec.hold = false;
        });
    }

    pub(super) fn requeue_job(&mut self, origin: &Origin, command: &RequeueJob) -> Ruling {
        self.requeue_some(origin, command, 0)
    }

    /// From the record `after` on, as many as one command may touch.
    pub(super) fn requeue_some(&mut self, origin: &Origin, command: &RequeueJob, after: u64) -> Ruling {
        let (targets, rest) = self.update_targets(origin, command.target.as_ref(), after)?;
        for uid in targets {
            let job = self.job(uid).cloned().ok_or(errno::ESLURM_INVALID_JOB_ID)?;
            check_owner(origin, &job)?;
            if job.kind() != muster_proto::durable::JobKind::Batch {
                return Err(errno::ESLURM_BATCH_ONLY.into());
            }
            // As Slurm has it, `--no-requeue` holds against everybody, in every state: who may change the job sets `Requeue=1` first.
            if !job.spec().requeue.unwrap_or(false) {
                return Err(errno::ESLURM_DISABLED.into());
            }
            match job.state() {
                JobState::Pending => return Err(errno::ESLURM_JOB_PENDING.into()),
                JobState::Running | JobState::Suspended => {}
                _ => return Err(errno::ESLURM_NOT_SUPPORTED.into()),
            }
            let hold = command.hold || command.special_exit;
            let ending = Ending { requeue: true, hold, by_uid: Some(origin.uid), ..Ending::of(EndCause::Requeued) };
            self.end_work(uid, ending);
            if hold {
                let kind = if is_admin(origin) { HoldKind::Admin } else { HoldKind::User };
                self.edit_job(uid, |row| {
                    hold_with(row, kind);
                    let how = if command.special_exit { "special exit" } else { "held" };
                    row.reason_detail = format!("job requeued in {how} state");
                });
            }
        }
        if let Some(from) = rest {
            self.store_work(origin, Body::RequeueJob(command.clone()), from)?;
        }
        Ok(done())
    }

    /// Not built: it needs an order to nodes that does not exist yet. The refusals are Slurm's.
    pub(super) fn suspend_job(&mut self, origin: &Origin, command: &SuspendJob) -> Ruling {
        let (uids, _) = self.update_targets(origin, command.target.as_ref(), 0)?;
        for uid in uids {
            let job = self.job(uid).cloned().ok_or(errno::ESLURM_INVALID_JOB_ID)?;
            if !is_admin(origin) {
                return Err(errno::ESLURM_ACCESS_DENIED.into());
            }
            match job.state() {
                JobState::Pending => return Err(errno::ESLURM_JOB_PENDING.into()),
                JobState::Running if command.resume => return Err(errno::ESLURM_JOB_NOT_SUSPENDED.into()),
                JobState::Running | JobState::Suspended => {}
                _ => return Err(errno::ESLURM_ALREADY_DONE.into()),
            }
        }
        Err(errno::ESLURM_NOT_SUPPORTED.into())
    }
}

fn hold(row: &mut JobRow, kind: HoldKind) {
    // An administrator's hold is not weakened by the user's.
    let kind = if row.hold() == HoldKind::Admin { HoldKind::Admin } else { kind };
    hold_with(row, kind);
}

fn hold_with(row: &mut JobRow, kind: HoldKind) {
    row.set_hold(kind);
    row.priority = 0;
    row.eligible_ms = 0;
    let reason = if kind == HoldKind::User { Reason::JobHeldUser } else { Reason::JobHeldAdmin };
    row.reason = u32::from(reason.code());
    row.reason_detail.clear();
    super::commit_plan::clear_plan(row);
}

fn only_comments(command: &UpdateJob) -> bool {
    let rest = UpdateJob { target: None, comment: None, admin_comment: None, extra: None, ..command.clone() };
    rest == UpdateJob::default()
}

/// What an attempt has been started with.
fn changes_what_is_fixed(command: &UpdateJob) -> bool {
    command.partition.is_some()
        || command.account.is_some()
        || command.qos.is_some()
        || command.begin_ms.is_some()
        || command.dependency.is_some()
        || command.required_nodes.is_some()
        || command.excluded_nodes.is_some()
        || command.min_nodes.is_some()
        || command.max_nodes.is_some()
        || command.ntasks.is_some()
        || command.mem_per_node_mib.is_some()
        || command.mem_per_cpu_mib.is_some()
        || command.features.is_some()
        || command.std_out.is_some()
        || command.std_err.is_some()
        || command.std_in.is_some()
        || command.licenses.is_some()
        || command.reservation.is_some()
        || command.cpus_per_task.is_some()
        || command.exclusive.is_some()
        || command.work_dir.is_some()
        || command.min_cpus_per_node.is_some()
        || command.hold == Some(true)
        || command.user_hold == Some(true)
}

macro_rules! set {
    ($($from:expr => $to:expr),* $(,)?) => { $(if let Some(value) = &$from { $to = value.clone(); })* };
}

fn change_spec(spec: &mut JobSpec, command: &UpdateJob) {
    set! {
        command.nice => spec.nice,
        command.partition => spec.partitions,
        command.name => spec.name,
        command.comment => spec.comment,
        command.admin_comment => spec.admin_comment,
        command.account => spec.account,
        command.qos => spec.qos,
        command.begin_ms => spec.begin_ms,
        command.dependency_text => spec.dependency_text,
        command.std_out => spec.std_out,
        command.std_err => spec.std_err,
        command.std_in => spec.std_in,
        command.deadline_ms => spec.deadline_ms,
        command.time_min_s => spec.time_min_s,
        command.wckey => spec.wckey,
        command.mail_user => spec.mail_user,
        command.mail_types => spec.mail_types,
        command.work_dir => spec.work_dir,
        command.extra => spec.extra,
    }
    spec.time_limit_s = command.time_limit_s.or(spec.time_limit_s);
    spec.requeue = command.requeue.or(spec.requeue);
    if let (Some(limit), Some(array)) = (command.array_max_running, &mut spec.array) {
        array.max_running = limit;
    }
    let Some(request) = &mut spec.request else { return };
    set! {
        command.required_nodes => request.required_nodes,
        command.excluded_nodes => request.excluded_nodes,
        command.min_nodes => request.min_nodes,
        command.max_nodes => request.max_nodes,
        command.ntasks => request.ntasks,
        command.features => request.features,
        command.licenses => request.licenses,
        command.reservation => request.reservation,
        command.cpus_per_task => request.cpus_per_task,
        command.min_cpus_per_node => request.min_cpus_per_node,
    }
    if command.mem_per_node_mib.is_some() {
        request.mem_per_node_mib = command.mem_per_node_mib;
        request.mem_per_cpu_mib = None;
    }
    if command.mem_per_cpu_mib.is_some() {
        request.mem_per_cpu_mib = command.mem_per_cpu_mib;
        request.mem_per_node_mib = None;
    }
    if command.exclusive == Some(true) {
        request.set_sharing(muster_proto::durable::Sharing::Exclusive);
    }
    request.min_nodes = request.min_nodes.max(1);
    request.cpus_per_task = request.cpus_per_task.max(1);
    request.ntasks = request.ntasks.max(1);
}

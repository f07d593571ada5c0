//! `SubmitJob`: from a request to a record, or a refusal.

use std::sync::Arc;

use muster_dialect::errno;
use muster_dialect::state::{JobState, Reason};
use muster_proto::durable::{Answer, HoldKind, JobKind, JobRow, JobSpec, Origin, SubmitJob};

use super::array;
use super::asked::Asked;
use super::changes::Event;
use super::job::{Job, UNLIMITED};
use super::ruling::{Refusal, Ruling, done, is_admin};
use super::state::Cluster;
use crate::sched::{Infeasible, feasible, spread_memory};

impl Cluster {
    pub(super) fn submit_job(&mut self, origin: &Origin, command: &SubmitJob) -> Ruling {
        let mut spec = command.spec.clone().unwrap_or_default();
        self.check_submitter(origin, &spec)?;
        self.complete_request(&mut spec)?;
        let partitions = self.choose_partitions(&mut spec)?;
        self.spread_memory(&mut spec);
        self.check_partitions(&mut spec, &partitions)?;
        self.check_feasible(&spec)?;
        let pending_tasks = self.check_array(&mut spec)?;
        self.check_blobs(command, &spec)?;
        self.resolve_dependency(&mut spec)?;
        let job = self.first_record(origin, spec, pending_tasks);
        self.take_inline_blob(job.spec().script.as_ref(), &command.script)?;
        self.take_inline_blob(job.spec().environment.as_ref(), &command.environment)?;
        self.add_references(job.spec());
        let answer = Answer { uid: job.uid(), job_id: job.row.job_id, ..done() };
        self.counters().submitted += 1;
        let startable_now = job.row.eligible_ms != 0 && job.row.eligible_ms <= self.now_ms();
        self.insert_job(job);
        self.split_corresponding(answer.uid, None);
        if startable_now {
            self.events.push(Event::ScheduleAgain);
        }
        Ok(answer)
    }

    fn check_submitter(&self, origin: &Origin, spec: &JobSpec) -> Result<(), Refusal> {
        if spec.uid != origin.uid && !is_admin(origin) {
            return Err(errno::ESLURM_USER_ID_MISSING.into());
        }
        if spec.kind() == JobKind::Unspecified {
            return Err(errno::ESLURM_NOT_SUPPORTED.into());
        }
        if spec.nice < 0 && !is_admin(origin) {
            return Err(errno::ESLURM_INVALID_NICE.into());
        }
        if spec.uid == 0 && self.settings().is_some_and(|settings| settings.disable_root_jobs) {
            return Err(errno::ESLURM_USER_ID_MISSING.into());
        }
        Ok(())
    }

    /// Zeros that mean "not asked" become what the rest of the model counts with.
    fn complete_request(&self, spec: &mut JobSpec) -> Result<(), Refusal> {
        let request = spec.request.get_or_insert_default();
        request.min_nodes = request.min_nodes.max(1);
        request.cpus_per_task = request.cpus_per_task.max(1);
        if request.max_nodes != 0 && request.max_nodes < request.min_nodes {
            return Err(errno::ESLURM_INVALID_NODE_COUNT.into());
        }
        if request.ntasks == 0 {
            request.ntasks = request.min_nodes.saturating_mul(request.ntasks_per_node.max(1));
        }
        for list in [&request.required_nodes, &request.excluded_nodes] {
            self.check_node_names(list)?;
        }
        // There are no reservations in this version: none that is named exists.
        if !request.reservation.is_empty() {
            return Err(errno::ESLURM_RESERVATION_INVALID.into());
        }
        if spec.deadline_ms != 0 && spec.deadline_ms <= self.now_ms() {
            return Err(errno::ESLURM_INVALID_TIME_VALUE.into());
        }
        if spec.requeue.is_none() {
            let default = self.settings().is_none_or(|settings| settings.job_requeue);
            spec.requeue = Some(default && spec.kind() == JobKind::Batch);
        }
        Ok(())
    }

    /// `MaxMemPerCPU`: more memory takes more processors.
    fn spread_memory(&self, spec: &mut JobSpec) {
        let partitions: Vec<&str> = spec.partitions.split(',').collect();
        if let Some(request) = &mut spec.request {
            spread_memory(&self.site(), &partitions, request);
        }
    }

    /// Whether the job could run, were all nodes idle and up.
    fn check_feasible(&self, spec: &JobSpec) -> Result<(), Refusal> {
        feasible(&self.site(), spec).map_err(|why| match why {
            Infeasible::Cpus | Infeasible::Memory | Infeasible::FeatureUnsupported => {
                Refusal::new(why.errno(), why.to_string())
            }
            _ => why.errno().into(),
        })
    }

    /// Every name of a host list must be a configured node.
    pub(super) fn check_node_names(&self, list: &str) -> Result<(), Refusal> {
        if list.is_empty() {
            return Ok(());
        }
        let names = muster_dialect::hostlist::parse(list).map_err(|_| errno::ESLURM_INVALID_NODE_NAME)?;
        let known = |name: &String| self.node_by_name(name).is_some_and(|node| !node.row.removed);
        if names.iter().all(known) { Ok(()) } else { Err(errno::ESLURM_INVALID_NODE_NAME.into()) }
    }

    /// Canonical tasks of an array; empty for a single job.
    fn check_array(&self, spec: &mut JobSpec) -> Result<Vec<muster_proto::durable::TaskRange>, Refusal> {
        let (max_array_size, max_job_count) =
            self.settings().map_or((1_001, 10_000), |settings| (settings.max_array_size, settings.max_job_count));
        let mut tasks = Vec::new();
        if let Some(array) = &mut spec.array {
            let task_max = max_array_size.checked_sub(1).ok_or(errno::ESLURM_INVALID_ARRAY)?;
            tasks = array::normalise(&array.ranges, task_max).ok_or(errno::ESLURM_INVALID_ARRAY)?;
            if spec.kind != i32::from(JobKind::Batch) {
                return Err(errno::ESLURM_INVALID_ARRAY.into());
            }
            array.ranges.clone_from(&tasks);
        }
        if self.job_count() as u64 + array::count(&tasks).max(1) > u64::from(max_job_count) {
            return Err(errno::SlurmError::new(2007).into());
        }
        Ok(tasks)
    }

    /// Bytes are inside of the command, or went ahead as chunks.
    fn check_blobs(&self, command: &SubmitJob, spec: &JobSpec) -> Result<(), Refusal> {
        let max = self.settings().map_or(4 << 20, |settings| settings.max_script_size);
        if spec.script.as_ref().is_some_and(|script| script.size > max) {
            return Err(errno::ESLURM_PATHNAME_TOO_LONG.into());
        }
        if spec.kind() == JobKind::Batch && spec.script.as_ref().is_none_or(|script| script.hash.is_empty()) {
            return Err(errno::ESLURM_JOB_SCRIPT_MISSING.into());
        }
        let missing = |reference: &Option<muster_proto::durable::BlobRef>, inline: &[u8]| {
            reference.as_ref().is_some_and(|r| !r.hash.is_empty() && inline.is_empty() && !self.has_blob(r))
        };
        if missing(&spec.script, &command.script) {
            return Err(errno::ESLURM_JOB_SCRIPT_MISSING.into());
        }
        if missing(&spec.environment, &command.environment) {
            return Err(errno::ESLURM_ENVIRONMENT_MISSING.into());
        }
        Ok(())
    }

    fn first_record(
        &mut self,
        origin: &Origin,
        mut spec: JobSpec,
        pending_tasks: Vec<muster_proto::durable::TaskRange>,
    ) -> Job {
        let now = self.now_ms();
        let asked = spec.priority.filter(|_| is_admin(origin));
        let held = spec.hold || spec.priority == Some(0);
        spec.hold = held;
        let (uid, job_id) = (self.mint_uid(), self.mint_job_id());
        let is_array = !pending_tasks.is_empty();
        let priority = match asked {
            _ if held => 0,
            Some(priority) => priority,
            None => self.first_priority(&spec),
        };
        let waits = spec.dependency.as_ref().is_some_and(|dependency| !dependency.terms.is_empty());
        let eligible_ms = if held || waits { 0 } else { now.max(spec.begin_ms) };
        let reason = match () {
            () if held => Reason::JobHeldUser,
            () if waits => Reason::Dependency,
            () if spec.begin_ms > now => Reason::BeginTime,
            () => Reason::None,
        };
        let row = JobRow {
            uid,
            job_id,
            submit_ms: now,
            eligible_ms,
            accrue_ms: if spec.begin_ms > now { 0 } else { eligible_ms },
            priority,
            hold: if held { HoldKind::User } else { HoldKind::None }.into(),
            reason: u32::from(reason.code()),
            array_job_id: if is_array { job_id } else { 0 },
            array_uid: if is_array { uid } else { 0 },
            array_limit: spec.array.as_ref().map_or(0, |array| array.max_running),
            pending_tasks,
            state: JobState::Pending.code(),
            ..JobRow::default()
        };
        Job { row, asked: Arc::new(Asked::alone(spec)) }
    }

    pub(super) fn mint_uid(&mut self) -> u64 {
        let uid = self.meta.next_uid;
        self.meta.next_uid += 1;
        uid
    }

    /// The next label that no record in memory bears. Terminates: there are more labels than records.
    pub(super) fn mint_job_id(&mut self) -> u32 {
        let (first, last) =
            self.settings().map_or((1, u32::MAX), |settings| (settings.first_job_id, settings.max_job_id));
        let mut label = self.meta.next_job_id.max(first);
        for _ in 0..=self.job_count() {
            if label > last {
                label = first;
            }
            if !self.index.by_label.contains_key(&label) {
                break;
            }
            label += 1;
        }
        self.meta.next_job_id = label + 1;
        label
    }

    /// `u32::MAX`: unlimited.
    pub(super) fn default_time_limit_s(partition: &super::config::Partition) -> u32 {
        partition.default_time_s.or(partition.max_time_s).unwrap_or(UNLIMITED)
    }
}

//! Steps: the job's own (batch, extern), and those that srun makes inside of a running allocation.
//!
//! A numbered step takes its cores from the job's, for itself alone unless it says `overlap`. Without `exact` it takes all
//! cores of the job on its nodes. Cores that another step has make the answer "busy", and srun tries again.

use muster_dialect::errno;
use muster_dialect::state::JobState;
use muster_dialect::step::StepId;
use muster_proto::durable::{
    Answer, Attempt, CreateStep, JobKind, NodePhase, NodeShare, Origin, StepNode, StepRecord, StepSpec, StepState,
};

use super::changes::Event;
use super::job::{Job, is_ending, shares, step_id_of};
use super::resources::BitSet;
use super::ruling::{Refusal, Ruling, done, is_admin};
use super::state::Cluster;
use super::step_layout::{Room, lay_out};

/// Asked for by a client that wants the next number.
const NEXT_STEP: u32 = u32::MAX;
/// Text of `--multi-prog`, in bytes.
const MULTI_PROG_BYTES_MAX: usize = 64 * 1024;
/// Steps of one job that are kept with it. Older ended ones go when there are more.
const STEPS_KEPT_MAX: usize = 1_000;

impl Cluster {
    /// When an attempt starts to run: the extern step where the site wants one, the batch step of a script.
    pub(super) fn make_first_steps(&mut self, uid: u64) {
        let Some(job) = self.job(uid).cloned() else { return };
        let Some(attempt) = job.live_attempt() else { return };
        let now = self.now_ms();
        if self.settings().is_some_and(|settings| settings.contain) {
            let nodes = shares(attempt).filter(|(part, _)| part.phase() == NodePhase::Running);
            let nodes = nodes.map(|(_, share)| StepNode { started: true, ..one_task_on(share) }).collect();
            let spec = StepSpec { step_id: StepId::EXTERN.0, name: "extern".to_owned(), ..StepSpec::default() };
            self.add_step(uid, spec, nodes, StepState::Running, now);
        }
        let first = shares(attempt).find(|(part, _)| part.phase() == NodePhase::Running);
        if let Some((_, share)) = first.filter(|_| job.kind() == JobKind::Batch) {
            let (spec, place) = batch_step(share);
            self.add_step(uid, spec, vec![place], StepState::Pending, 0);
        }
    }

    fn add_step(&mut self, uid: u64, spec: StepSpec, nodes: Vec<StepNode>, state: StepState, start_ms: u64) {
        let step = spec.step_id;
        let create_ms = self.now_ms();
        self.edit_job(uid, |row| {
            row.steps.push(StepRecord {
                spec: Some(spec),
                state: state.into(),
                nodes,
                start_ms,
                create_ms,
                ..StepRecord::default()
            });
        });
        self.events.push(Event::StepChanged { uid, step });
    }

    pub(super) fn create_step(&mut self, origin: &Origin, command: &CreateStep) -> Ruling {
        let job = self.job(command.uid).cloned().ok_or(errno::ESLURM_INVALID_JOB_ID)?;
        if job.spec().uid != origin.uid && !is_admin(origin) {
            return Err(errno::ESLURM_ACCESS_DENIED.into());
        }
        let attempt = running_attempt(&job)?;
        let mut spec = command.spec.clone().unwrap_or_default();
        if spec.multi_prog_text.len() > MULTI_PROG_BYTES_MAX {
            return Err(errno::ESLURM_PATHNAME_TOO_LONG.into());
        }
        spec.step_id = self.number_step(&job, spec.step_id)?;
        let nodes = self.place_step(&job, attempt, &mut spec)?;
        self.take_inline_blob(spec.environment.as_ref(), &command.environment)?;
        if let Some(reference) = spec.environment.as_ref().filter(|reference| !reference.hash.is_empty()) {
            if !self.has_blob(reference) {
                return Err(errno::ESLURM_ENVIRONMENT_MISSING.into());
            }
            self.add_reference(&reference.clone());
        }
        self.forget_old_steps(job.uid());
        let step_id = spec.step_id;
        self.add_step(job.uid(), spec, nodes, StepState::Pending, 0);
        Ok(Answer { uid: job.uid(), job_id: job.row.job_id, step_id, ..done() })
    }

    fn number_step(&mut self, job: &Job, asked: u32) -> Result<u32, Refusal> {
        let max = self.settings().map_or(40_000, |settings| settings.max_step_count);
        if asked != NEXT_STEP && asked != 0 {
            let reserved = asked == StepId::INTERACTIVE.0;
            let taken = job.step(asked).is_some();
            return if reserved && !taken { Ok(asked) } else { Err(errno::ESLURM_DUPLICATE_STEP_ID.into()) };
        }
        let number = job.row.next_step;
        if number >= max {
            return Err(errno::ESLURM_STEP_LIMIT.into());
        }
        Ok(number)
    }

    /// Which nodes, cores and tasks.
    fn place_step(&mut self, job: &Job, attempt: &Attempt, spec: &mut StepSpec) -> Result<Vec<StepNode>, Refusal> {
        let rooms = self.rooms(job, attempt, spec)?;
        let nodes = lay_out(job, spec, &rooms)?;
        if spec.step_id <= StepId::NORMAL_MAX.0 {
            let next = spec.step_id + 1;
            self.edit_job(job.uid(), |row| row.next_step = next);
        }
        Ok(nodes)
    }

    /// The nodes that the step may use, with what the job has there and what other steps leave.
    fn rooms(&self, job: &Job, attempt: &Attempt, spec: &StepSpec) -> Result<Vec<Room>, Refusal> {
        let wanted = self.indexes_of(&spec.nodes)?;
        let excluded = self.indexes_of(&spec.excluded_nodes)?;
        let mut rooms: Vec<Room> = Vec::new();
        for (part, share) in shares(attempt) {
            if part.phase() != NodePhase::Running || excluded.contains(&share.node) {
                continue;
            }
            let cpus_per_core = self.node(share.node).map_or(1, |node| node.total().cpus_per_core());
            rooms.push(Room::of(share, &busy_cores(job, share.node), busy_mem_mib(job, share.node), cpus_per_core));
        }
        let rooms = rooms.split_off((spec.relative as usize).min(rooms.len()));
        if wanted.is_empty() {
            return Ok(rooms);
        }
        let mut chosen = Vec::new();
        for index in &wanted {
            let room = rooms.iter().find(|room| room.share.node == *index);
            chosen.push(room.cloned().ok_or(errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)?);
        }
        if (chosen.len() as u32) < spec.min_nodes {
            chosen.extend(rooms.into_iter().filter(|room| !wanted.contains(&room.share.node)));
        }
        Ok(chosen)
    }

    fn indexes_of(&self, list: &str) -> Result<Vec<u32>, Refusal> {
        if list.is_empty() {
            return Ok(Vec::new());
        }
        let names = muster_dialect::hostlist::parse(list).map_err(|_| errno::ESLURM_INVALID_NODE_NAME)?;
        let mut indexes = Vec::new();
        for name in names {
            let node = self.node_by_name(&name).ok_or(errno::ESLURM_INVALID_NODE_NAME)?;
            if !indexes.contains(&node.index()) {
                indexes.push(node.index());
            }
        }
        Ok(indexes)
    }

    /// Keeps a job with very many steps bounded: ended ones go, the oldest first.
    fn forget_old_steps(&mut self, uid: u64) {
        let Some(job) = self.job(uid).cloned().filter(|job| job.row.steps.len() >= STEPS_KEPT_MAX) else { return };
        let ended = job
            .row
            .steps
            .iter()
            .find(|step| step.state() == StepState::Ended && step_id_of(step) <= StepId::NORMAL_MAX.0);
        let Some(oldest) = ended.cloned() else { return };
        if let Some(reference) = oldest.spec.as_ref().and_then(|spec| spec.environment.as_ref()) {
            self.drop_reference(reference);
        }
        let id = step_id_of(&oldest);
        self.edit_job(uid, |row| row.steps.retain(|step| step_id_of(step) != id));
    }
}

fn running_attempt(job: &Job) -> Result<&Attempt, Refusal> {
    match job.state() {
        JobState::Pending => return Err(errno::ESLURM_JOB_PENDING.into()),
        JobState::Suspended => return Err(errno::ESLURM_JOB_SUSPENDED.into()),
        JobState::Running => {}
        _ => return Err(errno::ESLURM_ALREADY_DONE.into()),
    }
    let attempt = job.live_attempt().ok_or(errno::ESLURM_ALREADY_DONE)?;
    if is_ending(attempt) {
        return Err(errno::ESLURM_ALREADY_DONE.into());
    }
    if attempt.start_ms == 0 {
        return Err(errno::ESLURM_PROLOG_RUNNING.into());
    }
    Ok(attempt)
}

/// A step that is the node's whole share, with one task.
/// The step of a batch script, on the first node of its attempt.
pub(super) fn batch_step(share: &NodeShare) -> (StepSpec, StepNode) {
    let spec = StepSpec { step_id: StepId::BATCH.0, name: "batch".to_owned(), ntasks: 1, ..StepSpec::default() };
    (spec, one_task_on(share))
}

fn one_task_on(share: &NodeShare) -> StepNode {
    StepNode {
        node: share.node,
        tasks: 1,
        task_ids: vec![0],
        cores: share.cores.clone(),
        mem_mib: share.mem_mib,
        gres: share.gres.clone(),
        ..StepNode::default()
    }
}

/// Steps that have their cores for themselves.
fn claims(job: &Job, node: u32) -> impl Iterator<Item = (&StepSpec, &StepNode)> {
    let live = job.row.steps.iter().filter(|step| step.state() != StepState::Ended);
    let parts = live.filter_map(|step| Some((step.spec.as_ref()?, &step.nodes)));
    let parts = parts.filter(|(spec, _)| !spec.overlap && spec.step_id <= StepId::NORMAL_MAX.0);
    let parts = parts.flat_map(|(spec, nodes)| nodes.iter().map(move |part| (spec, part)));
    parts.filter(move |(_, part)| part.node == node && !part.ended)
}

fn busy_cores(job: &Job, node: u32) -> BitSet {
    let mut busy = BitSet::default();
    for (_, part) in claims(job, node) {
        busy.add(&BitSet::from_bytes(&part.cores));
    }
    busy
}

/// Of steps that asked for memory; others share what the job has.
fn busy_mem_mib(job: &Job, node: u32) -> u64 {
    claims(job, node).filter(|(spec, _)| asks_for_memory(spec)).map(|(_, part)| part.mem_mib).sum()
}

fn asks_for_memory(spec: &StepSpec) -> bool {
    spec.mem_per_node_mib.is_some_and(|mib| mib != 0) || spec.mem_per_cpu_mib.is_some_and(|mib| mib != 0)
}

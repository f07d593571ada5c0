//! What each task of the step runs, from the order to launch.

use muster_dialect::step::StepId;
use muster_proto::durable::{RLimit, StepSpec};

use super::argument;
use super::environment::{self, Environment};
use super::multi_prog;
use super::user::Ids;
use super::wire::Launch;

/// Tasks of one step on one node.
const TASKS_MAX: usize = 4_096;

/// The step as a whole.
pub(crate) struct Plan {
    pub(crate) ids: Ids,
    pub(crate) work_dir: String,
    pub(crate) umask: u32,
    pub(crate) rlimits: Vec<RLimit>,
    pub(crate) pty: Option<(u16, u16)>,
    pub(crate) attached: bool,
    pub(crate) is_batch: bool,
    /// The step's own `--task-prolog` and `--task-epilog`.
    pub(crate) task_prolog: String,
    pub(crate) task_epilog: String,
    pub(crate) environment: Environment,
    /// The environment of a login comes under it.
    pub(crate) login: bool,
    pub(crate) tasks: Vec<TaskPlan>,
    pub(crate) names: argument::StreamNames,
    /// `JOB 12` or `STEP 12.0`.
    pub(crate) title: String,
}

/// One task.
pub(crate) struct TaskPlan {
    pub(crate) local: usize,
    pub(crate) global: u32,
    /// Program and arguments.
    pub(crate) argv: Vec<String>,
}

/// Why a step cannot be run at all.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum PlanError {
    #[error("nothing to run")]
    Nothing,
    #[error("more than {TASKS_MAX} tasks on one node")]
    TooMany,
    #[error("task {0} has no line in the multi-program configuration")]
    NoProgram(u32),
}

impl Plan {
    /// The plan; nothing for the extern step.
    pub(crate) fn of(launch: &Launch) -> Result<Option<Self>, PlanError> {
        let Some(order) = &launch.order else { return Ok(None) };
        let job = order.job.clone().unwrap_or_default();
        let step = order.spec.clone().unwrap_or_default();
        let facts = order.facts.clone().unwrap_or_default();
        let is_batch = launch.step == StepId::BATCH.0;
        let tasks = if is_batch { vec![batch_task(launch, &job.args)] } else { numbered_tasks(order, &step)? };
        let pick = |own: &str, job: &str| if own.is_empty() { job.to_owned() } else { own.to_owned() };
        Ok(Some(Self {
            ids: Ids { uid: job.uid, gid: job.gid, groups: job.groups.clone() },
            work_dir: if is_batch { job.work_dir.clone() } else { pick(&step.work_dir, &job.work_dir) },
            umask: if is_batch { job.umask } else { step.umask },
            rlimits: if is_batch || step.rlimits.is_empty() { job.rlimits.clone() } else { step.rlimits.clone() },
            pty: step.pty.then(|| (bounded(step.pty_rows, 24), bounded(step.pty_columns, 80))),
            attached: step.attached && !is_batch,
            is_batch,
            task_prolog: step.task_prolog.clone(),
            task_epilog: step.task_epilog.clone(),
            environment: environment::of_step(launch, order),
            login: environment::wants_login(launch.step, &job),
            tasks,
            names: argument::StreamNames::of(&job, &step, is_batch, facts.array_task.is_some()),
            title: title(launch.step, facts.job_id),
        }))
    }
}

fn bounded(told: u32, otherwise: u16) -> u16 {
    u16::try_from(told).ok().filter(|size| *size > 0).unwrap_or(otherwise)
}

fn title(step: u32, job_id: u32) -> String {
    match StepId(step) {
        StepId::BATCH => format!("JOB {job_id}"),
        step => format!("STEP {job_id}.{step}"),
    }
}

fn batch_task(launch: &Launch, args: &[String]) -> TaskPlan {
    let job_id = launch.order.as_ref().and_then(|order| order.facts.as_ref()).map_or(0, |facts| facts.job_id);
    let script = super::script::path(std::path::Path::new(&launch.spool), job_id);
    let mut argv = vec![script.to_string_lossy().into_owned()];
    argv.extend(args.iter().cloned());
    TaskPlan { local: 0, global: 0, argv }
}

fn numbered_tasks(order: &muster_proto::wire::LaunchStep, step: &StepSpec) -> Result<Vec<TaskPlan>, PlanError> {
    let place = order.place.clone().unwrap_or_default();
    let ids = if place.task_ids.is_empty() { (0..place.tasks.max(1)).collect() } else { place.task_ids };
    if ids.len() > TASKS_MAX {
        return Err(PlanError::TooMany);
    }
    let text = String::from_utf8_lossy(&step.multi_prog_text).into_owned();
    let mut tasks = Vec::new();
    for (local, global) in ids.into_iter().enumerate() {
        let argv = match step.multi_prog {
            true => multi_prog::command(&text, global).ok_or(PlanError::NoProgram(global))?,
            false => step.args.clone(),
        };
        if argv.is_empty() {
            return Err(PlanError::Nothing);
        }
        tasks.push(TaskPlan { local, global, argv });
    }
    Ok(tasks)
}

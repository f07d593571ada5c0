//! `scontrol show step [ID]`.

use muster_dialect::jobid::JobSpec;
use muster_proto::wire::{ListJobs, ListSteps, reply, request};

use super::super::{Control, ask};
use crate::show;
use crate::site::{Reach, block_on};
use crate::target::target;

pub(super) fn run(control: &Control, id: Option<&str>) -> u8 {
    let (targets, step_id) = match id.map(JobSpec::parse) {
        None => (Vec::new(), None),
        Some(Ok(id)) => (vec![target(&id)], id.step.map(|step| step.0)),
        Some(Err(_)) => return control.fail("Invalid job id specified"),
    };
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let question = ListSteps { targets, step_id, users: Vec::new() };
    match (block_on(ask(&reach, request::Body::ListSteps(question))), id) {
        (Ok(reply::Body::Steps(list)), Some(id)) if list.steps.is_empty() => {
            if block_on(is_known(&reach, id)) {
                control.print(&format!("Job step {id} not found\n")) | 1
            } else {
                control.fail("slurm_get_job_steps error: Invalid job id specified")
            }
        }
        (Ok(reply::Body::Steps(list)), None) if list.steps.is_empty() => control.print("No job steps in the system\n"),
        (Ok(reply::Body::Steps(list)), _) => {
            control.print(&list.steps.iter().map(|step| show::step(step, &control.form)).collect::<String>())
        }
        (Ok(_), _) => control.fail("slurm_get_job_steps error: Unexpected message received"),
        (Err(refusal), _) => control.fail(&format!("slurm_get_job_steps error: {}", refusal.text)),
    }
}

/// Whether the job of a step is known.
async fn is_known(reach: &Reach, id: &str) -> bool {
    let Ok(job) = JobSpec::parse(id) else { return false };
    let question = ListJobs { targets: vec![target(&job)], brief: true, ..ListJobs::default() };
    matches!(ask(reach, request::Body::ListJobs(question)).await, Ok(reply::Body::Jobs(list)) if !list.jobs.is_empty())
}

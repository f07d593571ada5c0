//! `scontrol show step [ID]`.

use muster_dialect::jobid::JobSpec;
use muster_proto::wire::{ListSteps, reply, request};

use super::super::{Control, ask};
use crate::show;
use crate::site::block_on;
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
            control.print(&format!("Job step {id} not found\n")) | 1
        }
        (Ok(reply::Body::Steps(list)), None) if list.steps.is_empty() => control.print("No job steps in the system\n"),
        (Ok(reply::Body::Steps(list)), _) => {
            control.print(&list.steps.iter().map(|step| show::step(step, &control.form)).collect::<String>())
        }
        (Ok(_), _) => control.fail("slurm_get_job_steps error: Unexpected message received"),
        (Err(refusal), _) => control.fail(&format!("slurm_get_job_steps error: {}", refusal.text)),
    }
}

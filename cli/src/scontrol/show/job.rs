//! `scontrol show job [ID]`.

use muster_dialect::jobid::JobSpec;
use muster_proto::wire::{ListJobs, reply, request};

use super::super::{Control, ask};
use crate::show;
use crate::site::block_on;
use crate::target::target;

pub(super) fn run(control: &Control, id: Option<&str>) -> u8 {
    let invalid = "slurm_load_jobs error: Invalid job id specified";
    let target = match id.map(JobSpec::parse) {
        None => None,
        Some(Ok(id)) => Some(target(&id)),
        Some(Err(_)) => return control.fail("scontrol_print_job error: Invalid job id specified"),
    };
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let question = ListJobs { targets: target.into_iter().collect(), ..ListJobs::default() };
    match block_on(ask(&reach, request::Body::ListJobs(question))) {
        Ok(reply::Body::Jobs(list)) if list.jobs.is_empty() && id.is_some() => control.fail(invalid),
        Ok(reply::Body::Jobs(list)) if list.jobs.is_empty() => control.print("No jobs in the system\n"),
        Ok(reply::Body::Jobs(list)) => {
            control.print(&list.jobs.iter().map(|job| show::job(job, &control.form)).collect::<String>())
        }
        Ok(_) => control.fail("slurm_load_jobs error: Unexpected message received"),
        Err(refusal) => control.fail(&format!("slurm_load_jobs error: {}", refusal.text)),
    }
}

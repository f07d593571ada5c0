//! The batch script of a job, for its owner and for administrators.

use muster_dialect::errno;
use muster_proto::durable::{JobKind, JobTarget};
use muster_proto::wire::Script;

use crate::door::client::{Caller, Refusal};
use crate::member::Member;

pub(crate) fn script(member: &Member, caller: &Caller, target: &JobTarget) -> Result<Script, Refusal> {
    let job = member.core.read(|cluster| match target.uid {
        0 => cluster.job_by_label(target.job_id, target.array_task).cloned(),
        uid => cluster.job(uid).cloned(),
    });
    let job = job.ok_or_else(|| Refusal::slurm(errno::ESLURM_INVALID_JOB_ID))?;
    if !caller.may_act_for(job.spec().uid) {
        return Err(Refusal::slurm(errno::ESLURM_USER_ID_MISSING));
    }
    let reference = job.spec().script.as_ref().filter(|_| job.kind() == JobKind::Batch);
    let reference = reference.ok_or_else(|| Refusal::slurm(errno::ESLURM_JOB_SCRIPT_MISSING))?;
    let text = member
        .core
        .replica
        .blob(&reference.hash)
        .map_err(|why| Refusal::with(errno::ESLURM_INTERNAL, why.to_string()))?;
    let text = text.ok_or_else(|| Refusal::slurm(errno::ESLURM_JOB_SCRIPT_MISSING))?;
    Ok(Script { text, command: job.spec().command.clone(), job_id: job.row.job_id })
}

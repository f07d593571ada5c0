//! A new step of a job.

use muster_dialect::errno;
use muster_proto::durable::{CreateStep, command};
use muster_proto::wire::{MakeStep, StepMade, reply};

use super::{Answered, At, Refusal};

impl At<'_> {
    pub(super) async fn make_step(&self, asked: MakeStep) -> Answered {
        self.require_leader()?;
        let uid = self.job_uid(asked.uid, asked.job_id, asked.array_task)?;
        let mut spec = asked.spec.ok_or_else(|| Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR))?;
        let (environment, reference) = self.keep(asked.environment).await?;
        spec.environment = reference.or(spec.environment);
        let step = CreateStep { uid, spec: Some(spec), environment };
        let answer = self.propose(command::Body::CreateStep(step)).await?;
        let made = self.member.core.read(|cluster| {
            let job = cluster.job(uid)?;
            let step = job.step(answer.step_id)?;
            Some(StepMade {
                step_id: answer.step_id,
                uid,
                attempt: job.newest_attempt().map_or(0, |attempt| attempt.number),
                places: crate::views::step_places(cluster, step),
                job_id: job.row.job_id,
                cluster: cluster.meta().cluster_name.clone(),
            })
        });
        // Only an ended job can have lost its step between the outcome and this line.
        made.map(reply::Body::StepMade).ok_or_else(|| Refusal::slurm(errno::ESLURM_ALREADY_DONE))
    }

    /// The record meant by a uid, or by Slurm's id where the uid is 0.
    pub(super) fn job_uid(&self, uid: u64, job_id: u32, array_task: Option<u32>) -> Result<u64, Refusal> {
        let found = self.member.core.read(|cluster| match uid {
            0 => cluster.job_by_label(job_id, array_task).map(|job| job.uid()),
            uid => cluster.job(uid).map(|job| job.uid()),
        });
        found.ok_or_else(|| Refusal::slurm(errno::ESLURM_INVALID_JOB_ID))
    }
}

//! A new job.

use muster_dialect::errno;
use muster_proto::durable::{JobKind, JobSpec, SubmitJob, command};
use muster_proto::wire::{Submit, Submitted, reply};

use super::{Answered, At, Refusal};

/// Largest environment, bytes. Larger than any `execve` takes.
const ENVIRONMENT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest name of a job, bytes: it stays in memory on every replica.
const NAME_BYTES_MAX: usize = 1_024;

impl At<'_> {
    pub(super) async fn submit(&self, asked: Submit) -> Answered {
        self.require_leader()?;
        let Submit { spec, script, environment, test_only } = asked;
        let mut spec = spec.ok_or_else(|| Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR))?;
        let user = self.user_of(&spec).await?;
        self.stamp_user(&mut spec, &user)?;
        self.check_script(&spec, script.len(), environment.len())?;
        check_name(&spec)?;
        if spec.alloc_host.is_empty() {
            spec.alloc_host = self.caller.host.clone();
        }
        if test_only {
            return self.test_only(spec).await;
        }
        let (script, script_ref) = self.keep(script).await?;
        let (environment, environment_ref) = self.keep(environment).await?;
        spec.script = script_ref.or(spec.script);
        spec.environment = environment_ref.or(spec.environment);
        let job = SubmitJob { spec: Some(spec), script, environment };
        let answer = self.propose(command::Body::SubmitJob(job)).await?;
        let partition = self
            .member
            .core
            .read(|cluster| cluster.job(answer.uid).map(|job| job.spec().partitions.clone()).unwrap_or_default());
        Ok(reply::Body::Submitted(Submitted {
            job_id: answer.job_id,
            uid: answer.uid,
            message: answer.message,
            partition,
            ..Submitted::default()
        }))
    }

    fn check_script(&self, spec: &JobSpec, script: usize, environment: usize) -> Result<(), Refusal> {
        let ahead = spec.script.as_ref().map_or(0, |blob| blob.size);
        let size = ahead.max(script as u64);
        if spec.kind() == JobKind::Batch && size == 0 {
            return Err(Refusal::slurm(errno::ESLURM_JOB_SCRIPT_MISSING));
        }
        if size > self.script_bytes_max() {
            return Err(Refusal::with(errno::ESLURM_WRITING_TO_FILE, "the script is larger than max_script_size"));
        }
        if environment > ENVIRONMENT_BYTES_MAX {
            return Err(Refusal::with(errno::ESLURM_WRITING_TO_FILE, "the environment is larger than 2 MiB"));
        }
        Ok(())
    }

    /// When and where the job would start; nothing is made.
    async fn test_only(&self, spec: JobSpec) -> Answered {
        self.member.core.replica.barrier().await?;
        crate::views::will_run(self.member, spec)
    }
}

fn check_name(spec: &JobSpec) -> Result<(), Refusal> {
    if spec.name.len() > NAME_BYTES_MAX { Err(Refusal::slurm(errno::ESLURM_PATHNAME_TOO_LONG)) } else { Ok(()) }
}

//! Submits a job that the command waits for, and says what it waits for.

use std::time::Duration;

use muster_channel::CallError;
use muster_dialect::errno::{self, SlurmError};
use muster_dialect::state::{JobState, Reason};
use muster_proto::durable::{CancelJobs, JobSpec, JobTarget};
use muster_proto::wire::{JobNow, Submit, Submitted, WaitJob, reply, request, wait_job};
use tokio::time::Instant;

use super::Granted;
use crate::blob::send_ahead;
use crate::refusal::{self, Refusal, submission_failed, unexpected};
use crate::request::ClientSide;
use crate::say::Voice;
use crate::signals::Signals;
use crate::site::Client;

/// A job that starts within this time is not spoken of as waiting.
const AT_ONCE_MS: u32 = 400;
/// How long one question may wait for the start.
const PATIENCE_MS: u32 = 30_000;
/// A request that is now or never has its answer within this time.
const NOW_OR_NEVER: Duration = Duration::from_secs(10);

/// Why the command has no allocation. The user was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied(pub(crate) u8);

/// The wait for one job.
struct Waiting<'a> {
    client: &'a Client,
    submitted: &'a Submitted,
    voice: Voice,
    immediate: Option<Duration>,
    began: Instant,
}

/// Submits, and waits until the job runs. Signals cancel it.
pub(crate) async fn obtain(
    client: &Client,
    job: JobSpec,
    environment: Vec<u8>,
    wishes: &ClientSide,
    signals: &mut Signals,
    voice: Voice,
) -> Result<Granted, Denied> {
    let partitions = job.partitions.clone();
    let submitted = match submit(client, job, environment).await {
        Ok(submitted) => submitted,
        Err(error) => {
            let refusal = Refusal::of(&error, "whether the job was submitted").about_partition(&partitions);
            return Err(Denied(refusal.report(voice, &submission_failed(voice.program, &refusal.text))));
        }
    };
    if !submitted.message.is_empty() {
        voice.info(&submitted.message);
    }
    let immediate = wishes.immediate_s.map(|s| if s == 0 { NOW_OR_NEVER } else { Duration::from_secs(u64::from(s)) });
    let waiting = Waiting { client, submitted: &submitted, voice, immediate, began: Instant::now() };
    tokio::select! {
        outcome = waiting.started() => outcome,
        signal = signals.deadly() => Err(waiting.interrupted(signal).await),
    }
}

async fn submit(client: &Client, mut job: JobSpec, mut environment: Vec<u8>) -> Result<Submitted, CallError> {
    job.environment = send_ahead(client, &mut environment).await?;
    let submit = Submit { spec: Some(job), environment: environment.into(), ..Submit::default() };
    match client.call(request::Body::Submit(submit)).await? {
        reply::Body::Submitted(submitted) => Ok(submitted),
        _ => Err(unexpected()),
    }
}

impl Waiting<'_> {
    async fn started(&self) -> Result<Granted, Denied> {
        let mut told = false;
        let mut patience_ms = AT_ONCE_MS;
        loop {
            let now = self.ask(patience_ms).await?;
            match stage(&now) {
                Stage::Runs => {
                    if told {
                        self.voice.info(&format!("job {} has been allocated resources", self.submitted.job_id));
                    }
                    return Ok(self.granted(now));
                }
                Stage::Ended => return Err(self.over(&now)),
                Stage::Waits => {}
            }
            if self.immediate.is_some_and(|limit| self.began.elapsed() >= limit) {
                self.cancel().await;
                return Err(self.over(&now));
            }
            if !told && self.immediate.is_none() {
                self.announce(&now);
                told = true;
            }
            patience_ms = PATIENCE_MS;
        }
    }

    async fn ask(&self, patience_ms: u32) -> Result<JobNow, Denied> {
        let left = self.immediate.map(|limit| limit.saturating_sub(self.began.elapsed()).as_millis());
        let left = left.and_then(|ms| u32::try_from(ms).ok()).unwrap_or(u32::MAX);
        let wait = WaitJob {
            job_id: self.submitted.job_id,
            uid: self.submitted.uid,
            until: wait_job::Until::Started.into(),
            patience_ms: patience_ms.min(left),
        };
        match self.client.call(request::Body::WaitJob(wait)).await {
            Ok(reply::Body::JobNow(now)) => Ok(now),
            Ok(_) => Err(self.failed(&Refusal::of(&unexpected(), ""))),
            Err(error) => Err(self.failed(&Refusal::of(&error, "whether the job runs"))),
        }
    }

    fn failed(&self, refusal: &Refusal) -> Denied {
        Denied(refusal.report(self.voice, &submission_failed(self.voice.program, &refusal.text)))
    }

    /// Why it waits, if that is more than that others run.
    fn announce(&self, now: &JobNow) {
        let id = self.submitted.job_id;
        if let Some(why) = reason(now).and_then(reason_error) {
            self.voice.info(&why.text());
        }
        if self.voice.program == "salloc" {
            self.voice.info(&format!("Pending job allocation {id}"));
        }
        self.voice.info(&format!("job {id} queued and waiting for resources"));
    }

    /// It ended before it began.
    fn over(&self, now: &JobNow) -> Denied {
        if self.immediate.is_some() {
            let why = reason(now).and_then(reason_error).unwrap_or(errno::ESLURM_NODES_BUSY);
            self.voice.error(&submission_failed(self.voice.program, &why.text()));
            let code = std::env::var("SLURM_EXIT_IMMEDIATE").ok().and_then(|code| code.parse().ok());
            return Denied(code.unwrap_or_else(refusal::failed));
        }
        if self.voice.program == "salloc" {
            self.voice.info(&format!("Job allocation {} has been revoked.", self.submitted.job_id));
        }
        self.voice.info("Job has been cancelled");
        self.voice.error(&submission_failed(self.voice.program, &errno::ESLURM_ALREADY_DONE.text()));
        Denied(refusal::failed())
    }

    /// A signal while it waits cancels it.
    async fn interrupted(&self, _signal: i32) -> Denied {
        self.cancel().await;
        let id = self.submitted.job_id;
        if self.voice.program == "salloc" {
            self.voice.info(&format!("Job allocation {id} has been revoked."));
            self.voice.info("Job aborted due to signal");
        } else {
            self.voice.info(&format!("Job allocation {id} has been revoked"));
            self.voice.info(&format!("Force Terminated JobId={id}"));
        }
        Denied(refusal::failed())
    }

    async fn cancel(&self) {
        let target = JobTarget { job_id: self.submitted.job_id, uid: self.submitted.uid, ..JobTarget::default() };
        let cancel = CancelJobs { targets: vec![target], ..CancelJobs::default() };
        let call = self.client.call(request::Body::CancelJobs(cancel));
        let _over = tokio::time::timeout(NOW_OR_NEVER, call).await;
    }

    fn granted(&self, now: JobNow) -> Granted {
        Granted {
            job_id: self.submitted.job_id,
            uid: self.submitted.uid,
            info: now.job.unwrap_or_default(),
            nodes: now.nodes,
        }
    }
}

enum Stage {
    Waits,
    Runs,
    Ended,
}

fn stage(now: &JobNow) -> Stage {
    let state = now.job.as_ref().and_then(|job| job.row.as_ref()).map_or(0, |row| row.state);
    match JobState::from_code(state) {
        _ if !now.known => Stage::Ended,
        Some(JobState::Pending) => Stage::Waits,
        Some(JobState::Running | JobState::Suspended) if now.reached => Stage::Runs,
        Some(JobState::Running | JobState::Suspended) => Stage::Waits,
        _ => Stage::Ended,
    }
}

fn reason(now: &JobNow) -> Option<Reason> {
    let row = now.job.as_ref()?.row.as_ref()?;
    Reason::from_code(u16::try_from(row.reason).ok()?)
}

/// What Slurm says of a job that waits for more than its turn.
fn reason_error(reason: Reason) -> Option<SlurmError> {
    match reason {
        Reason::JobHeldUser | Reason::JobHeldAdmin => Some(errno::ESLURM_JOB_HELD),
        Reason::PartitionDown => Some(errno::ESLURM_PARTITION_DOWN),
        Reason::PartitionInactive => Some(errno::ESLURM_PARTITION_NOT_AVAIL),
        Reason::ReqNodeNotAvail => Some(errno::ESLURM_NODE_NOT_AVAIL),
        Reason::PartitionNodeLimit | Reason::PartitionTimeLimit | Reason::PartitionConfig => {
            Some(errno::ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE)
        }
        _ => None,
    }
}

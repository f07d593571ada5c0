//! Makes the step, in a job that is there, and runs it.

use std::time::Duration;

use muster_channel::CallError;
use muster_dialect::errno::{self, SlurmError};
use muster_proto::wire::{JobNow, MakeStep, StepMade, WaitJob, reply, request, wait_job};

use super::console::Console;
use super::prepare::{Inside, StepDraft};
use crate::allocation::Granted;
use crate::blob::send_ahead;
use crate::refusal::{Refusal, failed, unexpected};
use crate::request::ClientSide;
use crate::say::Voice;
use crate::signals::Signals;
use crate::site::{Client, Reach, Site};

/// What a step that may be made later is refused with.
const BUSY: [SlurmError; 5] = [
    errno::ESLURM_NODES_BUSY,
    errno::ESLURM_DISABLED,
    errno::ESLURM_PORTS_BUSY,
    errno::ESLURM_PROLOG_RUNNING,
    errno::ESLURM_INTERCONNECT_BUSY,
];
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// `wait(2)`'s form of exit code 1.
const FAILED: u32 = 1 << 8;

/// The job that a step is made in: by uid where it is known, else by Slurm's id.
#[derive(Clone, Copy, Debug)]
struct Of {
    job_id: u32,
    uid: u64,
}

/// A step of the job around this command. The exit code.
pub(super) async fn run_inside(
    site: &Site,
    reach: &Reach,
    mut step: StepDraft,
    inside: &Inside,
    client: &ClientSide,
    signals: &mut Signals,
    voice: Voice,
) -> u8 {
    let Inside::Job { id, .. } = inside else { return failed() };
    let job_id = id.parse().unwrap_or(0);
    if !step.is_sized() {
        match job_now(&reach.client, job_id).await {
            Ok(now) => step = step.sized_by(&granted(job_id, now)),
            Err(refusal) => return expired(job_id, &refusal, voice),
        }
    }
    run_of(site, reach, step, Of { job_id, uid: 0 }, client, signals, voice).await.0
}

/// A step of an allocation of our own. Exit code and wait status.
pub(super) async fn run_in(
    site: &Site,
    reach: &Reach,
    step: StepDraft,
    granted: &Granted,
    client: &ClientSide,
    signals: &mut Signals,
    voice: Voice,
) -> (u8, u32) {
    let of = Of { job_id: granted.job_id, uid: granted.uid };
    run_of(site, reach, step, of, client, signals, voice).await
}

async fn run_of(
    site: &Site,
    reach: &Reach,
    mut step: StepDraft,
    of: Of,
    client: &ClientSide,
    signals: &mut Signals,
    voice: Voice,
) -> (u8, u32) {
    step.warnings.iter().for_each(|line| voice.info(line));
    let made = tokio::select! {
        made = make(&reach.client, &mut step, of, voice) => made,
        signal = signals.deadly() => {
            voice.error(&format!("Cancelled pending job step with signal {signal}"));
            return (failed(), FAILED);
        }
    };
    match made {
        Ok(made) => {
            voice.verbose(&format!("launching StepId={}.{}", made.job_id, made.step_id));
            Console::new(site, reach, step, client, made, voice).run(signals).await
        }
        Err(refusal) if of.uid == 0 && refusal.error == errno::ESLURM_INVALID_JOB_ID => {
            (expired(of.job_id, &refusal, voice), FAILED)
        }
        Err(refusal) => {
            let line = format!("Unable to create step for job {}: {}", of.job_id, refusal.text);
            (refusal.report(voice, &line), FAILED)
        }
    }
}

/// Asks until there is room, unless the user wants it now or never.
async fn make(client: &Client, step: &mut StepDraft, of: Of, voice: Voice) -> Result<StepMade, Refusal> {
    let refused = |error: &CallError| Refusal::of(error, "whether the step was made");
    let mut environment = step.environment.encoded().map_err(|error| Refusal {
        error: errno::SLURM_ERROR,
        before: Vec::new(),
        text: error.to_string(),
    })?;
    step.spec.environment = send_ahead(client, &mut environment).await.map_err(|error| refused(&error))?;
    let wanted = MakeStep {
        job_id: of.job_id,
        array_task: None,
        uid: of.uid,
        spec: Some(step.spec.clone()),
        environment: environment.into(),
    };
    let mut pause = PAUSE_FIRST;
    let mut told = false;
    loop {
        match client.call(request::Body::MakeStep(wanted.clone())).await {
            Ok(reply::Body::StepMade(made)) => {
                if told {
                    voice.info(&format!("Step created for job {}", made.job_id));
                }
                return Ok(made);
            }
            Ok(_) => return Err(refused(&unexpected())),
            Err(error) => {
                let refusal = refused(&error);
                if step.spec.immediate || !BUSY.contains(&refusal.error) {
                    return Err(refusal);
                }
                if !told {
                    let (job, why) = (of.job_id, &refusal.text);
                    voice.info(&format!("Job {job} step creation temporarily disabled, retrying ({why})"));
                    told = true;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(PAUSE_MAX);
    }
}

async fn job_now(client: &Client, job_id: u32) -> Result<JobNow, Refusal> {
    let wait = WaitJob { job_id, uid: 0, until: wait_job::Until::Started.into(), patience_ms: 0 };
    match client.call(request::Body::WaitJob(wait)).await {
        Ok(reply::Body::JobNow(now)) if now.known => Ok(now),
        Ok(reply::Body::JobNow(_)) => Err(Refusal::of_failure(errno::ESLURM_INVALID_JOB_ID.code, "")),
        Ok(_) => Err(Refusal::of(&unexpected(), "")),
        Err(error) => Err(Refusal::of(&error, "whether the job runs")),
    }
}

fn granted(job_id: u32, now: JobNow) -> Granted {
    Granted { job_id, uid: now.uid, info: now.job.unwrap_or_default(), nodes: now.nodes }
}

/// The job that the environment names is not there.
fn expired(job_id: u32, refusal: &Refusal, voice: Voice) -> u8 {
    voice.error(&format!("Unable to confirm allocation for job {job_id}: {}", refusal.text));
    voice.info(&format!("Check SLURM_JOB_ID environment variable. Expired or invalid job {job_id}"));
    failed()
}

//! What users do with their jobs after the submit.

use std::time::Duration;

use muster_channel::Client;
use muster_proto::durable::{CancelJobs, EndAllocation, JobTarget, RequeueJob, StepSpec, UpdateJob};
use muster_proto::wire::{MakeStep, WaitJob, WaitStep, reply, request, wait_job};
use tokio::time::sleep;

use super::wishes::Story;
use super::{LOOK, until_told};
use crate::sim::clock::now_ms;
use crate::sim::machine::Work;
use crate::sim::script;
use crate::sim::world::World;

/// One long poll, virtual ms: below a client's one try.
const PATIENCE_MS: u32 = 1_000;
/// Steps of one allocation.
const STEPS: u64 = 2;
/// Slurm's mark for "the next step".
const NEXT_STEP: u32 = u32::MAX;

/// Goes on with `story` of an accepted job, `after` ms later.
pub(super) async fn see_through(world: World, client: Client, story: Story, job_id: u32, uid: u64, after: u64) {
    sleep(Duration::from_millis(after)).await;
    let target = JobTarget { job_id, ..JobTarget::default() };
    let told = match story {
        Story::Plain | Story::Array | Story::Dependent | Story::Overdue => return,
        Story::Held => {
            let release = UpdateJob { target: Some(target), hold: Some(false), ..UpdateJob::default() };
            let told = until_told(&client, request::Body::UpdateJob(release)).await;
            if told.is_ok() {
                world.oracle.seen().released.insert(uid, now_ms());
            }
            told
        }
        Story::Cancelled => {
            let cancel = CancelJobs { targets: vec![target], ..CancelJobs::default() };
            let told = until_told(&client, request::Body::CancelJobs(cancel)).await;
            if told.is_ok() {
                world.oracle.seen().cancelled.insert(uid, now_ms());
            }
            told
        }
        Story::Requeued => {
            let requeue = RequeueJob { target: Some(target), ..RequeueJob::default() };
            until_told(&client, request::Body::RequeueJob(requeue)).await
        }
        Story::Allocation => allocation(&client, uid, after).await,
    };
    let told = told.map_or_else(|why| why, |_| "done".to_owned());
    world.trace.event(&format!("{story:?} of job {job_id}: {told}"));
}

/// Waits for the allocation, runs steps in it one after the other, and gives it back.
async fn allocation(client: &Client, uid: u64, seed: u64) -> Result<reply::Body, String> {
    if wait_started(client, uid).await? {
        for number in 0..STEPS {
            let work = Work { run_ms: 50 + (seed * 7 + number * 131) % 700, status: 0, stubborn: false };
            // The node may be lost, and the job with it: nothing more to do then.
            let Ok(step) = make_step(client, uid, work).await else { break };
            wait_step(client, uid, step).await?;
        }
    }
    let end = EndAllocation { uid, wait_status: 0 };
    until_told(client, request::Body::EndAllocation(end)).await
}

/// Whether it is running; it may also have ended.
async fn wait_started(client: &Client, uid: u64) -> Result<bool, String> {
    loop {
        let wait = WaitJob { uid, until: wait_job::Until::Started.into(), patience_ms: PATIENCE_MS, job_id: 0 };
        match until_told(client, request::Body::WaitJob(wait)).await? {
            reply::Body::JobNow(now) if now.reached || !now.known => return Ok(now.known),
            _ => sleep(LOOK).await,
        }
    }
}

async fn make_step(client: &Client, uid: u64, work: Work) -> Result<u32, String> {
    let args = vec![script::arguments(work)];
    let spec = StepSpec { step_id: NEXT_STEP, name: "step".into(), ntasks: 1, args, ..StepSpec::default() };
    let made = MakeStep { uid, spec: Some(spec), ..MakeStep::default() };
    match until_told(client, request::Body::MakeStep(made)).await? {
        reply::Body::StepMade(made) => Ok(made.step_id),
        other => Err(format!("a step was answered by {other:?}")),
    }
}

async fn wait_step(client: &Client, uid: u64, step_id: u32) -> Result<(), String> {
    loop {
        let wait = WaitStep { uid, step_id, patience_ms: PATIENCE_MS };
        match until_told(client, request::Body::WaitStep(wait)).await? {
            reply::Body::StepNow(now) if now.reached || !now.known => return Ok(()),
            _ => sleep(LOOK).await,
        }
    }
}

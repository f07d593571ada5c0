//! The site's operator: requeued jobs need not wait out Slurm's two minutes, jobs that nobody knows of are dealt with, and
//! now and then another replica shall lead.

use std::time::Duration;

use muster_channel::Client;
use muster_dialect::state::JobState;
use muster_proto::durable::{CancelJobs, JobKind, JobRow, JobTarget, UpdateJob};
use muster_proto::wire::{ListJobs, TransferLeader, reply, request};
use tokio::time::sleep;

use super::{Stage, client};
use crate::oracle::Told;
use crate::sim::chance::Dice;
use crate::sim::clock::EPOCH_MS;
use crate::sim::site::SLURM_UID;
use crate::sim::world::World;

/// One hand-over in so many rounds.
const HAND_OVER_EVERY: u64 = 25;

/// Acts until the stage closes.
pub(super) async fn run(world: World, stage: Stage) {
    let mut dice = Dice::new(world.seed, "operator");
    let client = client(&world, SLURM_UID, "operator", world.shape.client_doors());
    while !stage.is_closed() {
        sleep(Duration::from_millis(dice.between(50, 300))).await;
        hurry(&world, &client).await;
        if world.shape.faults && !stage.is_done() && dice.once_in(HAND_OVER_EVERY) {
            let told = client.call(request::Body::TransferLeader(TransferLeader::default())).await;
            world
                .trace
                .event(&format!("asked to hand over: {}", told.map_or_else(|why| why.to_string(), |_| "done".into())));
        }
    }
}

/// `scontrol update StartTime=now` for every job that was put back into the queue; and nobody sees a job through that its
/// user was not told of.
async fn hurry(world: &World, client: &Client) {
    let Ok(reply::Body::Jobs(list)) = client.call(request::Body::ListJobs(ListJobs::default())).await else { return };
    for row in list.jobs.iter().filter_map(|job| job.row.as_ref()) {
        if let Some(body) = wanted(world, row) {
            // Looked at again in the next round, whatever it was told.
            let _ = client.call(body).await;
        }
    }
}

fn wanted(world: &World, row: &JobRow) -> Option<request::Body> {
    let spec = row.spec.as_ref()?;
    let target = JobTarget { uid: row.uid, job_id: row.job_id, ..JobTarget::default() };
    let pending = row.state == JobState::Pending.code();
    let unknown = world.oracle.seen().submits.get(&spec.name).is_some_and(|submit| submit.told == Told::Unknown);
    if unknown && spec.kind() == JobKind::Alloc && row.end_ms == 0 {
        return Some(request::Body::CancelJobs(CancelJobs { targets: vec![target], ..CancelJobs::default() }));
    }
    let hold = (unknown && row.hold != 0).then_some(false);
    // What is to begin much later is somebody's wish; what was put back into the queue is not.
    let wished = spec.begin_ms == EPOCH_MS + super::writer::LATER_MS && !unknown;
    let begin_ms = (spec.begin_ms != 0 && !wished).then_some(0);
    let update = UpdateJob { target: Some(target), begin_ms, hold, ..UpdateJob::default() };
    (pending && (begin_ms.is_some() || hold.is_some())).then_some(request::Body::UpdateJob(update))
}

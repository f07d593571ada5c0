//! The site's operator: requeued jobs need not wait out Slurm's two minutes, and now and then another replica shall lead.

use std::time::Duration;

use muster_channel::Client;
use muster_dialect::state::JobState;
use muster_proto::durable::{JobTarget, UpdateJob};
use muster_proto::wire::{ListJobs, TransferLeader, reply, request};
use tokio::time::sleep;

use super::{Stage, client};
use crate::sim::chance::Dice;
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
        hurry(&client).await;
        if world.shape.faults && !stage.is_done() && dice.once_in(HAND_OVER_EVERY) {
            let told = client.call(request::Body::TransferLeader(TransferLeader::default())).await;
            world
                .trace
                .event(&format!("asked to hand over: {}", told.map_or_else(|why| why.to_string(), |_| "done".into())));
        }
    }
}

/// `scontrol update StartTime=now` for every job that was put back into the queue.
async fn hurry(client: &Client) {
    let Ok(reply::Body::Jobs(list)) = client.call(request::Body::ListJobs(ListJobs::default())).await else { return };
    for row in list.jobs.iter().filter_map(|job| job.row.as_ref()) {
        let waits = row.spec.as_ref().is_some_and(|spec| spec.begin_ms != 0);
        if row.state == JobState::Pending.code() && waits {
            let target = JobTarget { uid: row.uid, job_id: row.job_id, ..JobTarget::default() };
            let update = UpdateJob { target: Some(target), begin_ms: Some(0), ..UpdateJob::default() };
            // Looked at again in the next round, whatever it was told.
            let _ = client.call(request::Body::UpdateJob(update)).await;
        }
    }
}

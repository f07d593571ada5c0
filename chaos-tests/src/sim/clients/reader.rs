//! Lists jobs at one controller after the other: every listing must show what was acknowledged before it was asked for.

use std::time::Duration;

use muster_proto::wire::{JobList, ListJobs, reply, request};
use tokio::time::sleep;

use super::{Stage, client};
use crate::oracle::Read;
use crate::sim::chance::Dice;
use crate::sim::clock::now_ms;
use crate::sim::world::World;

/// Reads until the stage closes.
pub(super) async fn run(world: World, stage: Stage, at: usize) {
    let name = format!("r{}", at + 1);
    let mut dice = Dice::new(world.seed, &name);
    let doors = world.shape.client_doors();
    let of_each = doors.iter().map(|door| client(&world, 0, &name, vec![door.clone()]));
    let clients: Vec<_> = of_each.collect();
    while !stage.is_closed() {
        sleep(Duration::from_millis(dice.between(50, 500))).await;
        let one = dice.index(clients.len());
        let asked_ms = now_ms();
        if let Ok(reply::Body::Jobs(list)) = clients[one].call(request::Body::ListJobs(ListJobs::default())).await {
            note(&world, &doors[one], asked_ms, &list);
        }
    }
}

fn note(world: &World, from: &str, asked_ms: u64, list: &JobList) {
    let rows = list.jobs.iter().filter_map(|job| job.row.as_ref());
    let jobs: Vec<(u64, u32)> = rows.map(|row| (row.uid, row.job_id)).collect();
    world.trace.event(&format!("{from} asked at {asked_ms} lists {} jobs of index {}", jobs.len(), list.index));
    let (told_ms, index) = (now_ms(), list.index);
    world.oracle.seen().reads.push(Read { asked_ms, told_ms, from: from.to_owned(), index, jobs });
}

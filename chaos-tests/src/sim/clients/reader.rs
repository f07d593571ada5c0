//! Lists jobs at one controller after the other: every listing must show what was acknowledged before it was asked for.

use std::time::Duration;

use muster_dialect::state::JobState;
use muster_proto::durable::{HoldKind, JobRow};
use muster_proto::wire::{JobList, ListJobs, ListNodes, NodeList, reply, request};
use tokio::time::sleep;

use super::{Stage, client};
use crate::oracle::{Read, Value};
use crate::sim::chance::Dice;
use crate::sim::clock::now_ms;
use crate::sim::registers;
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
        if dice.once_in(3) {
            let asked_ms = now_ms();
            if let Ok(reply::Body::Nodes(list)) =
                clients[one].call(request::Body::ListNodes(ListNodes::default())).await
            {
                note_nodes(&world, &doors[one], asked_ms, &list);
            }
        }
    }
}

fn note(world: &World, from: &str, asked_ms: u64, list: &JobList) {
    let rows = list.jobs.iter().filter_map(|job| job.row.as_ref());
    let rows: Vec<&JobRow> = rows.collect();
    let jobs: Vec<(u64, u32)> = rows.iter().map(|row| (row.uid, row.job_id)).collect();
    let is_live = |row: &&&JobRow| !JobState::from_code(row.state).is_some_and(JobState::is_finished);
    let live = rows.iter().filter(is_live).map(|row| row.uid).collect();
    let held = rows.iter().filter(|row| row.hold() == HoldKind::User).map(|row| row.uid).collect();
    let of_row = |row: &&JobRow| row.spec.as_ref().map(|spec| registers::of_job(row, spec)).unwrap_or_default();
    let registered = rows.iter().flat_map(of_row).collect();
    world.trace.event(&format!("{from} asked at {asked_ms} lists {} jobs of index {}", jobs.len(), list.index));
    let (told_ms, index) = (now_ms(), list.index);
    note_registers(world, from, asked_ms, registered);
    world.oracle.seen().reads.push(Read { asked_ms, told_ms, from: from.to_owned(), index, jobs, live, held });
}

fn note_nodes(world: &World, from: &str, asked_ms: u64, list: &NodeList) {
    world.trace.event(&format!("{from} asked at {asked_ms} lists nodes of index {}", list.index));
    let rows = list.nodes.iter().filter_map(|node| node.row.as_ref());
    note_registers(world, from, asked_ms, rows.flat_map(registers::of_node).collect());
}

fn note_registers(world: &World, from: &str, asked_ms: u64, values: Vec<(String, String)>) {
    let (told_ms, mut seen) = (now_ms(), world.oracle.seen());
    for (register, value) in values {
        if seen.writes.contains_key(&register) {
            seen.values.push(Value { register, value, asked_ms, told_ms, from: from.to_owned() });
        }
    }
}

//! The site's administrator: edits slurm.conf, adds controllers and removes them, and ends upgrades and
//! uses what came with them, all while things fail.

use std::time::Duration;

use muster_channel::Client;
use muster_proto::wire::change_replica::Change;
use muster_proto::wire::{ChangeReplica, FinishUpgrade, Reconfigure, reply, request};
use tokio::time::sleep;

use super::{LOOK, client};
use crate::sim::chance::Dice;
use crate::sim::clock::now_ms;
use crate::sim::site::SLURM_UID;
use crate::sim::world::World;

/// Between two deeds, ms.
const PAUSE_MS: (u64, u64) = (200, 2_500);
/// A deed that waits for others is asked for so often.
const TRIES_MAX: usize = 400;

/// Acts while faults happen, and ends what was begun.
pub(super) async fn run(world: World) {
    if !world.shape.changes {
        return raise_when_wanted(world).await;
    }
    let until_ms = now_ms() + world.shape.safety_ms;
    let mut dice = Dice::new(world.seed, "administrator");
    let client = client(&world, SLURM_UID, "administrator", world.shape.client_doors());
    while now_ms() < until_ms {
        sleep(Duration::from_millis(dice.between(PAUSE_MS.0, PAUSE_MS.1))).await;
        act(&world, &client, &mut dice).await;
    }
    finish_upgrade(&world, &client).await;
}

/// Of a story: waits for its wish.
async fn raise_when_wanted(world: World) {
    let until_ms = now_ms() + world.shape.safety_ms;
    while world.shape.upgrades() && now_ms() < until_ms {
        sleep(LOOK).await;
        if world.changes.is_level_wanted() {
            let client = client(&world, SLURM_UID, "administrator", world.shape.client_doors());
            return finish_upgrade(&world, &client).await;
        }
    }
}

async fn act(world: &World, client: &Client, dice: &mut Dice) {
    let spares = world.shape.spares();
    let spare = spares[dice.index(spares.len())].clone();
    match dice.between(0, 4) {
        0 => {
            world.changes.edit();
            reconfigure(world, client).await;
        }
        1 if world.changes.wants(&spare) => remove(world, client, &spare).await,
        // A controller that was removed has a store that is never admitted again.
        1 | 2 if !world.changes.wants(&spare) && !world.changes.was_member(&spare) => add(world, client, &spare).await,
        _ => finish_upgrade(world, client).await,
    }
}

async fn add(world: &World, client: &Client, name: &str) {
    world.trace.event(&format!("{name} shall be a replica"));
    world.changes.add(name);
    reconfigure(world, client).await;
    until_done(world, client, change(name, Change::Add), &format!("{name} added")).await;
}

async fn remove(world: &World, client: &Client, name: &str) {
    world.trace.event(&format!("{name} shall be no replica any more"));
    world.changes.remove(name);
    reconfigure(world, client).await;
    until_done(world, client, change(name, Change::Remove), &format!("{name} removed")).await;
}

async fn reconfigure(world: &World, client: &Client) {
    until_done(world, client, request::Body::Reconfigure(Reconfigure::default()), "reconfigured").await;
}

async fn finish_upgrade(world: &World, client: &Client) {
    let finish = request::Body::FinishUpgrade(FinishUpgrade {});
    if !world.changes.all_upgraded() {
        // Refused, or nothing to do: whoever has the old program must not be left behind.
        let told = client.call(finish).await;
        world.trace.event(&format!("asked too early for the new level: {}", shown(&told)));
        return;
    }
    let done = until_done(world, client, finish, "upgrade finished").await;
    if done && world.shape.leases && !world.changes.has_new_words() {
        world.trace.event("nodes shall keep leases");
        world.changes.write_new_words();
        world.changes.edit();
        reconfigure(world, client).await;
    }
}

fn change(name: &str, change: Change) -> request::Body {
    request::Body::ChangeReplica(ChangeReplica { name: name.to_owned(), change: change.into() })
}

/// Asks until it is so. Whether it was done.
async fn until_done(world: &World, client: &Client, body: request::Body, what: &str) -> bool {
    for _ in 0..TRIES_MAX {
        let told = client.call(body.clone()).await;
        let done = matches!(&told, Ok(reply::Body::Done(done)) if done.count > 0 || done.version > 0);
        if done {
            world.oracle.seen().deeds.push((what.to_owned(), true));
            world.trace.event(&format!("{what}: {}", shown(&told)));
            return true;
        }
        // "in force, and not every replica knows a newer one" is an end too.
        if matches!(body, request::Body::FinishUpgrade(_)) && told.is_ok() {
            return false;
        }
        sleep(LOOK * 5).await;
    }
    world.oracle.seen().deeds.push((what.to_owned(), false));
    world.trace.event(&format!("never {what}"));
    false
}

fn shown(told: &Result<reply::Body, muster_channel::CallError>) -> String {
    match told {
        Ok(reply::Body::Done(done)) => done.message.clone(),
        Ok(_) => "another answer".to_owned(),
        Err(why) => why.to_string(),
    }
}

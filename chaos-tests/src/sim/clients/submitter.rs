//! A user who submits jobs, one story each, and sees every story through.

use std::time::Duration;

use muster_channel::{CallError, Client};
use muster_proto::wire::{Submit as Asked, Submitted, reply, request};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::wishes::{self, Story};
use super::{actions, client};
use crate::oracle::{Submit, Told};
use crate::sim::chance::Dice;
use crate::sim::clock::now_ms;
use crate::sim::script;
use crate::sim::site::FIRST_UID;
use crate::sim::world::World;

/// The user number `at`, until all stories are over.
pub(super) async fn run(world: World, at: usize) {
    let name = format!("u{}", at + 1);
    let uid = FIRST_UID + u32::try_from(at).expect("a run has few users");
    let mut dice = Dice::new(world.seed, &name);
    let client = client(&world, uid, &name, world.shape.client_doors());
    let pause = world.shape.safety_ms / world.shape.submits.max(1) as u64;
    let mut stories = JoinSet::new();
    let mut before = None;
    for number in 0..world.shape.submits {
        sleep(Duration::from_millis(dice.between(1, 2 * pause.max(2)))).await;
        let story = wishes::story(&mut dice);
        let job = format!("{name}-{number}");
        let spec = wishes::spec(&mut dice, story, job.clone(), uid, before);
        let text =
            if story == Story::Allocation { String::new() } else { script::text(wishes::work(&mut dice, story)) };
        let asked = Asked { spec: Some(spec), script: text.into(), environment: "A=b\0".into(), test_only: false };
        let after = dice.between(50, 1_500);
        if let Told::Accepted { job_id, uid } = submit(&world, &client, &job, asked).await {
            if story.ends_jobs() {
                world.oracle.seen().endable.insert(uid);
            }
            before = Some(job_id);
            stories.spawn(actions::see_through(world.clone(), client.clone(), story, job_id, uid, after));
        }
    }
    while let Some(over) = stories.join_next().await {
        over.expect("no story panics");
    }
}

pub(super) async fn submit(world: &World, client: &Client, job: &str, asked: Asked) -> Told {
    let asked_ms = now_ms();
    let told = match client.call(request::Body::Submit(asked)).await {
        Ok(reply::Body::Submitted(Submitted { job_id, uid, .. })) => Told::Accepted { job_id, uid },
        Ok(other) => panic!("a submit was answered by {other:?}"),
        Err(CallError::Refused(failure)) if !failure.retry => {
            world.oracle.seen().turned_away.push((job.to_owned(), failure.message));
            Told::Refused
        }
        // Nothing was carried out, says the client: as good as a refusal, and judged as one.
        Err(CallError::Refused(_) | CallError::Unreachable | CallError::Credential(_)) => Told::Refused,
        Err(CallError::Unknown(_)) => Told::Unknown,
    };
    let told_ms = now_ms();
    world.trace.event(&format!("{job} asked at {asked_ms}, told {told:?}"));
    world.oracle.seen().submits.insert(job.to_owned(), Submit { asked_ms, told_ms, told });
    told
}

//! A user who writes on one job again and again, and an operator who does so on one node: comments, holds, drains.
//!
//! Every register has one writer, who waits for each answer: what may be read at any time is known exactly.

use std::time::Duration;

use muster_channel::{CallError, Client};
use muster_proto::durable::{JobTarget, UpdateJob, UpdateNode};
use muster_proto::wire::{Submit as Asked, request};
use tokio::time::sleep;

use super::submitter::submit;
use super::{patient, until_told, wishes};
use crate::oracle::{Told, Write, Written, comment_of, drain_of, hold_of, remark_of};
use crate::sim::chance::Dice;
use crate::sim::clock::EPOCH_MS;
use crate::sim::clock::now_ms;
use crate::sim::machine::Work;
use crate::sim::script;
use crate::sim::site::{FIRST_UID, SLURM_UID};
use crate::sim::world::World;

/// Between two writes, ms.
const PAUSE_MS: (u64, u64) = (20, 900);
/// Its job begins so much later than any run ends, unless it is told otherwise.
pub(super) const LATER_MS: u64 = 100 * 3_600 * 1_000;
/// The name of its job.
const JOB: &str = "written";

/// The user, until the storm is over.
pub(super) async fn run_user(world: World) {
    let client = patient(&world, FIRST_UID, "writer");
    let mut dice = Dice::new(world.seed, "writer");
    let work = Work { run_ms: 100, status: 0, stubborn: false };
    let spec = wishes::waiting(JOB.to_owned(), FIRST_UID, EPOCH_MS + LATER_MS);
    let asked =
        Asked { spec: Some(spec), script: script::text(work).into(), environment: "A=b\0".into(), test_only: false };
    let Told::Accepted { uid, job_id } = submit(&world, &client, JOB, asked).await else { return };
    let target = JobTarget { job_id, ..JobTarget::default() };
    let update = || UpdateJob { target: Some(target.clone()), ..UpdateJob::default() };
    let (comment, hold) = (comment_of(uid), hold_of(uid));
    begin(&world, &comment, "");
    begin(&world, &hold, "free");
    let until_ms = now_ms() + world.shape.safety_ms;
    for turn in 1.. {
        sleep(Duration::from_millis(dice.between(PAUSE_MS.0, PAUSE_MS.1))).await;
        if now_ms() >= until_ms {
            break;
        }
        let (register, value, body) = if dice.once_in(2) {
            (&comment, turn.to_string(), UpdateJob { comment: Some(turn.to_string()), ..update() })
        } else {
            let held = last(&world, &hold) == "free";
            (&hold, if held { "held" } else { "free" }.to_owned(), UpdateJob { hold: Some(held), ..update() })
        };
        if !write(&world, &client, register, value, request::Body::UpdateJob(body)).await {
            break;
        }
    }
    // Nobody waits for it any more; whatever its hold was, it may run now.
    world.oracle.seen().writes.remove(&hold);
    let go = UpdateJob { begin_ms: Some(0), hold: Some(false), ..update() };
    let told = until_told(&client, request::Body::UpdateJob(go)).await;
    world.trace.event(&format!("{JOB} may run: {}", told.map_or_else(|why| why, |_| "yes".to_owned())));
}

/// The operator, until the storm is over. The node takes work again then.
pub(super) async fn run_operator(world: World) {
    let client = patient(&world, SLURM_UID, "drainer");
    let mut dice = Dice::new(world.seed, "drainer");
    let names = world.shape.node_names();
    let node = names[dice.index(names.len())].clone();
    let update = || UpdateNode { names: node.clone(), ..UpdateNode::default() };
    let (drain, remark) = (drain_of(&node), remark_of(&node));
    begin(&world, &drain, "takes work");
    begin(&world, &remark, "");
    let until_ms = now_ms() + world.shape.safety_ms;
    for turn in 1.. {
        sleep(Duration::from_millis(dice.between(PAUSE_MS.0, PAUSE_MS.1))).await;
        let closing = now_ms() >= until_ms;
        let draining = last(&world, &drain) == "takes work";
        if closing && draining {
            return;
        }
        let (register, value, body) = if closing || dice.once_in(2) {
            let state = if draining { "DRAIN" } else { "UNDRAIN" }.to_owned();
            let value = if draining { "drained" } else { "takes work" };
            let reason = draining.then(|| format!("turn {turn}"));
            (&drain, value.to_owned(), UpdateNode { state, reason, ..update() })
        } else {
            (&remark, turn.to_string(), UpdateNode { comment: Some(turn.to_string()), ..update() })
        };
        if !write(&world, &client, register, value, request::Body::UpdateNode(body)).await {
            world.oracle.seen().writes.remove(&drain);
            let state = "UNDRAIN".to_owned();
            let _ = until_told(&client, request::Body::UpdateNode(UpdateNode { state, ..update() })).await;
            return;
        }
    }
}

fn begin(world: &World, register: &str, value: &str) {
    let first = Write { value: value.to_owned(), asked_ms: 0, written: Written::Done(0) };
    world.oracle.seen().writes.insert(register.to_owned(), vec![first]);
}

/// What was written last.
fn last(world: &World, register: &str) -> String {
    let seen = world.oracle.seen();
    let done = |write: &&Write| matches!(write.written, Written::Done(_));
    let last = seen.writes.get(register).and_then(|writes| writes.iter().rfind(done));
    last.map(|write| write.value.clone()).unwrap_or_default()
}

/// Whether the register may be written again: the outcome is known.
async fn write(world: &World, client: &Client, register: &str, value: String, body: request::Body) -> bool {
    let write = Write { value: value.clone(), asked_ms: now_ms(), written: Written::Unknown };
    world.oracle.seen().writes.entry(register.to_owned()).or_default().push(write);
    let told = client.call(body).await;
    let written = match &told {
        Ok(_) => Written::Done(now_ms()),
        Err(CallError::Refused(_) | CallError::Unreachable | CallError::Credential(_)) => Written::Refused,
        Err(CallError::Unknown(_)) => Written::Unknown,
    };
    let said = told.map_or_else(|why| why.to_string(), |_| "done".to_owned());
    world.trace.event(&format!("{register} := {value}: {said}"));
    let mut seen = world.oracle.seen();
    if let Some(last) = seen.writes.get_mut(register).and_then(|writes| writes.last_mut()) {
        last.written = written;
    }
    written != Written::Unknown
}

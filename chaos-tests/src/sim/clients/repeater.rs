//! Somebody who repeats a submit, byte by byte: under the next leader, with other content, as another user, and when it is too
//! late. What must not be carried out is poison where it is.

use std::sync::Arc;
use std::time::Duration;

use muster_channel::{Credentials, MESSAGE_BYTES_MAX, NoAuth, dial, seal};
use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::{Claim, Reply, Request, Submit as Asked, reply, request};
use prost::Message;
use tokio::time::{sleep, timeout};

use super::{ONE_TRY, wishes};
use crate::oracle::{Submit, Told};
use crate::sim::clock::EPOCH_MS;
use crate::sim::clock::now_ms;
use crate::sim::machine::Work;
use crate::sim::script;
use crate::sim::site::{CLUSTER, FIRST_UID, LOGIN};
use crate::sim::world::World;

/// Validity of a request, ms.
const VALID_MS: u64 = 60_000;
/// Between two repeats: a leader dies meanwhile.
const PAUSE: Duration = Duration::from_millis(3_500);
const NAME: &str = "repeated";

/// In a story that asks for it.
pub(super) async fn run(world: World) {
    if !world.shape.story.is_some_and(|story| story.repeats) {
        return;
    }
    let first = submit(NAME, 1, now_ms() + VALID_MS, FIRST_UID);
    let asked_ms = now_ms();
    let Some(Ok(job_id)) = tell(&world, FIRST_UID, &first).await else {
        world.oracle.seen().poison.push(("the first submit".to_owned(), Some("was not taken".to_owned())));
        return;
    };
    let (uid, told_ms) = (job_id.1, now_ms());
    let told = Told::Accepted { job_id: job_id.0, uid };
    world.oracle.seen().submits.insert(NAME.to_owned(), Submit { asked_ms, told_ms, told });
    for _ in 0..2 {
        sleep(PAUSE).await;
        let again = tell(&world, FIRST_UID, &first).await;
        note(&world, "the same again", again.clone(), again == Some(Ok(job_id)), "repeats answered as at first");
        let other = tell(&world, FIRST_UID, &submit("another", 1, now_ms() + VALID_MS, FIRST_UID)).await;
        note(&world, "another content", other.clone(), matches!(other, Some(Err(_))), "repeats refused");
        let as_other = tell(&world, FIRST_UID + 1, &first).await;
        note(&world, "another user", as_other.clone(), as_other != Some(Ok(job_id)), "repeats by another user");
    }
    // Sent for the first time after it was valid: whatever an earlier try did is not known.
    let late = submit("late", 2, now_ms(), FIRST_UID);
    sleep(PAUSE).await;
    let told = tell(&world, FIRST_UID, &late).await;
    note(&world, "after its validity", told.clone(), matches!(told, Some(Err(_))), "repeats refused");
}

fn note(world: &World, what: &str, told: Option<Result<(u32, u64), String>>, right: bool, count: &'static str) {
    world.trace.event(&format!("repeat, {what}: {told:?}"));
    let came = (!right).then(|| format!("was told {told:?}"));
    let mut seen = world.oracle.seen();
    *seen.repeats.entry(count).or_default() += u64::from(right);
    seen.poison.push((format!("a repeat, {what}"), came));
}

fn submit(name: &str, id: u8, valid_ms: u64, uid: u32) -> Request {
    let spec = wishes::waiting(name.to_owned(), uid, 0);
    let work = Work { run_ms: 50, status: 0, stubborn: false };
    let (script, environment) = (script::text(work).into(), "A=b\0".into());
    Request {
        request_id: vec![id; 16].into(),
        valid_until_ms: EPOCH_MS + valid_ms,
        host: LOGIN.to_owned(),
        program: "sbatch".to_owned(),
        body: Some(request::Body::Submit(Asked { spec: Some(spec), script, environment, test_only: false })),
        ..Request::default()
    }
}

/// Until somebody answers. Job id and uid; or why not.
async fn tell(world: &World, uid: u32, request: &Request) -> Option<Result<(u32, u64), String>> {
    let doors = world.shape.client_doors();
    for turn in 0..100 {
        match timeout(ONE_TRY, once(world, uid, request, &doors[turn % doors.len()])).await.ok().flatten() {
            Some(reply::Body::Submitted(told)) => return Some(Ok((told.job_id, told.uid))),
            Some(reply::Body::Failure(failure)) if !failure.retry => return Some(Err(failure.message)),
            _ => sleep(Duration::from_millis(50)).await,
        }
    }
    None
}

async fn once(world: &World, uid: u32, request: &Request, door: &str) -> Option<reply::Body> {
    let keeper: Arc<dyn Credentials> = Arc::new(NoAuth::new(uid, uid));
    let claim = Claim {
        cluster: CLUSTER.to_owned(),
        request_id: request.request_id.clone(),
        audience: "controller".to_owned(),
        sender: "client".to_owned(),
        ..Claim::default()
    };
    let signed = seal(&keeper, request.encode_to_vec(), claim).await.ok()?;
    let channel = dial(&world.outside("client repeater", 0), door, ONE_TRY);
    let mut client = ControllerClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let reply: Reply = client.call(signed).await.ok()?.into_inner();
    reply.body
}

//! Clients of the simulated cluster: a founder, users who submit and act on their jobs, an operator, readers who list.
//!
//! All of them go through the production client, and note what they were told.

mod actions;
mod administrator;
mod founder;
mod hostile;
mod lasting;
mod operator;
mod reader;
mod repeater;
mod submitter;
mod wishes;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster_channel::{CallError, Client, ClientOptions, NoAuth};
use muster_proto::wire::{reply, request};
use tokio::time::sleep;

use super::site::{CLUSTER, LOGIN};
use super::world::World;

/// One try of a client, ms.
pub(crate) const ONE_TRY_MS: u64 = 1_500;
const ONE_TRY: Duration = Duration::from_millis(ONE_TRY_MS);
/// A client gives up after this, virtual time: shorter than some faults, so that unknown outcomes happen.
const GIVE_UP: Duration = Duration::from_millis(4_000);
/// Longer than any fault lasts.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often a client looks for what it waits for.
const LOOK: Duration = Duration::from_millis(20);

/// What clients and the run tell each other. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Stage(Arc<Flags>);

#[derive(Default)]
struct Flags {
    ready: AtomicBool,
    curtain: AtomicBool,
    done: AtomicBool,
}

impl Stage {
    /// The cluster is founded and complete: users come.
    pub(crate) fn open(&self) {
        self.0.ready.store(true, Ordering::Relaxed);
    }

    /// Readers go.
    pub(crate) fn close(&self) {
        self.0.curtain.store(true, Ordering::Relaxed);
    }

    /// Whether every user has been told everything.
    pub(crate) fn is_done(&self) -> bool {
        self.0.done.load(Ordering::Relaxed)
    }

    fn is_closed(&self) -> bool {
        self.0.curtain.load(Ordering::Relaxed)
    }
}

/// The login host's program.
pub(crate) async fn run(world: World, stage: Stage) -> turmoil::Result {
    founder::found(&world).await;
    while !stage.0.ready.load(Ordering::Relaxed) {
        sleep(LOOK).await;
    }
    let readers = (0..world.shape.readers).map(|at| tokio::spawn(reader::run(world.clone(), stage.clone(), at)));
    let operator = tokio::spawn(operator::run(world.clone(), stage.clone()));
    let readers: Vec<_> = readers.chain([operator]).collect();
    let users = (0..world.shape.submitters).map(|at| tokio::spawn(submitter::run(world.clone(), at)));
    let writers = [tokio::spawn(writer::run_user(world.clone())), tokio::spawn(writer::run_operator(world.clone()))];
    let users = users.chain(writers).chain([tokio::spawn(repeater::run(world.clone()))]);
    let users =
        users.chain([tokio::spawn(administrator::run(world.clone())), tokio::spawn(hostile::run(world.clone()))]);
    let lasts = world.shape.story.is_some_and(|story| story.lasting);
    let users = users.chain(lasts.then(|| tokio::spawn(lasting::run(world.clone()))));
    for user in users.collect::<Vec<_>>() {
        user.await?;
    }
    stage.0.done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await?;
    }
    Ok(())
}

/// A client that gives up later than any fault lasts: it is told what became of its request.
fn patient(world: &World, uid: u32, name: &str) -> Client {
    with_patience(world, uid, name, world.shape.client_doors(), PATIENCE)
}

/// A client of `uid` that knows `controllers`.
fn client(world: &World, uid: u32, name: &str, controllers: Vec<String>) -> Client {
    with_patience(world, uid, name, controllers, GIVE_UP)
}

fn with_patience(world: &World, uid: u32, name: &str, controllers: Vec<String>, give_up: Duration) -> Client {
    let options = ClientOptions {
        cluster: CLUSTER.to_owned(),
        controllers,
        host: LOGIN.to_owned(),
        program: name.to_owned(),
        one_try: ONE_TRY,
        give_up,
    };
    Client::new(world.outside(&format!("client {name}"), 0), Arc::new(NoAuth::new(uid, uid)), options)
}

/// Asks until the cluster says yes or no, each time anew: for what may be done twice.
async fn until_told(client: &Client, body: request::Body) -> Result<reply::Body, String> {
    loop {
        match client.call(body.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(CallError::Refused(failure)) => return Err(failure.message),
            Err(_) => sleep(LOOK).await,
        }
    }
}

//! The proposer: commands that wait at the same time share one log entry and one fsync.
//!
//! ```text
//! doors, duties ── ordinary (bounded, refuses) ──┐
//!                                                ├─► batch ─► stamp ─► Replica::propose ─► one outcome a command
//! node reports, membership ── reserved (waits) ──┘
//! ```
//!
//! Exits, fences and membership have room of their own, in the queue and by bytes, so that a flood of submits cannot keep a
//! job from ending. Some batches are under way at once, in the order of the log; what waits meanwhile shares the next.

mod batch;
mod clocks;
mod room;
mod stamp;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use muster_model::cluster::Outcome;
use muster_proto::durable::{Batch, Channel, Command, Origin, command};
use muster_raft_store::ProposeError;
use prost::Message;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub(crate) use batch::{Answer, COMMAND_BYTES_MAX};
use batch::{Queues, Waiting};
pub(crate) use clocks::Clocks;
use room::{Place, Room};
use stamp::{STEP_RETRY, Stamp, Stamper, majority_agrees};

use crate::core::Core;

/// Commands of clients and duties that may wait.
const ORDINARY_WAITING_MAX: usize = 4096;
/// Reports that may wait before their senders do.
const RESERVED_WAITING_MAX: usize = 1024;
/// Batches that wait for their quorum at once. One more than the disk works on: more would be smaller batches, not more of them.
const BATCHES_UNDER_WAY_MAX: usize = 2;

/// Hands commands to the proposer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Proposer {
    ordinary: mpsc::Sender<Waiting>,
    reserved: mpsc::Sender<Waiting>,
    room: Room,
    waiting: Arc<AtomicUsize>,
    stamper: Arc<Mutex<Stamper>>,
    clocks: Clocks,
}

/// A command that was taken, and will have an outcome.
#[derive(Debug)]
pub(crate) struct Promised(oneshot::Receiver<Answer>);

impl Promised {
    pub(crate) async fn outcome(self) -> Answer {
        self.0.await.unwrap_or_else(|_| Err(ProposeError::Unknown("this controller is stopping".into())))
    }
}

impl Proposer {
    /// Starts the proposer of `core`, which asks `clocks` before it makes a big step in time.
    pub(crate) fn start(core: Arc<Core>, clocks: Clocks) -> (Self, tokio::task::JoinHandle<()>) {
        let (ordinary, ordinary_out) = mpsc::channel(ORDINARY_WAITING_MAX);
        let (reserved, reserved_out) = mpsc::channel(RESERVED_WAITING_MAX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let stamper = Stamper::new(core.read(|cluster| cluster.now_ms()), Instant::now());
        let stamper = Arc::new(Mutex::new(stamper));
        let proposer = Self {
            ordinary,
            reserved,
            room: Room::default(),
            waiting: waiting.clone(),
            stamper: stamper.clone(),
            clocks: clocks.clone(),
        };
        let work = Work {
            stamper,
            no_step_before: Instant::now(),
            queues: Queues::new(reserved_out, ordinary_out),
            core,
            clocks,
            waiting,
        };
        (proposer, tokio::spawn(work.run()))
    }

    /// Proposes, and waits for the outcome. Refuses at once when too much waits already.
    pub(crate) async fn propose(&self, command: Command) -> Answer {
        let bytes = check_size(&command)?;
        let too_many = || ProposeError::Unavailable("too many requests wait already".into());
        let place = self.room.ordinary(bytes).ok_or_else(too_many)?;
        let (answer, promised) = oneshot::channel();
        self.ordinary.try_send(Waiting { command, answer, place }).map_err(|_| too_many())?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Promised(promised).outcome().await
    }

    /// Proposes by the reserved road, in order: waits for room, and then need not wait for the outcome.
    pub(crate) async fn promise(&self, command: Command) -> Result<Promised, ProposeError> {
        let place = self.room.reserved(check_size(&command)?).await;
        let (answer, promised) = oneshot::channel();
        let taken = self.reserved.send(Waiting { command, answer, place }).await;
        taken.map_err(|_| ProposeError::Unavailable("this controller is stopping".into()))?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Ok(Promised(promised))
    }

    /// Proposes what a duty of the leader wants.
    pub(crate) async fn duty(&self, body: command::Body) -> Answer {
        self.promise(leaders(body)).await?.outcome().await
    }

    /// The state's time is now `applied_ms`.
    pub(crate) fn observe(&self, applied_ms: u64, now: Instant) {
        self.stamper.lock().expect("no holder of this lock panics").observe(applied_ms, now);
    }

    /// Cluster time as it would be stamped now, without a big step.
    pub(crate) fn now_ms(&self) -> u64 {
        match self.next_stamp() {
            Stamp::Now(stamp) => stamp,
            Stamp::Step { otherwise, .. } => otherwise,
        }
    }

    /// Whether cluster time lags so far behind this host's clock that something should be proposed to bring it up.
    pub(crate) fn time_lags(&self) -> bool {
        matches!(self.next_stamp(), Stamp::Step { .. })
    }

    fn next_stamp(&self) -> Stamp {
        let stamper = self.stamper.lock().expect("no holder of this lock panics");
        stamper.next(self.clocks.wall_ms(), Instant::now())
    }

    /// Commands that wait or are being committed.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// A command of the leader's own.
pub(crate) fn leaders(body: command::Body) -> Command {
    let origin = Origin { channel: Channel::Leader.into(), admin: true, ..Origin::default() };
    Command { origin: Some(origin), request: None, body: Some(body) }
}

fn check_size(command: &Command) -> Result<usize, ProposeError> {
    match command.encoded_len() {
        bytes if bytes > COMMAND_BYTES_MAX => {
            Err(ProposeError::Refused(format!("a request of {bytes} bytes is too large: {COMMAND_BYTES_MAX} at most")))
        }
        bytes => Ok(bytes),
    }
}

struct Work {
    core: Arc<Core>,
    clocks: Clocks,
    queues: Queues,
    stamper: Arc<Mutex<Stamper>>,
    /// A step in time was refused: not tried again before.
    no_step_before: Instant,
    waiting: Arc<AtomicUsize>,
}

impl Work {
    async fn run(mut self) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                Some(count) = under_way.next() => {
                    self.waiting.fetch_sub(count, Ordering::Relaxed);
                }
                batch = self.queues.next(), if under_way.len() < BATCHES_UNDER_WAY_MAX => {
                    let Some(batch) = batch else { break };
                    // First polled in this order, they stand in the log in this order.
                    let proposed = self.carry_out(batch).await;
                    under_way.push(proposed);
                }
            }
        }
        under_way.for_each(|_| std::future::ready(())).await;
    }

    /// Stamps a batch; what is answered has it proposed, and ends with the number of its commands.
    async fn carry_out(&mut self, waiting: Vec<Waiting>) -> impl Future<Output = usize> + use<> {
        let stamp_ms = self.stamp().await;
        let core = self.core.clone();
        let feature_level = core.read(|cluster| cluster.meta().feature_level);
        async move {
            let count = waiting.len();
            let (commands, answers): (Vec<_>, Vec<_>) =
                waiting.into_iter().map(|waiting| (waiting.command, (waiting.answer, waiting.place))).unzip();
            let batch = Batch { stamp_ms, feature_level, generation: core.identity.generation, commands };
            match core.replica.propose(batch).await {
                Ok(proposed) => answer_each(answers, proposed.outcomes),
                Err(why) => {
                    for (answer, _) in answers {
                        // Whoever went away does not care.
                        let _ = answer.send(Err(why.clone()));
                    }
                }
            }
            count
        }
    }

    async fn stamp(&mut self) -> u64 {
        let now = Instant::now();
        let applied_ms = self.core.read(|cluster| cluster.now_ms());
        let next = {
            let mut stamper = self.stamper.lock().expect("no holder of this lock panics");
            stamper.observe(applied_ms, now);
            stamper.next(self.clocks.wall_ms(), now)
        };
        match next {
            Stamp::Now(stamp) => stamp,
            Stamp::Step { otherwise, .. } if now < self.no_step_before => otherwise,
            Stamp::Step { wall, otherwise } => {
                let (clocks, voters) = self.clocks.ask(&self.core).await;
                // The step itself is what they must agree with: this clock may have been put right while they were asked.
                if majority_agrees(wall, &clocks, voters) {
                    return wall;
                }
                tracing::warn!(
                    wall,
                    cluster = otherwise,
                    "this host's clock is far ahead and no majority agrees with it"
                );
                self.no_step_before = now + STEP_RETRY;
                otherwise
            }
        }
    }
}

fn answer_each(answers: Vec<(oneshot::Sender<Answer>, Place)>, outcomes: Vec<Outcome>) {
    let mut outcomes = outcomes.into_iter();
    for (answer, _) in answers {
        let outcome = outcomes.next().ok_or_else(|| ProposeError::Unknown("fewer outcomes than commands".into()));
        let _ = answer.send(outcome);
    }
}

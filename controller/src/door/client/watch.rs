//! A watch: what changes, as it changes, for whoever would else ask again and again.
//!
//! ```text
//! after an index ─► in the journal? ─► changes from there on
//!                      └► no ─► the full state, by parts ─► changes since it began
//! ```
//!
//! Every replica can tell it. A watcher that reads too slowly, or whose controller stops, is told to go on after the last
//! index that was told whole, there or elsewhere. Nothing is kept for it but a place in the journal.

use std::sync::Arc;
use std::time::Duration;

use muster_channel::Peer;
use muster_dialect::errno;
use muster_proto::wire::watched::Kind as Told;
use muster_proto::wire::{Signed, Watch, Watched, request};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Caller, ClientDoor, Kind, Refusal, not_founded};
use crate::counters::add_one;
use crate::member::Member;
use crate::seat::Seat;
use crate::views::Watcher;

/// Messages on their way to one watcher.
const MESSAGES_WAITING_MAX: usize = 16;
/// Changes, or records of the full state, in one message.
const CHANGES_MAX: usize = 256;
/// How long a message may wait for a watcher that does not read.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two messages: changes that come together are told together.
const REST: Duration = Duration::from_millis(10);
/// A message at least this often, so that both ends know of each other, and the index goes on.
const QUIET_MAX: Duration = Duration::from_secs(10);

type Message = Result<Watched, Status>;

impl ClientDoor {
    /// Opens a watch. A refusal is its only message.
    pub(crate) async fn watch(&self, signed: Signed, peer: &Peer) -> Result<ReceiverStream<Message>, Status> {
        let (out, messages) = mpsc::channel(MESSAGES_WAITING_MAX);
        match self.begin(&signed, peer).await {
            Ok((stream, watcher)) => {
                tokio::spawn(stream.run(watcher, out));
            }
            Err(Refusal::No(failure)) => {
                let refused = Watched { failure: Some(failure), ..Watched::default() };
                out.try_send(Ok(refused)).expect("a new channel has room");
            }
            Err(Refusal::Elsewhere(_)) => return Err(Status::unavailable("ask another controller")),
            Err(Refusal::Unknown(why)) => return Err(Status::unavailable(why)),
        }
        Ok(ReceiverStream::new(messages))
    }

    async fn begin(&self, signed: &Signed, peer: &Peer) -> Result<(Stream, Watcher), Refusal> {
        let started = Instant::now();
        let (caller, body) = Caller::of(&self.seat, signed, peer).await?;
        self.spend(&caller)?;
        let request::Body::Watch(asked) = body else {
            return Err(Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR));
        };
        let member = self.seat.member().ok_or_else(|| not_founded(&self.seat))?;
        let room = self.seat.limits.watch().ok_or_else(|| {
            add_one(&self.seat.counters.refused_busy);
            Refusal::busy("too many watches are open already")
        })?;
        // What was told elsewhere has come here after this.
        member.core.replica.barrier().await?;
        self.seat.counters.add(Kind::Watch, caller.uid, started.elapsed());
        let stream = Stream { seat: self.seat.clone(), member, _room: room };
        Ok((stream, Watcher::new(caller, bounded(asked))))
    }
}

/// Filters that are looked through for each change.
const FILTERS_MAX: usize = 1_000;

fn bounded(mut asked: Watch) -> Watch {
    asked.targets.truncate(FILTERS_MAX);
    asked.users.truncate(FILTERS_MAX);
    asked
}

/// One watch under way.
struct Stream {
    seat: Arc<Seat>,
    member: Arc<Member>,
    _room: OwnedSemaphorePermit,
}

/// The watcher went away.
struct Gone;

impl Stream {
    async fn run(self, mut watcher: Watcher, out: mpsc::Sender<Message>) {
        let mut closing = self.member.journal.closing();
        let mut index = watcher.after_index();
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => {}
            // Told all it can be, or gone.
            ended = self.tell(&mut watcher, &out, &mut index) => match ended {
                Ok(()) => add_one(&self.seat.counters.slow_watches),
                Err(Gone) => return,
            },
        }
        let _ = out.try_send(Ok(Watched { kind: Told::Resume.into(), index, ..Watched::default() }));
    }

    /// Returns when the watcher must resume.
    async fn tell(&self, watcher: &mut Watcher, out: &mpsc::Sender<Message>, index: &mut u64) -> Result<(), Gone> {
        let mut changes = self.member.journal.changes();
        let after = Some(watcher.after_index()).filter(|after| *after != 0);
        let mut place = match after.and_then(|after| self.member.journal.place_after(after)) {
            Some(place) => place,
            None => self.full_state(watcher, out, index).await?,
        };
        let mut told_at = Instant::now();
        loop {
            changes.mark_unchanged();
            let Some(read) = self.member.journal.read(place, CHANGES_MAX) else { return Ok(()) };
            let mut watched = watcher.look(&self.seat, &self.member, &read.changes).await;
            let says_something = has_content(&watched) || told_at.elapsed() >= QUIET_MAX;
            (place, *index) = (read.next, read.index);
            if says_something {
                watched.index = read.index;
                if !send(out, watched).await? {
                    return Ok(());
                }
                told_at = Instant::now();
            }
            if read.changes.len() < CHANGES_MAX {
                // Whether or not something changed: the index goes on. Where nothing does, a quorum is asked for: a controller
                // that is cut off must not keep its watchers.
                let quiet = timeout(QUIET_MAX, changes.changed()).await.is_err();
                if quiet && self.member.core.replica.barrier().await.is_err() {
                    return Ok(());
                }
                tokio::time::sleep(REST).await;
            }
        }
    }

    /// Everything that there is, by parts; what changes meanwhile is told again. Answers the place where changes go on.
    async fn full_state(
        &self,
        watcher: &mut Watcher,
        out: &mpsc::Sender<Message>,
        index: &mut u64,
    ) -> Result<u64, Gone> {
        let (place, until) = self.member.journal.end();
        self.part(out, Told::StateBegins, Watched::default()).await?;
        let mut uid = 0;
        while let Some((watched, last)) = watcher.walk(&self.member, uid, CHANGES_MAX) {
            uid = last;
            if has_content(&watched) {
                self.part(out, Told::State, watched).await?;
            }
            tokio::task::yield_now().await;
        }
        if let Some(watched) = watcher.all_nodes(&self.seat, &self.member).await {
            self.part(out, Told::State, watched).await?;
        }
        *index = until;
        self.part(out, Told::StateEnds, Watched { index: until, ..Watched::default() }).await?;
        Ok(place)
    }

    async fn part(&self, out: &mpsc::Sender<Message>, kind: Told, watched: Watched) -> Result<(), Gone> {
        let sent = send(out, Watched { kind: kind.into(), now_ms: self.member.now_ms(), ..watched }).await?;
        if sent { Ok(()) } else { Err(Gone) }
    }
}

fn has_content(watched: &Watched) -> bool {
    !(watched.jobs.is_empty() && watched.steps.is_empty() && watched.nodes.is_empty() && watched.gone.is_empty())
}

/// Whether the watcher took it in time.
async fn send(out: &mpsc::Sender<Message>, watched: Watched) -> Result<bool, Gone> {
    match timeout(PATIENCE, out.send(Ok(watched))).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(_)) => Err(Gone),
        Err(_) => Ok(false),
    }
}

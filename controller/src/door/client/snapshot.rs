//! `muster snapshot save`: the state as this replica has applied it, streamed as a file. Applying goes on meanwhile.

use std::time::Duration;

use futures::StreamExt;
use muster_channel::Peer;
use muster_dialect::errno;
use muster_proto::wire::{Signed, SnapshotPiece, request};
use muster_raft_store::SavedSnapshot;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Caller, ClientDoor, Refusal, not_founded};

/// Snapshots that one process sends at once.
const SNAPSHOTS_AT_ONCE_MAX: usize = 2;
/// Pieces of one that wait for the network.
const PIECES_WAITING_MAX: usize = 4;

/// After each piece, so many times as long as it took: reading, sealing and writing a million jobs at once would take the disk and
/// the processors from those who submit meanwhile.
const RESTS: u32 = 3;
/// No longer than this, whoever takes the pieces slowly.
const REST_MAX: Duration = Duration::from_millis(100);

static ROOM: Semaphore = Semaphore::const_new(SNAPSHOTS_AT_ONCE_MAX);

type Message = Result<SnapshotPiece, Status>;

impl ClientDoor {
    /// A refusal is the only message.
    pub(crate) async fn save_snapshot(&self, signed: Signed, peer: &Peer) -> Result<ReceiverStream<Message>, Status> {
        let (out, messages) = mpsc::channel(PIECES_WAITING_MAX);
        match self.taken(&signed, peer).await {
            Ok((snapshot, room)) => {
                // Reading all rows takes seconds of processor time: not that of whoever answers requests.
                let runtime = self.seat.settings.listing_runtime.clone().unwrap_or_else(Handle::current);
                runtime.spawn(send(snapshot, room, out));
            }
            Err(Refusal::No(failure)) => {
                let refused = SnapshotPiece { failure: Some(failure), ..SnapshotPiece::default() };
                out.try_send(Ok(refused)).expect("a new channel has room");
            }
            Err(Refusal::Elsewhere(_)) => return Err(Status::unavailable("ask another controller")),
            Err(Refusal::Unknown(why)) => return Err(Status::unavailable(why)),
        }
        Ok(ReceiverStream::new(messages))
    }

    async fn taken(&self, signed: &Signed, peer: &Peer) -> Result<(SavedSnapshot, SemaphorePermit<'static>), Refusal> {
        let (caller, body) = Caller::of(&self.seat, signed, peer).await?;
        caller.require_admin()?;
        let request::Body::SaveSnapshot(_) = body else {
            return Err(Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR));
        };
        let member = self.seat.member().ok_or_else(|| not_founded(&self.seat))?;
        let room = ROOM.try_acquire().map_err(|_| Refusal::busy("two snapshots are being taken already"))?;
        // What was acknowledged before this was asked is in it.
        member.core.replica.barrier().await?;
        let taken = member.core.replica.save_snapshot().await;
        Ok((taken.map_err(|why| Refusal::with(errno::SLURM_ERROR, why.to_string()))?, room))
    }
}

async fn send(mut snapshot: SavedSnapshot, _room: SemaphorePermit<'static>, out: mpsc::Sender<Message>) {
    loop {
        let began = Instant::now();
        let Some(data) = snapshot.bytes.next().await else { break };
        let piece = SnapshotPiece { data, ..SnapshotPiece::default() };
        if out.send(Ok(piece)).await.is_err() {
            return;
        }
        sleep((began.elapsed() * RESTS).min(REST_MAX)).await;
    }
    let end = SnapshotPiece { index: snapshot.index, ends: true, ..SnapshotPiece::default() };
    let _ = out.send(Ok(end)).await;
}

//! sbcast: a file comes in bounded chunks and is written as the job's user.

use muster_channel::Peer;
use muster_model::agent::AttemptKey;
use muster_proto::wire::{BroadcastChunk, BroadcastDone, BroadcastStart};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tonic::{Status, Streaming};

use super::{ACCESS_DENIED, Door, INVALID_JOB};

/// Largest chunk, bytes.
const CHUNK_BYTES_MAX: usize = 512 * 1024;
/// Chunks that wait to be written.
const CHUNKS_WAITING_MAX: usize = 4;

impl Door {
    pub(super) async fn broadcast_file(
        &self,
        peer: &Peer,
        mut up: Streaming<BroadcastChunk>,
    ) -> Result<BroadcastDone, Status> {
        let first = up.next().await.ok_or_else(|| Status::invalid_argument("nothing was said"))??;
        let signed = first.start.as_ref().ok_or_else(|| Status::invalid_argument("the first chunk must say what"))?;
        let (speaker, start): (_, BroadcastStart) = self.open(peer, signed).await?;
        let Some(owner) = self.owner(AttemptKey { uid: start.uid, attempt: start.attempt }) else {
            return Ok(refused(INVALID_JOB, "Invalid job id specified"));
        };
        if owner.uid != speaker.uid && !self.is_admin(speaker.uid) {
            return Ok(refused(ACCESS_DENIED, "Access/permission denied"));
        }
        let (data, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
        let writing = self.steps.broadcast(owner, start, chunks);
        let (done, ()) = tokio::join!(writing, feed(first, up, data));
        Ok(done)
    }
}

/// Carries chunks until the last; one that is missing or too large ends the file early, and the writer notices.
async fn feed(first: BroadcastChunk, mut up: Streaming<BroadcastChunk>, data: mpsc::Sender<bytes::Bytes>) {
    let mut chunk = first;
    loop {
        if chunk.data.len() > CHUNK_BYTES_MAX || (!chunk.data.is_empty() && data.send(chunk.data).await.is_err()) {
            return;
        }
        if chunk.last {
            return;
        }
        match up.next().await {
            Some(Ok(next)) => chunk = next,
            _ => return,
        }
    }
}

fn refused(error: u32, message: &str) -> BroadcastDone {
    BroadcastDone { error, message: message.into(), bytes: 0 }
}

//! The whole state as the bytes of a file, from whichever controller answers first; from its beginning by another one, where that one
//! goes away meanwhile. Never put together from two: each has its own entry of the log as its end.

use std::time::Duration;

use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::{Claim, SaveSnapshot, SnapshotPiece, request};
use tokio::time::{Instant, timeout};
use tonic::Streaming;

use super::{CONNECT, CallError, Client, PAUSE_FIRST};
use crate::credential::seal;
use crate::{REPLY_BYTES_MAX, dial};

/// How often one is begun: whoever loses so many controllers has another trouble.
const BEGINNINGS_MAX: usize = 5;

/// A snapshot on its way.
pub struct Saving {
    client: Client,
    pieces: Streaming<SnapshotPiece>,
    /// Which controller sends it.
    turn: usize,
    begun: usize,
}

impl Client {
    /// Asks the controllers in turn, until one begins: during an election none does.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn save_snapshot(&self) -> Result<Saving, CallError> {
        let (pieces, turn) = self.begin_snapshot(0).await?;
        Ok(Saving { client: self.clone(), pieces, turn, begun: 1 })
    }

    /// From the controller of turn `first`, or one after it.
    async fn begin_snapshot(&self, first: usize) -> Result<(Streaming<SnapshotPiece>, usize), CallError> {
        let (started, mut pause) = (Instant::now(), PAUSE_FIRST);
        let mut tried = 0;
        loop {
            let turn = first + tried;
            if let Some(pieces) = self.ask_for_snapshot(turn).await? {
                return Ok((pieces, turn));
            }
            if started.elapsed() >= self.options.give_up {
                return Err(CallError::Unreachable);
            }
            self.rest(&mut pause, tried, started).await;
            tried += 1;
        }
    }

    async fn ask_for_snapshot(&self, turn: usize) -> Result<Option<Streaming<SnapshotPiece>>, CallError> {
        let request = self.encode(request::Body::SaveSnapshot(SaveSnapshot {}), false);
        let claim = Claim {
            cluster: self.options.cluster.clone(),
            request_id: request.id.to_vec().into(),
            audience: "controller".into(),
            sender: "client".into(),
            ..Claim::default()
        };
        let signed = seal(&self.keeper, request.bytes, claim).await?;
        let channel = dial(&self.outside, &self.nth(turn), CONNECT);
        let mut door = ControllerClient::new(channel).max_decoding_message_size(REPLY_BYTES_MAX);
        let opened = timeout(self.options.one_try, door.save_snapshot(signed)).await;
        Ok(opened.ok().and_then(Result::ok).map(tonic::Response::into_inner))
    }
}

impl Saving {
    /// The next piece. The last one says so; a stream that ends without it broke off.
    ///
    /// # Errors
    /// [`CallError::Refused`], or [`CallError::Unreachable`] where it broke off.
    pub async fn next(&mut self) -> Result<SnapshotPiece, CallError> {
        let patience: Duration = self.client.options.one_try;
        let piece = timeout(patience, self.pieces.message()).await;
        match piece {
            Ok(Ok(Some(SnapshotPiece { failure: Some(failure), .. }))) => Err(CallError::Refused(failure)),
            Ok(Ok(Some(piece))) => Ok(piece),
            _ => Err(CallError::Unreachable),
        }
    }

    /// It broke off: begins another one, at the next controller that answers. What came before is of no use.
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::Unreachable`] also where it broke off too often.
    pub async fn again(&mut self) -> Result<(), CallError> {
        if self.begun >= BEGINNINGS_MAX {
            return Err(CallError::Unreachable);
        }
        self.begun += 1;
        (self.pieces, self.turn) = self.client.begin_snapshot(self.turn + 1).await?;
        Ok(())
    }
}

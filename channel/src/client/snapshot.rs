//! The whole state as the bytes of a file, from whichever controller answers first.

use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::{Claim, SaveSnapshot, SnapshotPiece, request};
use tokio::time::timeout;
use tonic::Streaming;

use super::{CONNECT, CallError, Client};
use crate::credential::seal;
use crate::{REPLY_BYTES_MAX, dial};

/// A snapshot on its way.
pub struct Saving {
    pieces: Streaming<SnapshotPiece>,
    patience: std::time::Duration,
}

impl Client {
    /// Asks the controllers in turn, once each.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn save_snapshot(&self) -> Result<Saving, CallError> {
        for turn in 0..self.options.controllers.len() {
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
            if let Ok(Ok(opened)) = timeout(self.options.one_try, door.save_snapshot(signed)).await {
                return Ok(Saving { pieces: opened.into_inner(), patience: self.options.one_try });
            }
        }
        Err(CallError::Unreachable)
    }
}

impl Saving {
    /// The next piece. The last one says so; a stream that ends without it broke off.
    ///
    /// # Errors
    /// [`CallError::Refused`], or [`CallError::Unreachable`] where it broke off.
    pub async fn next(&mut self) -> Result<SnapshotPiece, CallError> {
        let piece = timeout(self.patience, self.pieces.message()).await;
        match piece {
            Ok(Ok(Some(SnapshotPiece { failure: Some(failure), .. }))) => Err(CallError::Refused(failure)),
            Ok(Ok(Some(piece))) => Ok(piece),
            _ => Err(CallError::Unreachable),
        }
    }
}

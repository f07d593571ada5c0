//! One file to one node.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use muster_channel::{CredentialError, MESSAGE_BYTES_MAX, dial, seal, tls};
use muster_dialect::errno::SlurmError;
use muster_proto::wire::node_client::NodeClient;
use muster_proto::wire::{BroadcastChunk, BroadcastDone, BroadcastStart, Claim, Signed, StepPlace};
use prost::Message;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::wanted::Wanted;
use crate::say::os_error;
use crate::site::Reach;

const CONNECT: Duration = Duration::from_secs(5);
/// Pieces on their way to a node.
const PIECES_WAITING_MAX: usize = 4;
/// A node that takes this long for the whole file is given up, unless `--timeout` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Why the file is not on the node.
#[derive(Debug, Error)]
pub(super) enum CopyError {
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error("{1}")]
    Refused(u8, String),
    #[error("{}", .0.message())]
    Lost(#[from] tonic::Status),
    #[error("no answer after {0:?}")]
    Late(Duration),
}

impl CopyError {
    /// sbcast exits with the low byte of what the node says.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            CopyError::Refused(number, _) => (*number).max(1),
            CopyError::Credential(_) | CopyError::Lost(_) | CopyError::Late(_) => 1,
        }
    }
}

fn number(error: &std::io::Error) -> u8 {
    error.raw_os_error().map_or(1, |number| number as u8)
}

/// What is copied, and where to.
pub(super) struct Copy<'a> {
    pub(super) reach: &'a Reach,
    pub(super) wanted: &'a Wanted,
    pub(super) start: &'a BroadcastStart,
    pub(super) place: StepPlace,
}

impl Copy<'_> {
    /// Sends the file piece by piece, and hears what became of it.
    pub(super) async fn carry_out(&self) -> Result<(), CopyError> {
        let signed = self.sign().await?;
        let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
        let channel =
            dial(&self.reach.outside.wanting(&tls::Wanted::node(&self.place.node)), &self.place.address, CONNECT);
        let mut client = NodeClient::new(channel).max_encoding_message_size(MESSAGE_BYTES_MAX);
        let (path, piece_bytes) = (self.wanted.source.clone(), self.wanted.piece_bytes);
        let reader = tokio::task::spawn_blocking(move || read(&path, signed, piece_bytes, &pieces));
        let timeout = match self.wanted.timeout_s {
            0 => TIMEOUT,
            seconds => Duration::from_secs(seconds),
        };
        let sent = tokio::time::timeout(timeout, client.broadcast(ReceiverStream::new(waiting))).await;
        let done = sent.map_err(|_| CopyError::Late(timeout))??.into_inner();
        if let Ok(Err(error)) = reader.await {
            return Err(CopyError::Refused(number(&error), os_error(&error)));
        }
        judged(&done)
    }

    async fn sign(&self) -> Result<Signed, CredentialError> {
        let claim = Claim {
            cluster: self.reach.cluster.clone(),
            request_id: self.reach.outside.random.id().to_vec().into(),
            audience: format!("node:{}", self.place.node),
            sender: "client".into(),
            ..Claim::default()
        };
        seal(&self.reach.keeper, self.start.encode_to_vec(), claim).await
    }
}

/// Reads the file into the channel; the first piece says what it is. Ends early when the node listens no more.
fn read(path: &str, signed: Signed, piece_bytes: usize, pieces: &mpsc::Sender<BroadcastChunk>) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut start = Some(signed);
    loop {
        let mut data = Vec::new();
        file.by_ref().take(piece_bytes as u64).read_to_end(&mut data)?;
        let last = data.len() < piece_bytes;
        let piece = BroadcastChunk { start: start.take(), data: data.into(), last };
        if pieces.blocking_send(piece).is_err() || last {
            return Ok(());
        }
    }
}

fn judged(done: &BroadcastDone) -> Result<(), CopyError> {
    match (done.error, done.message.is_empty()) {
        (0, true) => Ok(()),
        (error, false) => Err(CopyError::Refused(error as u8, done.message.clone())),
        (error, true) => Err(CopyError::Refused(error as u8, SlurmError::new(error).text())),
    }
}

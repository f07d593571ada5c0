//! What a log entry carries, and what applying it answers.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use muster_model::cluster::Outcome;
use muster_proto::durable::Batch;
use prost::Message;

/// A batch: its bytes are encoded once for disk and peers, and decoded at most once.
#[derive(Clone)]
pub(crate) struct Command {
    inner: Arc<Inner>,
}

struct Inner {
    bytes: Bytes,
    batch: OnceLock<Batch>,
}

impl Command {
    pub(crate) fn new(batch: Batch) -> Command {
        let bytes = batch.encode_to_vec().into();
        Command { inner: Arc::new(Inner { bytes, batch: OnceLock::from(batch) }) }
    }

    pub(crate) fn from_bytes(bytes: Bytes) -> Command {
        Command { inner: Arc::new(Inner { bytes, batch: OnceLock::new() }) }
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.inner.bytes
    }

    /// A batch that this version can carry out in full, or why it cannot. Skipping a part would make replicas differ.
    pub(crate) fn batch(&self) -> Result<&Batch, String> {
        if let Some(batch) = self.inner.batch.get() {
            return Ok(batch);
        }
        let batch =
            Batch::decode(&self.inner.bytes[..]).map_err(|error| format!("a batch does not decode: {error}"))?;
        if batch.commands.iter().any(|command| command.body.is_none()) {
            return Err("a command of a newer version stands in the log".into());
        }
        Ok(self.inner.batch.get_or_init(|| batch))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "batch of {} bytes", self.inner.bytes.len())
    }
}

/// One a command; none for entries of Raft itself.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(pub(crate) Vec<Outcome>);

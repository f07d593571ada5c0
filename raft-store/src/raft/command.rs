//! What a log entry carries, and what applying it answers.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use muster_model::cluster::Outcome;
use muster_proto::durable::Batch;
use prost::Message;

/// A batch: its bytes are encoded once for disk and peers. What is decoded of it is many times as large, and is let go with
/// the first who takes it: entries stay in memory long after they were applied.
#[derive(Clone)]
pub(crate) struct Command {
    inner: Arc<Inner>,
}

struct Inner {
    bytes: Bytes,
    batch: Mutex<Option<Batch>>,
}

impl Command {
    pub(crate) fn new(batch: Batch) -> Command {
        let bytes = batch.encode_to_vec().into();
        Command { inner: Arc::new(Inner { bytes, batch: Mutex::new(Some(batch)) }) }
    }

    pub(crate) fn from_bytes(bytes: Bytes) -> Command {
        Command { inner: Arc::new(Inner { bytes, batch: Mutex::new(None) }) }
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.inner.bytes
    }

    /// A batch that this version can carry out in full, or why it cannot. Skipping a part would make replicas differ.
    pub(crate) fn take_batch(&self) -> Result<Batch, String> {
        let known = self.inner.batch.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(batch) = known {
            return Ok(batch);
        }
        let batch =
            Batch::decode(&self.inner.bytes[..]).map_err(|error| format!("a batch does not decode: {error}"))?;
        if batch.commands.iter().any(|command| command.body.is_none()) {
            return Err("a command of a newer version stands in the log".into());
        }
        Ok(batch)
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

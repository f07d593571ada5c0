//! A snapshot of a running replica, as the bytes of a file.

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use openraft::async_runtime::WatchReceiver;

use super::file::{MAGIC, framed};
use crate::encoding::Position;
use crate::errors::ReadError;
use crate::raft::{SnapshotData, chunks};
use crate::replica::Replica;

/// A consistent view of the whole state; applying goes on while it is read.
pub struct SavedSnapshot {
    /// The last entry in it.
    pub index: u64,
    /// The term of that entry.
    pub term: u64,
    /// The bytes of the file, in pieces of at most about 1 MiB. A stream that ends early makes a file that is seen to be cut.
    pub bytes: BoxStream<'static, Bytes>,
}

impl Replica {
    /// Takes a view of the state as this replica has applied it.
    ///
    /// # Errors
    /// Nothing was applied yet, or rows cannot be read.
    pub async fn save_snapshot(&self) -> Result<SavedSnapshot, ReadError> {
        let taken = self.inner.raft.get_snapshot().await.map_err(|error| ReadError(error.to_string()))?;
        let Some(SnapshotData::View(outgoing)) = taken.map(|snapshot| snapshot.snapshot) else {
            return Err(ReadError("nothing was applied yet".into()));
        };
        let vote = self.inner.raft.metrics().borrow_watched().vote;
        let Position { term, index } = outgoing.applied.at;
        let chunks = chunks(outgoing, &vote, &self.inner.identity, self.inner.fault.clone());
        let magic = stream::once(std::future::ready(Bytes::from_static(MAGIC)));
        Ok(SavedSnapshot { index, term, bytes: magic.chain(chunks.map(|chunk| framed(&chunk))).boxed() })
    }
}

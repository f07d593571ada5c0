//! What keeps bytes: RocksDB on a disk, or the simulation's twin in memory. Nothing here knows Raft's rules.
//!
//! ```text
//! Store ─┬─ identity       who may open it
//!        ├─ LogFiles       entries and vote: write, then sync; and the watermark, kept apart
//!        └─ RowFiles       the replicated rows: no sync of their own, flushed as a whole now and then
//! ```

#[cfg(test)]
mod contract;
mod disk;
mod memory;
mod rocks_log;
mod rocks_rows;
mod watermark;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use muster_model::cluster::{Row, Table};

use crate::encoding::AppliedRecord;
use crate::errors::OpenError;
use crate::identity::{Identity, StoreState};
use crate::options::StoreKind;

pub use memory::MemoryDisk;
pub(crate) use watermark::Watermark;

/// One change of the log files. A group of them is written as one.
#[derive(Clone, Debug)]
pub(crate) enum LogOp {
    /// An encoded `LogRecord`.
    Put { index: u64, record: Bytes },
    /// This index and all after it are gone.
    TruncateFrom(u64),
    /// All up to this index, and itself, are gone.
    PurgeTo(u64),
    /// A fact about the log as a whole.
    Set(Fact, Vec<u8>),
}

/// Kept beside the entries. The number is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Fact {
    /// `VoteRecord`.
    Vote = 1,
    /// `Position` of the last purged entry.
    Purged = 2,
    /// `Position` up to which entries were known to be committed. May be late.
    Committed = 3,
}

/// The log, the vote, and the watermark.
pub(crate) trait LogFiles: Send + Sync {
    /// All of `ops` in order, or none. Readable at once, durable after [`LogFiles::sync`].
    fn write(&self, ops: &[LogOp]) -> io::Result<()>;
    /// What was written survives a power cut.
    fn sync(&self) -> io::Result<()>;
    /// The entries `from..to`, as many as fit `bytes_max`, at least one where there is one.
    fn read(&self, from: u64, to: u64, bytes_max: usize) -> io::Result<Vec<Bytes>>;
    /// The last entry.
    fn last(&self) -> io::Result<Option<Bytes>>;
    /// One fact.
    fn fact(&self, fact: Fact) -> io::Result<Option<Vec<u8>>>;
    /// What was acknowledged, kept apart from the log; `None` where it was never written.
    fn watermark(&self) -> io::Result<Option<Watermark>>;
    /// Durable when it returns.
    fn set_watermark(&self, mark: &Watermark) -> io::Result<()>;
    /// Errors that happened behind our back, counted.
    fn background_errors(&self) -> io::Result<u64>;
    /// How long a sync takes, where the simulation says so.
    fn sync_pause(&self) -> Duration {
        Duration::ZERO
    }
}

/// The rows, each write together with the applied record.
pub(crate) trait RowFiles: Send + Sync {
    /// All rows and the applied record, or none. Not durable until a flush.
    fn write(&self, rows: &[Row], applied: &AppliedRecord) -> io::Result<()>;
    /// Rows only, while a snapshot comes in.
    fn fill(&self, rows: &[Row]) -> io::Result<()>;
    /// One row.
    fn get(&self, table: Table, key: &[u8]) -> io::Result<Option<Vec<u8>>>;
    /// Rows `from..to` in the order of keys, at most `limit`.
    fn range(&self, table: Table, from: &[u8], to: Option<&[u8]>, limit: usize) -> io::Result<Vec<KeyAndValue>>;
    /// As written, flushed or not.
    fn applied(&self) -> io::Result<Option<AppliedRecord>>;
    /// Flushes all tables as one, and reads back what a power cut would leave.
    fn persist(&self) -> io::Result<Option<AppliedRecord>>;
    /// All tables as they are now, while writing goes on.
    fn view(&self) -> io::Result<Arc<dyn RowView>>;
    /// Errors that happened behind our back, counted.
    fn background_errors(&self) -> io::Result<u64>;
    /// Which of the store's row places this is.
    fn place(&self) -> u64;
}

/// A row as read: key and value.
pub type KeyAndValue = (Vec<u8>, Vec<u8>);

/// A consistent view.
pub(crate) trait RowView: Send + Sync {
    /// Of this view.
    fn applied(&self) -> io::Result<Option<AppliedRecord>>;
    /// Rows after `after`, as many as fit `bytes_max`, at least one where there is one.
    fn scan(&self, table: Table, after: Option<&[u8]>, bytes_max: usize) -> io::Result<Vec<KeyAndValue>>;
}

/// Everything that one replica keeps.
pub(crate) trait Store: Send + Sync {
    /// For messages.
    fn path(&self) -> std::path::PathBuf;
    /// Who it belongs to.
    fn state(&self) -> StoreState;
    /// Durable when it returns.
    fn set_identity(&self, identity: &Identity) -> io::Result<()>;
    /// The log.
    fn log(&self) -> Arc<dyn LogFiles>;
    /// The rows in force.
    fn rows(&self) -> Arc<dyn RowFiles>;
    /// An empty place for the rows of a snapshot.
    fn fresh_rows(&self) -> io::Result<Arc<dyn RowFiles>>;
    /// One atomic step: `fresh`, which was persisted, is in force; the old rows go away.
    fn switch_rows(&self, fresh: Arc<dyn RowFiles>) -> io::Result<()>;
    /// Whether its calls block: the appender then has a thread of its own.
    fn blocks(&self) -> bool;
    /// Nothing reads or writes through this handle any more, and another may open the store.
    fn close(&self);
}

/// Opens a store, whole.
pub(crate) fn open(kind: &StoreKind) -> Result<Arc<dyn Store>, OpenError> {
    match kind {
        StoreKind::Disk(path) => Ok(Arc::new(disk::DiskStore::open(path)?)),
        StoreKind::Memory(disk) => Ok(Arc::new(disk.open()?)),
    }
}

/// Whose store it is, without opening its databases. Makes the store id at first sight.
pub fn peek(kind: &StoreKind) -> Result<StoreState, OpenError> {
    match kind {
        StoreKind::Disk(path) => Ok(disk::Home::open(path)?.state()),
        StoreKind::Memory(disk) => Ok(disk.state()),
    }
}

/// An I/O error of our own words.
pub(crate) fn failure(why: impl ToString) -> io::Error {
    io::Error::other(why.to_string())
}

/// The kind of the error below.
pub(crate) const CLOSED: io::ErrorKind = io::ErrorKind::NotConnected;

/// Something is asked of a store after its end, or of rows that a snapshot replaced.
pub(crate) fn closed() -> io::Error {
    io::Error::new(CLOSED, "the store is closed")
}

//! The node's journal: records that are durable before their effects.

mod crc;
mod file;
mod memory;

use std::io;

pub use file::FileJournal;
pub use memory::MemoryJournal;

/// Where records are kept.
pub trait JournalStore: Send + Sync + 'static {
    /// Every record that was appended, in order, up to the first that is torn or damaged.
    ///
    /// # Errors
    /// The store cannot be read.
    fn load(&self) -> io::Result<Loaded>;
    /// Appends: after this returns, the death of the daemon does not lose the records. A power cut may, until they are synced.
    ///
    /// # Errors
    /// The records may or may not be there: the daemon must stop.
    fn append(&self, records: &[Vec<u8>]) -> io::Result<()>;
    /// After this returns, a power cut does not lose what was appended.
    ///
    /// # Errors
    /// As for `append`.
    fn sync(&self) -> io::Result<()>;
    /// Replaces everything by `records`, in one atomic and durable step.
    ///
    /// # Errors
    /// As for `append`.
    fn replace(&self, records: &[Vec<u8>]) -> io::Result<()>;
}

/// What a journal held.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Oldest first.
    pub records: Vec<Vec<u8>>,
    /// A record in the middle was unreadable: what followed it is lost. A torn tail is not damage.
    pub damaged: bool,
}

//! The journal's twin in memory, for the simulation: a power cut loses what was not synced.

use std::io;
use std::sync::{Arc, Mutex};

use super::{JournalStore, Loaded};

/// Records in memory. Clones share them, as restarts of one node do.
#[derive(Clone, Default)]
pub struct MemoryJournal(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    durable: Vec<Vec<u8>>,
    /// Not synced yet, or under a broken fsync: lost by [`MemoryJournal::power_cut`].
    unsynced: Vec<Vec<u8>>,
    fsync_lies: bool,
    fails: bool,
}

impl MemoryJournal {
    /// What was not synced is gone.
    pub fn power_cut(&self) {
        self.kept().unsynced.clear();
    }

    /// From now on syncing does nothing: the bug that a durability test must catch.
    pub fn make_fsync_lie(&self, lies: bool) {
        self.kept().fsync_lies = lies;
    }

    /// From now on writing fails, as on a full disk.
    pub fn make_fail(&self, fails: bool) {
        self.kept().fails = fails;
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl JournalStore for MemoryJournal {
    fn load(&self) -> io::Result<Loaded> {
        let kept = self.kept();
        let records = kept.durable.iter().chain(&kept.unsynced).cloned().collect();
        Ok(Loaded { records, damaged: false })
    }

    fn append(&self, records: &[Vec<u8>]) -> io::Result<()> {
        let mut kept = self.kept();
        if kept.fails {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        kept.unsynced.extend_from_slice(records);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut kept = self.kept();
        if kept.fails {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        if !kept.fsync_lies {
            let mut unsynced = std::mem::take(&mut kept.unsynced);
            kept.durable.append(&mut unsynced);
        }
        Ok(())
    }

    fn replace(&self, records: &[Vec<u8>]) -> io::Result<()> {
        let mut kept = self.kept();
        if kept.fails {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        kept.durable = records.to_vec();
        kept.unsynced.clear();
        Ok(())
    }
}

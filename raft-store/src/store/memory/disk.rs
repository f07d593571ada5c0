//! What the disk holds, what can happen to it, and who has it open.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::log::LogImage;
use super::rows::RowsImage;
use super::store::MemoryStore;
use crate::errors::OpenError;
use crate::identity::StoreState;
use crate::store::{Fact, LogOp, Watermark, closed, failure};

/// A disk of the simulation. Clones are the same disk; it outlives the replicas that open it. Whoever crashes a host calls
/// [`MemoryDisk::crash`] too: until then the disk is still locked by the dead process.
#[derive(Clone)]
pub struct MemoryDisk {
    contents: Arc<Mutex<Contents>>,
}

impl std::fmt::Debug for MemoryDisk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MemoryDisk").finish_non_exhaustive()
    }
}

pub(super) struct Contents {
    /// Grows with each crash and each close; a handle works in the epoch that it was opened in.
    pub(super) epoch: u64,
    pub(super) open: bool,
    pub(super) state: StoreState,
    pub(super) written: LogImage,
    pub(super) synced: LogImage,
    pub(super) unsynced: Vec<LogOp>,
    pub(super) watermark: Option<Watermark>,
    pub(super) places: BTreeMap<u64, RowsImage>,
    pub(super) current: u64,
    pub(super) next_place: u64,
    pub(super) sync_ms: u64,
    pub(super) failing: Option<String>,
    pub(super) failing_syncs: Option<String>,
}

/// Rows before place 1 were never flushed anywhere.
const FIRST_PLACE: u64 = 1;

impl MemoryDisk {
    /// An empty disk; its store id follows from the seed.
    pub fn new(seed: u64) -> MemoryDisk {
        let mut store_id = [0; 16];
        store_id[..8].copy_from_slice(&seed.to_be_bytes());
        store_id[8..].copy_from_slice(&crate::raft::mix(seed).to_be_bytes());
        let contents = Contents {
            epoch: 0,
            open: false,
            state: StoreState { store_id, identity: None },
            written: LogImage::default(),
            synced: LogImage::default(),
            unsynced: Vec::new(),
            watermark: None,
            places: BTreeMap::from([(FIRST_PLACE, RowsImage::default())]),
            current: FIRST_PLACE,
            next_place: FIRST_PLACE + 1,
            sync_ms: 0,
            failing: None,
            failing_syncs: None,
        };
        MemoryDisk { contents: Arc::new(Mutex::new(contents)) }
    }

    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A power cut: what was not synced is gone, handles are dead, the disk can be opened again.
    pub fn crash(&self) {
        let _ = self.crash_keeping(0);
    }

    /// A power cut in the middle of a write: the first `kept` of the unsynced log operations are there all the same. How many
    /// of them are not.
    pub fn crash_keeping(&self, kept: usize) -> usize {
        let contents = &mut *self.contents();
        let lost = contents.unsynced.len().saturating_sub(kept);
        let torn: Vec<LogOp> = contents.unsynced.drain(..).take(kept).collect();
        torn.iter().for_each(|op| contents.synced.write(op));
        contents.written = contents.synced.clone();
        let current = contents.current;
        contents.places.retain(|place, _| *place == current);
        contents.places.values_mut().for_each(|rows| rows.written = rows.flushed.clone());
        contents.epoch += 1;
        contents.open = false;
        contents.failing = None;
        contents.failing_syncs = None;
        lost
    }

    /// Somebody puts an empty disk in its place; its store id follows from the seed. Whoever had it open can do nothing more.
    pub fn replace(&self, seed: u64) {
        let fresh = MemoryDisk::new(seed);
        let contents = &mut *self.contents();
        let epoch = contents.epoch + 1;
        std::mem::swap(contents, &mut fresh.contents());
        contents.epoch = epoch;
    }

    /// A disk that lies: the last `entries` of the log are lost although they were synced. `false`, and nothing is lost, where
    /// the watermark lags behind by more than that: such a lie cannot be seen. For tests of what notices.
    pub fn lose_synced_entries(&self, entries: usize) -> bool {
        self.lose(entries, true)
    }

    /// The same, where the watermark lags behind: the replica itself cannot see such a lie. `false`, and nothing is lost, where
    /// it could.
    pub fn lose_entries_unseen(&self, entries: usize) -> bool {
        self.lose(entries, false)
    }

    fn lose(&self, entries: usize, seen: bool) -> bool {
        let contents = &mut *self.contents();
        let newest = contents.synced.entries.keys().rev();
        let Some(from) = newest.take(entries).last().copied() else { return false };
        if contents.watermark.and_then(|mark| mark.last).is_some_and(|mark| mark.index >= from) != seen {
            return false;
        }
        contents.synced.entries.split_off(&from);
        contents.written = contents.synced.clone();
        true
    }

    /// A disk that lies about the vote.
    pub fn lose_vote(&self) {
        let contents = &mut *self.contents();
        contents.synced.facts.remove(&Fact::Vote);
        contents.written = contents.synced.clone();
    }

    /// Every write and sync fails from now on, with this reason, until the next crash.
    pub fn fail(&self, why: &str) {
        self.contents().failing = Some(why.into());
    }

    /// What is written is taken, and every sync fails from now on, until the next crash.
    pub fn fail_syncs(&self, why: &str) {
        self.contents().failing_syncs = Some(why.into());
    }

    /// How long each sync takes from now on.
    pub fn set_sync_ms(&self, sync_ms: u64) {
        self.contents().sync_ms = sync_ms;
    }

    pub(crate) fn state(&self) -> StoreState {
        self.contents().state.clone()
    }

    pub(in crate::store) fn open(&self) -> Result<MemoryStore, OpenError> {
        let mut contents = self.contents();
        if contents.open {
            return Err(OpenError::Locked { path: PathBuf::from("memory") });
        }
        contents.open = true;
        contents.epoch += 1;
        Ok(MemoryStore { handle: Handle { disk: self.clone(), epoch: contents.epoch } })
    }
}

/// The disk, as long as its epoch lasts.
#[derive(Clone)]
pub(super) struct Handle {
    pub(super) disk: MemoryDisk,
    pub(super) epoch: u64,
}

impl Handle {
    pub(super) fn read<T>(&self, read: impl FnOnce(&Contents) -> T) -> io::Result<T> {
        let contents = self.disk.contents();
        if contents.epoch != self.epoch || !contents.open {
            return Err(closed());
        }
        Ok(read(&contents))
    }

    pub(super) fn write<T>(&self, write: impl FnOnce(&mut Contents) -> T) -> io::Result<T> {
        let mut contents = self.disk.contents();
        if contents.epoch != self.epoch || !contents.open {
            return Err(closed());
        }
        match &contents.failing {
            Some(why) => Err(failure(why)),
            None => Ok(write(&mut contents)),
        }
    }
}

//! The simulation's disk: keeps what was synced when its replica crashes, and loses the rest.
//!
//! It answers as RocksDB does, on the same traits, held to the same contract suite. A handle from before a crash can neither
//! read nor write: a process that died does nothing more.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use muster_model::cluster::{Row, Table};

use super::{Fact, KeyAndValue, LogFiles, LogOp, RowFiles, RowView, Store, Watermark, closed, failure};
use crate::encoding::AppliedRecord;
use crate::errors::OpenError;
use crate::identity::{Identity, StoreState};

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

struct Contents {
    /// Grows with each crash and each close; a handle works in the epoch that it was opened in.
    epoch: u64,
    open: bool,
    state: StoreState,
    written: LogImage,
    synced: LogImage,
    unsynced: Vec<LogOp>,
    watermark: Option<Watermark>,
    places: BTreeMap<u64, RowsImage>,
    current: u64,
    next_place: u64,
    sync_ms: u64,
    failing: Option<String>,
    failing_syncs: Option<String>,
}

#[derive(Clone, Default)]
struct LogImage {
    entries: BTreeMap<u64, Bytes>,
    facts: BTreeMap<Fact, Vec<u8>>,
}

impl LogImage {
    fn write(&mut self, op: &LogOp) {
        match op {
            LogOp::Put { index, record } => {
                self.entries.insert(*index, record.clone());
            }
            LogOp::TruncateFrom(from) => {
                self.entries.split_off(from);
            }
            LogOp::PurgeTo(to) => self.entries = self.entries.split_off(&to.saturating_add(1)),
            LogOp::Set(fact, value) => {
                self.facts.insert(*fact, value.clone());
            }
        }
    }
}

#[derive(Clone, Default)]
struct RowsImage {
    written: Rows,
    flushed: Rows,
}

/// Shared until written to, so that a view or a flush costs nothing.
#[derive(Clone, Default)]
struct Rows {
    tables: BTreeMap<u8, Arc<BTreeMap<Vec<u8>, Bytes>>>,
    applied: Option<AppliedRecord>,
}

impl Rows {
    fn write(&mut self, rows: &[Row]) {
        for row in rows {
            let table = Arc::make_mut(self.tables.entry(row.table as u8).or_default());
            match &row.value {
                Some(value) => table.insert(row.key.clone(), Bytes::copy_from_slice(value)),
                None => table.remove(&row.key),
            };
        }
    }

    fn from<'a>(&'a self, table: Table, from: &[u8]) -> impl Iterator<Item = (&'a Vec<u8>, &'a Bytes)> {
        let from = from.to_vec();
        self.tables.get(&(table as u8)).into_iter().flat_map(move |table| table.range(from.clone()..))
    }
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

    fn contents(&self) -> MutexGuard<'_, Contents> {
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

    /// A disk that lies: the last `entries` of the log are lost although they were synced. For tests of what notices.
    pub fn lose_synced_entries(&self, entries: usize) {
        let contents = &mut *self.contents();
        for _ in 0..entries {
            contents.synced.entries.pop_last();
        }
        contents.written = contents.synced.clone();
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

    pub(super) fn open(&self) -> Result<MemoryStore, OpenError> {
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
struct Handle {
    disk: MemoryDisk,
    epoch: u64,
}

impl Handle {
    fn read<T>(&self, read: impl FnOnce(&Contents) -> T) -> io::Result<T> {
        let contents = self.disk.contents();
        if contents.epoch != self.epoch || !contents.open {
            return Err(closed());
        }
        Ok(read(&contents))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Contents) -> T) -> io::Result<T> {
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

pub(super) struct MemoryStore {
    handle: Handle,
}

impl MemoryStore {
    fn rows_at(&self, place: u64) -> Arc<dyn RowFiles> {
        Arc::new(MemoryRows { handle: self.handle.clone(), place })
    }
}

impl Store for MemoryStore {
    fn path(&self) -> PathBuf {
        PathBuf::from("memory")
    }

    fn state(&self) -> StoreState {
        self.handle.disk.state()
    }

    fn set_identity(&self, identity: &Identity) -> io::Result<()> {
        self.handle.write(|contents| contents.state.identity = Some(identity.clone()))
    }

    fn log(&self) -> Arc<dyn LogFiles> {
        Arc::new(MemoryLog { handle: self.handle.clone() })
    }

    fn rows(&self) -> Arc<dyn RowFiles> {
        let place = self.handle.disk.contents().current;
        self.rows_at(place)
    }

    fn fresh_rows(&self) -> io::Result<Arc<dyn RowFiles>> {
        let place = self.handle.write(|contents| {
            let current = contents.current;
            contents.places.retain(|place, _| *place == current);
            let place = contents.next_place;
            contents.next_place += 1;
            contents.places.insert(place, RowsImage::default());
            place
        })?;
        Ok(self.rows_at(place))
    }

    fn switch_rows(&self, fresh: Arc<dyn RowFiles>) -> io::Result<()> {
        let place = fresh.place();
        let switched = self.handle.write(|contents| {
            let there = contents.places.contains_key(&place);
            if there {
                contents.current = place;
                contents.places.retain(|other, _| *other == place);
            }
            there
        })?;
        if switched { Ok(()) } else { Err(failure("another snapshot came in between")) }
    }

    fn blocks(&self) -> bool {
        false
    }

    fn close(&self) {
        let mut contents = self.handle.disk.contents();
        if contents.epoch == self.handle.epoch {
            contents.open = false;
        }
    }
}

struct MemoryLog {
    handle: Handle,
}

impl LogFiles for MemoryLog {
    fn write(&self, ops: &[LogOp]) -> io::Result<()> {
        self.handle.write(|contents| {
            ops.iter().for_each(|op| contents.written.write(op));
            contents.unsynced.extend_from_slice(ops);
        })
    }

    fn sync(&self) -> io::Result<()> {
        let failing = self.handle.read(|contents| contents.failing_syncs.clone())?;
        if let Some(why) = failing {
            return Err(failure(why));
        }
        self.handle.write(|contents| {
            let unsynced = std::mem::take(&mut contents.unsynced);
            unsynced.iter().for_each(|op| contents.synced.write(op));
        })
    }

    fn read(&self, from: u64, to: u64, bytes_max: usize) -> io::Result<Vec<Bytes>> {
        self.handle.read(|contents| {
            let mut bytes = 0;
            let fits = |record: &&Bytes| {
                let first = bytes == 0;
                bytes += record.len();
                first || bytes <= bytes_max
            };
            contents
                .written
                .entries
                .range(from..to.max(from))
                .map(|(_, record)| record)
                .take_while(fits)
                .cloned()
                .collect()
        })
    }

    fn last(&self) -> io::Result<Option<Bytes>> {
        self.handle.read(|contents| contents.written.entries.last_key_value().map(|(_, record)| record.clone()))
    }

    fn fact(&self, fact: Fact) -> io::Result<Option<Vec<u8>>> {
        self.handle.read(|contents| contents.written.facts.get(&fact).cloned())
    }

    fn watermark(&self) -> io::Result<Option<Watermark>> {
        self.handle.read(|contents| contents.watermark)
    }

    fn set_watermark(&self, mark: &Watermark) -> io::Result<()> {
        self.handle.write(|contents| contents.watermark = Some(*mark))
    }

    fn background_errors(&self) -> io::Result<u64> {
        self.handle.read(|_| 0)
    }

    fn sync_pause(&self) -> Duration {
        Duration::from_millis(self.handle.disk.contents().sync_ms)
    }
}

struct MemoryRows {
    handle: Handle,
    place: u64,
}

impl MemoryRows {
    fn read<T>(&self, read: impl FnOnce(&RowsImage) -> T) -> io::Result<T> {
        self.handle.read(|contents| contents.places.get(&self.place).map(read))?.ok_or_else(closed)
    }

    fn change<T>(&self, change: impl FnOnce(&mut RowsImage) -> T) -> io::Result<T> {
        let changed = self.handle.write(|contents| contents.places.get_mut(&self.place).map(change))?;
        changed.ok_or_else(closed)
    }
}

impl RowFiles for MemoryRows {
    fn write(&self, rows: &[Row], applied: &AppliedRecord) -> io::Result<()> {
        self.change(|image| {
            image.written.write(rows);
            image.written.applied = Some(applied.clone());
        })
    }

    fn fill(&self, rows: &[Row]) -> io::Result<()> {
        self.change(|image| image.written.write(rows))
    }

    fn get(&self, table: Table, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.read(|image| {
            image.written.tables.get(&(table as u8)).and_then(|rows| rows.get(key)).map(|value| value.to_vec())
        })
    }

    fn range(&self, table: Table, from: &[u8], to: Option<&[u8]>, limit: usize) -> io::Result<Vec<KeyAndValue>> {
        self.read(|image| {
            let wanted = image.written.from(table, from).take_while(|(key, _)| to.is_none_or(|to| &key[..] < to));
            wanted.take(limit).map(|(key, value)| (key.clone(), value.to_vec())).collect()
        })
    }

    fn applied(&self) -> io::Result<Option<AppliedRecord>> {
        self.read(|image| image.written.applied.clone())
    }

    fn persist(&self) -> io::Result<Option<AppliedRecord>> {
        self.change(|image| {
            image.flushed = image.written.clone();
            image.flushed.applied.clone()
        })
    }

    fn view(&self) -> io::Result<Arc<dyn RowView>> {
        Ok(Arc::new(MemoryView { rows: self.read(|image| image.written.clone())? }))
    }

    fn background_errors(&self) -> io::Result<u64> {
        self.handle.read(|_| 0)
    }

    fn place(&self) -> u64 {
        self.place
    }
}

struct MemoryView {
    rows: Rows,
}

impl RowView for MemoryView {
    fn applied(&self) -> io::Result<Option<AppliedRecord>> {
        Ok(self.rows.applied.clone())
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, bytes_max: usize) -> io::Result<Vec<KeyAndValue>> {
        let from = after.unwrap_or_default();
        let rows = self.rows.from(table, from).filter(|(key, _)| Some(&key[..]) != after);
        let mut bytes = 0;
        let fits = |(key, value): &(&Vec<u8>, &Bytes)| {
            let first = bytes == 0;
            bytes += key.len() + value.len();
            first || bytes <= bytes_max
        };
        Ok(rows.take_while(fits).map(|(key, value)| (key.clone(), value.to_vec())).collect())
    }
}

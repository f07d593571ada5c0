//! Rows in a RocksDB instance, a column family a table, the applied record in the default family.
//!
//! No write-ahead log: the Raft log is the durable part. All families are flushed as one, or the applied record could be
//! ahead of the rows. RocksDB does so by itself where a memtable is full (`atomic_flush`); asked through its C interface it
//! flushes the one family that it was asked for, whatever that option says. A checkpoint flushes all, and is what a power
//! cut would leave.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use muster_model::cluster::{Row, Table};
use prost::Message;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    ColumnFamily, DB, DBCompressionType, DBRawIterator, Options, ReadOptions, Snapshot, WriteBatch, WriteOptions,
};

use super::rocks_log::{BYTES_A_SYNC, background_errors, open_error};
use super::{KeyAndValue, RowFiles, RowView, closed, failure};
use crate::encoding::AppliedRecord;
use crate::errors::OpenError;

const APPLIED: &[u8] = b"applied";
const MEMTABLE_BYTES: usize = 64 << 20;
const INFO_LOGS_KEPT: usize = 4;

pub(super) struct RocksRows {
    directory: PathBuf,
    place: u64,
    db: RwLock<Option<Arc<DB>>>,
    /// Two may ask for a flush at once, and the checkpoint has one place; held while the database is in use for it.
    flushing: Mutex<()>,
}

impl RocksRows {
    pub(super) fn open(directory: &Path, place: u64) -> Result<RocksRows, OpenError> {
        let db =
            DB::open_cf_descriptors(&options(), directory, families()).map_err(|error| open_error(directory, error))?;
        let db = RwLock::new(Some(Arc::new(db)));
        Ok(RocksRows { directory: directory.into(), place, db, flushing: Mutex::new(()) })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The database goes away with its last reader. A flush under way has a thread of its own, which nobody else waits for.
    pub(super) fn close(&self) {
        let _no_flush = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        self.db.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn db(&self) -> io::Result<Arc<DB>> {
        self.db.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_atomic_flush(true);
    options.set_paranoid_checks(true);
    options.set_keep_log_file_num(INFO_LOGS_KEPT);
    options.set_bytes_per_sync(BYTES_A_SYNC);
    // RocksDB's own log stands on the same disk, and writing to it when that is full aborts the process: errors come to us.
    options.set_log_level(rocksdb::LogLevel::Fatal);
    options
}

fn family_options() -> Options {
    let mut options = Options::default();
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    options
}

fn families() -> Vec<rocksdb::ColumnFamilyDescriptor> {
    let names = std::iter::once(rocksdb::DEFAULT_COLUMN_FAMILY_NAME).chain(Table::ALL.into_iter().map(family_name));
    names.map(|name| rocksdb::ColumnFamilyDescriptor::new(name, family_options())).collect()
}

/// DURABLE: the name of each column family.
fn family_name(table: Table) -> &'static str {
    match table {
        Table::Meta => "meta",
        Table::Config => "config",
        Table::Replicas => "replicas",
        Table::Nodes => "nodes",
        Table::Partitions => "partitions",
        Table::Jobs => "jobs",
        Table::Requests => "requests",
        Table::Blobs => "blobs",
        Table::BlobBytes => "blob_bytes",
        Table::History => "history",
        Table::Work => "work",
        Table::Outbox => "outbox",
        Table::Fences => "fences",
    }
}

fn family(db: &DB, table: Table) -> io::Result<&ColumnFamily> {
    db.cf_handle(family_name(table)).ok_or_else(|| failure(format!("no column family {}", family_name(table))))
}

fn batch_of(db: &DB, rows: &[Row]) -> io::Result<WriteBatch> {
    let mut batch = WriteBatch::default();
    for row in rows {
        let family = family(db, row.table)?;
        match &row.value {
            Some(value) => batch.put_cf(family, &row.key, value),
            None => batch.delete_cf(family, &row.key),
        }
    }
    Ok(batch)
}

fn write(db: &DB, batch: WriteBatch) -> io::Result<()> {
    let mut options = WriteOptions::default();
    options.disable_wal(true);
    db.write_opt(batch, &options).map_err(failure)
}

/// Flushes all families as one, synced, and links the files of that moment into `to`.
fn checkpoint(db: &DB, to: &Path) -> io::Result<()> {
    Checkpoint::new(db).and_then(|checkpoint| checkpoint.create_checkpoint(to)).map_err(failure)
}

/// Of rows that nobody has open.
fn read_applied(directory: &Path) -> io::Result<Option<AppliedRecord>> {
    let names = std::iter::once(rocksdb::DEFAULT_COLUMN_FAMILY_NAME);
    let db = DB::open_cf_for_read_only(&Options::default(), directory, names, false).map_err(failure)?;
    decode_applied(db.get(APPLIED).map_err(failure)?)
}

fn drop_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn decode_applied(bytes: Option<Vec<u8>>) -> io::Result<Option<AppliedRecord>> {
    bytes.map(|bytes| AppliedRecord::decode(&bytes[..])).transpose().map_err(failure)
}

/// Rows from where `rows` stands, while `wanted` says so.
fn collect(mut rows: DBRawIterator<'_>, mut wanted: impl FnMut(&[u8], &[u8]) -> bool) -> io::Result<Vec<KeyAndValue>> {
    let mut found = Vec::new();
    while let Some((key, value)) = rows.item() {
        if !wanted(key, value) {
            break;
        }
        found.push((key.to_vec(), value.to_vec()));
        rows.next();
    }
    rows.status().map_err(failure)?;
    Ok(found)
}

impl RowFiles for RocksRows {
    fn write(&self, rows: &[Row], applied: &AppliedRecord) -> io::Result<()> {
        let db = self.db()?;
        let mut batch = batch_of(&db, rows)?;
        batch.put(APPLIED, applied.encode_to_vec());
        write(&db, batch)
    }

    fn fill(&self, rows: &[Row]) -> io::Result<()> {
        let db = self.db()?;
        write(&db, batch_of(&db, rows)?)
    }

    fn get(&self, table: Table, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let db = self.db()?;
        db.get_cf(family(&db, table)?, key).map_err(failure)
    }

    fn range(&self, table: Table, from: &[u8], to: Option<&[u8]>, limit: usize) -> io::Result<Vec<KeyAndValue>> {
        let db = self.db()?;
        let mut rows = db.raw_iterator_cf(family(&db, table)?);
        rows.seek(from);
        let mut left = limit;
        collect(rows, |key, _| {
            let wanted = left > 0 && to.is_none_or(|to| key < to);
            left = left.saturating_sub(1);
            wanted
        })
    }

    fn applied(&self) -> io::Result<Option<AppliedRecord>> {
        decode_applied(self.db()?.get(APPLIED).map_err(failure)?)
    }

    fn persist(&self) -> io::Result<Option<AppliedRecord>> {
        let _one_at_a_time = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let db = self.db()?;
        // One that a kill left behind goes when the store is opened: it is no row place in force.
        let flushed = self.directory.with_extension("flushed");
        drop_directory(&flushed)?;
        let applied = checkpoint(&db, &flushed).and_then(|()| read_applied(&flushed));
        drop_directory(&flushed)?;
        applied
    }

    fn view(&self) -> io::Result<Arc<dyn RowView>> {
        Ok(Arc::new(RocksView::new(self.db()?)))
    }

    fn background_errors(&self) -> io::Result<u64> {
        let db = self.db()?;
        background_errors(&db)
    }

    fn place(&self) -> u64 {
        self.place
    }
}

/// A RocksDB snapshot together with the database that it is of.
struct RocksView {
    // Order matters: fields are dropped in order, the snapshot before its database.
    snapshot: Snapshot<'static>,
    db: Arc<DB>,
}

impl RocksView {
    fn new(db: Arc<DB>) -> RocksView {
        let snapshot = db.snapshot();
        // SAFETY: the snapshot borrows the `DB` inside the `Arc`, which does not move, and which `db` keeps alive until after
        // the snapshot was dropped (field order). Nothing hands the snapshot out with the longer lifetime.
        let snapshot = unsafe { std::mem::transmute::<Snapshot<'_>, Snapshot<'static>>(snapshot) };
        RocksView { snapshot, db }
    }
}

impl RowView for RocksView {
    fn applied(&self) -> io::Result<Option<AppliedRecord>> {
        decode_applied(self.snapshot.get(APPLIED).map_err(failure)?)
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, bytes_max: usize) -> io::Result<Vec<KeyAndValue>> {
        let family = family(&self.db, table)?;
        let mut rows = self.snapshot.raw_iterator_cf_opt(family, ReadOptions::default());
        match after {
            Some(after) => {
                rows.seek(after);
                if rows.key() == Some(after) {
                    rows.next();
                }
            }
            None => rows.seek_to_first(),
        }
        let mut bytes = 0;
        collect(rows, |key, value| {
            let size = key.len() + value.len();
            let wanted = bytes == 0 || bytes + size <= bytes_max;
            bytes += size;
            wanted
        })
    }
}

//! Log and vote in a RocksDB instance of their own, with a synced write-ahead log; the watermark in a file beside it.
//!
//! RocksDB drops an incomplete last record when it opens, and refuses any other damage of its write-ahead log; what it
//! dropped is judged by the watermark.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use rocksdb::{DB, DBCompressionType, DBRecoveryMode, IteratorMode, Options, WriteBatch, WriteOptions};

use super::watermark::{SLOT_BYTES, decode_slot, encode_slot};
use super::{Fact, LogFiles, LogOp, Watermark, closed, failure};
use crate::errors::OpenError;

const ENTRY: u8 = b'e';
const FACT: u8 = b'f';
const MEMTABLE_BYTES: usize = 32 << 20;
const INFO_LOGS_KEPT: usize = 4;
/// A table file is written back as it grows: where tens of MiB are left to its sync at the end, the log's own syncs on the same
/// file system wait for them.
pub(super) const BYTES_A_SYNC: u64 = 1 << 20;

pub(super) struct RocksLog {
    db: RwLock<Option<Arc<DB>>>,
    mark: Mutex<File>,
}

impl RocksLog {
    pub(super) fn open(directory: &Path, mark: &Path) -> Result<RocksLog, OpenError> {
        let db = DB::open(&options(), directory).map_err(|error| open_error(directory, error))?;
        let mark_file = open_mark(mark).map_err(|error| OpenError::Io { path: mark.into(), why: error.to_string() })?;
        Ok(RocksLog { db: RwLock::new(Some(Arc::new(db))), mark: Mutex::new(mark_file) })
    }

    /// The database goes away with its last reader.
    pub(super) fn close(&self) {
        self.db.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn db(&self) -> io::Result<Arc<DB>> {
        self.db.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_paranoid_checks(true);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_keep_log_file_num(INFO_LOGS_KEPT);
    options.set_bytes_per_sync(BYTES_A_SYNC);
    // RocksDB's own log stands on the same disk, and writing to it when that is full aborts the process: errors come to us.
    options.set_log_level(rocksdb::LogLevel::Fatal);
    options
}

/// RocksDB says `Corruption: …` for damage; everything else is the system's.
pub(super) fn open_error(path: &Path, error: rocksdb::Error) -> OpenError {
    match error.kind() {
        rocksdb::ErrorKind::Corruption => {
            OpenError::Damaged { path: path.into(), why: name_the_log(path, error.into_string()) }
        }
        _ => OpenError::Io { path: path.into(), why: error.into_string() },
    }
}

/// RocksDB names the files of its tables, but not those of its write-ahead log; there are one or two of them.
fn name_the_log(path: &Path, why: String) -> String {
    let of_log = |name: &String| name.ends_with(".log") && !why.contains(name);
    let names = std::fs::read_dir(path).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok()).filter(of_log);
    let mut names: Vec<String> = names.collect();
    names.sort();
    if names.is_empty() || why.contains(".sst") || why.contains("MANIFEST") {
        return why;
    }
    format!("{why}, in {}", names.join(" or "))
}

/// How many; but where RocksDB stopped writing because of one, the error is that one, which names file and cause.
pub(super) fn background_errors(db: &DB) -> io::Result<u64> {
    let errors = db.property_int_value("rocksdb.background-errors").map_err(failure)?.unwrap_or(0);
    if errors > 0 {
        // An empty batch changes nothing, and is refused as any other.
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        db.write_opt(WriteBatch::default(), &options).map_err(failure)?;
    }
    Ok(errors)
}

fn open_mark(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if file.metadata()?.len() < 2 * SLOT_BYTES as u64 {
        file.write_all_at(&[0; 2 * SLOT_BYTES], 0)?;
        file.sync_all()?;
        File::open(path.parent().expect("a file stands in a directory"))?.sync_all()?;
    }
    Ok(file)
}

fn entry_key(index: u64) -> [u8; 9] {
    let mut key = [ENTRY; 9];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

fn fact_key(fact: Fact) -> [u8; 2] {
    [FACT, fact as u8]
}

/// After every entry.
const PAST_ENTRIES: [u8; 1] = [ENTRY + 1];

impl LogFiles for RocksLog {
    fn write(&self, ops: &[LogOp]) -> io::Result<()> {
        let db = self.db()?;
        let mut batch = WriteBatch::default();
        for op in ops {
            match op {
                LogOp::Put { index, record } => batch.put(entry_key(*index), record),
                LogOp::TruncateFrom(from) => batch.delete_range(&entry_key(*from)[..], &PAST_ENTRIES[..]),
                LogOp::PurgeTo(to) => batch.delete_range(entry_key(0), entry_key(to.saturating_add(1))),
                LogOp::Set(fact, value) => batch.put(fact_key(*fact), value),
            }
        }
        db.write_opt(batch, &WriteOptions::default()).map_err(failure)?;
        if let Some(LogOp::PurgeTo(to)) = ops.iter().rfind(|op| matches!(op, LogOp::PurgeTo(_))) {
            db.delete_file_in_range(entry_key(0), entry_key(*to)).map_err(failure)?;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.db()?.flush_wal(true).map_err(failure)
    }

    fn read(&self, from: u64, to: u64, bytes_max: usize) -> io::Result<Vec<Bytes>> {
        let db = self.db()?;
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut rows = db.raw_iterator();
        rows.seek(entry_key(from));
        while let Some((key, value)) = rows.item() {
            if key >= &entry_key(to)[..] || (bytes > 0 && bytes + value.len() > bytes_max) {
                break;
            }
            bytes += value.len();
            records.push(Bytes::copy_from_slice(value));
            rows.next();
        }
        rows.status().map_err(failure)?;
        Ok(records)
    }

    fn last(&self) -> io::Result<Option<Bytes>> {
        let db = self.db()?;
        let mode = IteratorMode::From(&PAST_ENTRIES, rocksdb::Direction::Reverse);
        match db.iterator(mode).next() {
            Some(Ok((key, value))) if key.first() == Some(&ENTRY) => Ok(Some(Bytes::from(value.into_vec()))),
            Some(Err(error)) => Err(failure(error)),
            _ => Ok(None),
        }
    }

    fn fact(&self, fact: Fact) -> io::Result<Option<Vec<u8>>> {
        self.db()?.get(fact_key(fact)).map_err(failure)
    }

    fn watermark(&self) -> io::Result<Option<Watermark>> {
        let mut slots = [0; 2 * SLOT_BYTES];
        self.mark.lock().unwrap_or_else(PoisonError::into_inner).read_exact_at(&mut slots, 0)?;
        let marks = slots.chunks(SLOT_BYTES).filter_map(decode_slot);
        Ok(marks.max_by_key(|mark| mark.sequence))
    }

    fn set_watermark(&self, mark: &Watermark) -> io::Result<()> {
        let file = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all_at(&encode_slot(mark), (mark.sequence % 2) * SLOT_BYTES as u64)?;
        file.sync_data()
    }

    fn background_errors(&self) -> io::Result<u64> {
        let db = self.db()?;
        background_errors(&db)
    }
}

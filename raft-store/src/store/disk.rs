//! The directory of one replica.
//!
//! ```text
//! lock         held while a process has it
//! identity     checksum and IdentityRecord, replaced atomically
//! log/         RocksDB: entries and vote
//! watermark    what was acknowledged, two slots
//! rows         names the row place in force
//! rows-N/      RocksDB: the replicated rows
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use rustix::fs::{FlockOperation, flock};

use super::rocks_log::RocksLog;
use super::rocks_rows::RocksRows;
use super::{LogFiles, RowFiles, Store, failure};
use crate::encoding::{IdentityRecord, crc32c};
use crate::errors::OpenError;
use crate::identity::{Identity, StoreState};

/// The directory, locked, and whose it is.
pub(super) struct Home {
    directory: PathBuf,
    lock: Mutex<Option<File>>,
    state: Mutex<StoreState>,
}

impl Home {
    pub(super) fn open(directory: &Path) -> Result<Home, OpenError> {
        fs::create_dir_all(directory).map_err(|error| io_error(directory, error))?;
        let lock = lock(&directory.join("lock"))?;
        let path = directory.join("identity");
        let state = match fs::read(&path) {
            Ok(bytes) => decode_identity(&bytes).ok_or_else(|| damaged(&path, "its checksum does not match"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => first_sight(directory)?,
            Err(error) => return Err(io_error(&path, error)),
        };
        Ok(Home { directory: directory.into(), lock: Mutex::new(Some(lock)), state: Mutex::new(state) })
    }

    pub(super) fn state(&self) -> StoreState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An empty directory gets its store id; one with data but without an identity lost it.
fn first_sight(directory: &Path) -> Result<StoreState, OpenError> {
    if directory.join("log").exists() {
        return Err(damaged(&directory.join("identity"), "it is missing beside a log"));
    }
    let state = StoreState { store_id: rand::random(), identity: None };
    write_atomically(&directory.join("identity"), &encode_identity(&state))
        .map_err(|error| io_error(directory, error))?;
    Ok(state)
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| io_error(path, error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Locked { path: path.into() }),
        Err(error) => Err(io_error(path, error.into())),
    }
}

fn io_error(path: &Path, error: io::Error) -> OpenError {
    OpenError::Io { path: path.into(), why: error.to_string() }
}

fn damaged(path: &Path, why: &str) -> OpenError {
    OpenError::Damaged { path: path.into(), why: why.into() }
}

/// Written beside, synced, renamed, and the directory synced.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_directory(path.parent().expect("a file stands in a directory"))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn encode_identity(state: &StoreState) -> Vec<u8> {
    let identity = state.identity.as_ref();
    let record = IdentityRecord {
        store_id: state.store_id.to_vec(),
        cluster_id: identity.map(|identity| identity.cluster_id.to_vec()).unwrap_or_default(),
        generation: identity.map_or(0, |identity| identity.generation),
        replica: identity.map_or(0, |identity| identity.replica),
        name: identity.map(|identity| identity.name.clone()).unwrap_or_default(),
    };
    let body = record.encode_to_vec();
    [&crc32c(&body).to_le_bytes()[..], &body].concat()
}

fn decode_identity(bytes: &[u8]) -> Option<StoreState> {
    let (checksum, body) = bytes.split_first_chunk::<4>()?;
    if crc32c(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let record = IdentityRecord::decode(body).ok()?;
    let store_id = record.store_id.try_into().ok()?;
    let identity = match record.cluster_id.try_into() {
        Ok(cluster_id) => Some(Identity {
            cluster_id,
            generation: record.generation,
            replica: record.replica,
            store_id,
            name: record.name,
        }),
        Err(_) => None,
    };
    Some(StoreState { store_id, identity })
}

/// A replica's directory with its databases open.
pub(super) struct DiskStore {
    home: Home,
    log: Arc<RocksLog>,
    rows: Mutex<Places>,
}

struct Places {
    current: Arc<RocksRows>,
    fresh: Option<Arc<RocksRows>>,
    next: u64,
}

impl DiskStore {
    pub(super) fn open(directory: &Path) -> Result<DiskStore, OpenError> {
        let home = Home::open(directory)?;
        let log = RocksLog::open(&directory.join("log"), &directory.join("watermark"))?;
        let place = current_place(directory)?;
        drop_other_places(directory, place).map_err(|error| io_error(directory, error))?;
        let current = RocksRows::open(&place_path(directory, place), place)?;
        sync_directory(directory).map_err(|error| io_error(directory, error))?;
        let places = Places { current: Arc::new(current), fresh: None, next: place + 1 };
        Ok(DiskStore { home, log: Arc::new(log), rows: Mutex::new(places) })
    }
}

fn place_path(directory: &Path, place: u64) -> PathBuf {
    directory.join(format!("rows-{place}"))
}

fn current_place(directory: &Path) -> Result<u64, OpenError> {
    const FIRST: u64 = 1;
    let path = directory.join("rows");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let place = text.trim_end().strip_prefix("rows-").and_then(|number| number.parse().ok());
            place.ok_or_else(|| damaged(&path, "it names no rows"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_atomically(&path, format!("rows-{FIRST}\n").as_bytes()).map_err(|error| io_error(&path, error))?;
            Ok(FIRST)
        }
        Err(error) => Err(io_error(&path, error)),
    }
}

/// What a crash left behind of a snapshot that was not switched to, or of rows that were switched from.
fn drop_other_places(directory: &Path, current: u64) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("rows-") && path != place_path(directory, current) {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

impl Store for DiskStore {
    fn path(&self) -> PathBuf {
        self.home.directory.clone()
    }

    fn state(&self) -> StoreState {
        self.home.state()
    }

    fn set_identity(&self, identity: &Identity) -> io::Result<()> {
        let mut state = self.home.state.lock().unwrap_or_else(PoisonError::into_inner);
        let next = StoreState { store_id: state.store_id, identity: Some(identity.clone()) };
        write_atomically(&self.home.directory.join("identity"), &encode_identity(&next))?;
        *state = next;
        Ok(())
    }

    fn log(&self) -> Arc<dyn LogFiles> {
        self.log.clone()
    }

    fn rows(&self) -> Arc<dyn RowFiles> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).current.clone()
    }

    fn fresh_rows(&self) -> io::Result<Arc<dyn RowFiles>> {
        let mut places = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(abandoned) = places.fresh.take() {
            abandoned.close();
            fs::remove_dir_all(abandoned.directory())?;
        }
        let place = places.next;
        places.next += 1;
        let path = place_path(&self.home.directory, place);
        let fresh = Arc::new(RocksRows::open(&path, place).map_err(failure)?);
        places.fresh = Some(fresh.clone());
        Ok(fresh)
    }

    fn switch_rows(&self, fresh: Arc<dyn RowFiles>) -> io::Result<()> {
        let mut places = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(next) = places.fresh.take_if(|next| next.place() == fresh.place()) else {
            return Err(failure("another snapshot came in between"));
        };
        sync_directory(next.directory())?;
        write_atomically(&self.home.directory.join("rows"), format!("rows-{}\n", next.place()).as_bytes())?;
        let old = std::mem::replace(&mut places.current, next);
        old.close();
        // A reader may still hold the old database; its files go when this directory is opened next, if not now.
        if let Err(error) = fs::remove_dir_all(old.directory()) {
            tracing::warn!(path = %old.directory().display(), %error, "old rows stay until the next start");
        }
        Ok(())
    }

    fn blocks(&self) -> bool {
        true
    }

    fn close(&self) {
        self.log.close();
        let mut places = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        places.current.close();
        if let Some(fresh) = places.fresh.take() {
            fresh.close();
        }
        self.home.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

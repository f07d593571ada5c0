//! A snapshot becomes a new store, whose replica is the cluster's only voter. Others are admitted afterwards, as ever.

use std::io::Read;
use std::path::{Path, PathBuf};

use prost::Message;

use super::file::Chunks;
use super::inspect::{begin, cluster_id};
use super::{BackupError, NewHome, alone, first_of_generation, next_generation};
use crate::encoding::{AppliedRecord, Position, VoteRecord};
use crate::errors::OpenError;
use crate::identity::Identity;
use crate::options::StoreKind;
use crate::store::{self, Fact, LogOp, Store, Watermark};

/// Replica ids that are passed over: more than can have been admitted since the snapshot was taken.
const REPLICAS_PASSED_OVER: u64 = 1_000;

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Whose store it is now.
    pub identity: Identity,
    /// The last entry of the snapshot.
    pub index: u64,
}

/// Makes an empty store the one replica of a new generation of the cluster that `source` is a snapshot of. On a disk it is
/// made beside its place and moved there at the end: a restore that breaks off leaves nothing that could be taken for one.
///
/// # Errors
/// The snapshot is not whole, or the store is not empty. Nothing is in place then.
pub fn restore(kind: &StoreKind, source: impl Read, home: &NewHome) -> Result<Restored, BackupError> {
    match kind {
        StoreKind::Memory(_) => {
            let made = store::open(kind)?;
            let restored = restore_into(&*made, source, home);
            made.close();
            restored
        }
        StoreKind::Disk(path) => {
            check_empty(path)?;
            let beside = beside(path);
            remove(&beside)?;
            let made = store::open(&StoreKind::Disk(beside.clone()))?;
            let restored = restore_into(&*made, source, home);
            made.close();
            drop(made);
            if restored.is_err() {
                remove(&beside)?;
                return restored;
            }
            remove(path)?;
            std::fs::rename(&beside, path)?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                std::fs::File::open(parent)?.sync_all()?;
            }
            restored
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".restoring");
    path.with_file_name(name)
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// A store that a controller only looked at is empty too.
fn check_empty(path: &Path) -> Result<(), BackupError> {
    if path.exists() {
        let state = store::peek(&StoreKind::Disk(path.into()))?;
        if state.identity.is_some() || path.join("log").exists() {
            return Err(BackupError::NotEmpty { path: path.into() });
        }
    }
    Ok(())
}

fn restore_into(store: &dyn Store, source: impl Read, home: &NewHome) -> Result<Restored, BackupError> {
    if store.state().identity.is_some() || store.log().last()?.is_some() {
        return Err(BackupError::NotEmpty { path: store.path() });
    }
    let mut chunks = Chunks::open(source)?;
    let (header, mut intake) = begin(&mut chunks)?;
    let rows = store.fresh_rows()?;
    while !intake.take(&chunks.next()?, &mut |part| rows.fill(part)).map_err(BackupError::Snapshot)? {}
    chunks.end()?;
    let cluster = intake.into_cluster();
    let meta = cluster.meta();
    let identity = Identity {
        cluster_id: cluster_id(&header)?,
        generation: next_generation(header.generation.max(meta.generation), home),
        replica: meta.next_replica + REPLICAS_PASSED_OVER,
        store_id: store.state().store_id,
        name: home.name.clone(),
    };
    let at = header.applied.at;
    let membership = alone(identity.replica, &home.address, Some(at));
    let applied = AppliedRecord { at, membership, installed: Some(at) };
    rows.write(&[], &applied)?;
    if rows.persist()?.as_ref() != Some(&applied) {
        return Err(io_error(store, "the rows were not flushed").into());
    }
    store.switch_rows(rows)?;
    write_log(store, at, &identity, home, meta.cluster_ms, meta.feature_level)?;
    store.set_identity(&identity)?;
    Ok(Restored { identity, index: at.index })
}

fn io_error(store: &dyn Store, why: &str) -> OpenError {
    OpenError::Io { path: store.path(), why: why.into() }
}

/// The log before is in the rows; the generation's first entry is all that it has.
fn write_log(
    store: &dyn Store,
    at: Position,
    identity: &Identity,
    home: &NewHome,
    stamp_ms: u64,
    feature_level: u32,
) -> Result<(), BackupError> {
    let first = Position { term: at.term, index: at.index + 1 };
    let record = first_of_generation(first, identity, home, stamp_ms, feature_level);
    let vote = VoteRecord { term: at.term, candidate: identity.replica, won: false };
    let log = store.log();
    log.write(&[
        LogOp::Set(Fact::Purged, at.encode_to_vec()),
        LogOp::Set(Fact::Vote, vote.encode_to_vec()),
        LogOp::Put { index: first.index, record: record.encode_to_vec().into() },
    ])?;
    log.sync()?;
    log.set_watermark(&Watermark { sequence: 1, last: Some(first), vote: Some(vote) })?;
    Ok(())
}

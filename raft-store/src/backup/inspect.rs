//! What a snapshot file holds. Reads all of it, and loads the state to see that its digest agrees.

use std::collections::BTreeMap;
use std::io::Read;

use super::BackupError;
use super::file::Chunks;
use crate::encoding::Header;
use crate::raft::Intake;

/// What a snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// `ClusterName`.
    pub cluster_name: String,
    /// Minted when the cluster was founded.
    pub cluster_id: [u8; 16],
    /// Of the cluster that it was taken of.
    pub generation: u64,
    /// The last entry in it.
    pub index: u64,
    /// The term of that entry.
    pub term: u64,
    /// Cluster time, milliseconds since the epoch.
    pub cluster_ms: u64,
    /// What the state is worth.
    pub digest: u128,
    /// Rows, by the name of their table.
    pub rows: BTreeMap<String, u64>,
}

/// Reads a snapshot to its end.
///
/// # Errors
/// It is cut or damaged, or of a newer version.
pub fn inspect(source: impl Read) -> Result<SnapshotInfo, BackupError> {
    let mut chunks = Chunks::open(source)?;
    let (header, mut intake) = begin(&mut chunks)?;
    let mut rows = BTreeMap::new();
    let mut count = |part: &[muster_model::cluster::Row]| {
        for row in part {
            *rows.entry(format!("{:?}", row.table)).or_insert(0) += 1;
        }
        Ok(())
    };
    while !intake.take(&chunks.next()?, &mut count).map_err(BackupError::Snapshot)? {}
    chunks.end()?;
    let cluster = intake.into_cluster();
    let meta = cluster.meta();
    Ok(SnapshotInfo {
        cluster_name: meta.cluster_name.clone(),
        cluster_id: cluster_id(&header)?,
        generation: header.generation,
        index: header.applied.at.index,
        term: header.applied.at.term,
        cluster_ms: meta.cluster_ms,
        digest: cluster.digest(),
        rows,
    })
}

/// Reads the header.
pub(super) fn begin<R: Read>(chunks: &mut Chunks<R>) -> Result<(Header, Intake), BackupError> {
    Intake::begin(&chunks.next()?).map_err(BackupError::Snapshot)
}

pub(super) fn cluster_id(header: &Header) -> Result<[u8; 16], BackupError> {
    let id = header.cluster_id.as_slice().try_into();
    id.map_err(|_| BackupError::Snapshot("the snapshot is damaged: a cluster id has 16 bytes".into()))
}

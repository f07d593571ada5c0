//! Scripts and environments, kept once by content, with counted references.
//!
//! Their bytes stand on disk only. A blob that no job refers to is dropped when the last reference goes, or, if none ever
//! came, when it has been left alone for [`UNREFERENCED_MS`].

use bytes::Bytes;
use muster_dialect::errno;
use muster_proto::durable::{BlobRef, BlobRow, JobSpec, PutBlobChunk};
use sha2::{Digest as _, Sha256};

use super::changes::{Row, Table};
use super::ruling::{Refusal, Ruling, done};
use super::state::{Cluster, Hash};

/// Bytes of one row of `BlobBytes`.
pub const CHUNK_BYTES_MAX: usize = 512 * 1024;
/// Bytes of one blob.
pub const BLOB_BYTES_MAX: u64 = 64 << 20;
/// Blobs without references, that are waiting for their job.
pub(super) const UNREFERENCED_BLOBS_MAX: usize = 4_096;
/// How long such a blob is kept, in ms of cluster time.
pub(super) const UNREFERENCED_MS: u64 = 10 * 60 * 1_000;

impl Cluster {
    /// Chunks come in order; a repeat of one that is stored is done already.
    pub(super) fn put_blob_chunk(&mut self, chunk: &PutBlobChunk) -> Ruling {
        let hash = Hash::try_from(&chunk.hash[..]).map_err(|_| bad("a hash has 32 bytes"))?;
        let end = chunk.offset.saturating_add(chunk.data.len() as u64);
        if chunk.data.is_empty()
            || chunk.data.len() > CHUNK_BYTES_MAX
            || end > chunk.size
            || chunk.size > BLOB_BYTES_MAX
        {
            return Err(bad("size or offset of a chunk"));
        }
        self.drop_unreferenced_blobs();
        let known = self.blobs.get(&hash).cloned();
        let row = known.unwrap_or(BlobRow { size: chunk.size, ..BlobRow::default() });
        if row.size != chunk.size {
            return Err(bad("another size than before"));
        }
        if end <= row.received {
            return Ok(done());
        }
        if chunk.offset != row.received || (chunk.offset > 0 && !chunk.offset.is_multiple_of(CHUNK_BYTES_MAX as u64)) {
            return Err(bad("a chunk before this one is missing"));
        }
        if !self.blobs.contains_key(&hash) && self.unreferenced_blobs() >= UNREFERENCED_BLOBS_MAX {
            return Err(Refusal::new(errno::ESLURM_MAX_JOB_COUNT, "too many scripts wait for their jobs"));
        }
        self.store_chunk(hash, row, &chunk.data);
        Ok(done())
    }

    fn store_chunk(&mut self, hash: Hash, mut row: BlobRow, data: &Bytes) {
        let key = [hash.as_slice(), &row.received.to_be_bytes()].concat();
        self.ledger.write_to_disk(Row { table: Table::BlobBytes, key, value: Some(data.to_vec()) });
        let chain = Sha256::new().chain_update(&row.chain).chain_update(data).finalize();
        row.chain = Bytes::copy_from_slice(&chain);
        row.received += data.len() as u64;
        row.touched_ms = self.now_ms();
        self.set_blob(hash, row);
    }

    fn set_blob(&mut self, hash: Hash, row: BlobRow) {
        self.ledger.touch(Table::Blobs, hash.to_vec());
        self.blobs.insert(hash, row);
    }

    /// Stores bytes that came inside of a command; `reference` names them.
    pub(super) fn take_inline_blob(&mut self, reference: Option<&BlobRef>, data: &Bytes) -> Result<(), Refusal> {
        let Some(reference) = reference.filter(|_| !data.is_empty()) else { return Ok(()) };
        let hash = Hash::try_from(&reference.hash[..]).map_err(|_| bad("a hash has 32 bytes"))?;
        if self.blobs.get(&hash).is_some_and(|row| row.received == row.size) {
            return Ok(());
        }
        if data.len() > CHUNK_BYTES_MAX || reference.size != data.len() as u64 || Sha256::digest(data)[..] != hash {
            return Err(bad("bytes that are not those named"));
        }
        self.store_chunk(hash, BlobRow { size: reference.size, ..BlobRow::default() }, data);
        Ok(())
    }

    /// Whether all bytes are there.
    pub(super) fn has_blob(&self, reference: &BlobRef) -> bool {
        self.blobs.get(&reference.hash[..]).is_some_and(|row| row.received == row.size && row.size == reference.size)
    }

    pub(super) fn add_references(&mut self, spec: &JobSpec) {
        for reference in references(spec) {
            self.add_reference(reference);
        }
    }

    pub(super) fn add_reference(&mut self, reference: &BlobRef) {
        let Ok(hash) = Hash::try_from(&reference.hash[..]) else { return };
        if let Some(mut row) = self.blobs.get(&hash).cloned() {
            row.references += 1;
            row.touched_ms = self.now_ms();
            self.set_blob(hash, row);
        }
    }

    pub(super) fn drop_references(&mut self, spec: &JobSpec) {
        for reference in references(spec) {
            self.drop_reference(reference);
        }
    }

    pub(super) fn drop_reference(&mut self, reference: &BlobRef) {
        let Ok(hash) = Hash::try_from(&reference.hash[..]) else { return };
        let Some(mut row) = self.blobs.get(&hash).cloned() else { return };
        row.references = row.references.saturating_sub(1);
        if row.references == 0 {
            self.remove_blob(hash, &row);
        } else {
            self.set_blob(hash, row);
        }
    }

    fn remove_blob(&mut self, hash: Hash, row: &BlobRow) {
        for offset in (0..row.received).step_by(CHUNK_BYTES_MAX) {
            let key = [hash.as_slice(), &offset.to_be_bytes()].concat();
            self.ledger.write_to_disk(Row { table: Table::BlobBytes, key, value: None });
        }
        self.blobs.remove(&hash);
        self.ledger.touch(Table::Blobs, hash.to_vec());
    }

    fn unreferenced_blobs(&self) -> usize {
        self.blobs.values().filter(|row| row.references == 0).count()
    }

    /// Walks the blobs; called only where one is being sent ahead of its job, which is rare.
    fn drop_unreferenced_blobs(&mut self) {
        let now = self.now_ms();
        let is_old = |row: &BlobRow| row.references == 0 && row.touched_ms.saturating_add(UNREFERENCED_MS) < now;
        let old: Vec<(Hash, BlobRow)> =
            self.blobs.iter().filter(|(_, row)| is_old(row)).map(|(hash, row)| (*hash, row.clone())).collect();
        for (hash, row) in old {
            self.remove_blob(hash, &row);
        }
    }
}

/// Script and environment, where it has them.
pub(super) fn references(spec: &JobSpec) -> impl Iterator<Item = &BlobRef> {
    [&spec.script, &spec.environment].into_iter().flatten().filter(|reference| !reference.hash.is_empty())
}

fn bad(why: &str) -> Refusal {
    Refusal::new(errno::ESLURM_WRITING_TO_FILE, why)
}

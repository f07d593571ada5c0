//! Scripts and environments, kept once by content, with counted references.
//!
//! Their bytes stand on disk only, and are those that the name says ([`muster_proto::blob`]): nobody leaves other ones for
//! somebody else's job. A blob that no job refers to is dropped when the last reference goes, or, if none ever came, when it
//! has been left alone for [`UNREFERENCED_MS`].

use std::collections::BTreeSet;

use bytes::Bytes;
use muster_dialect::errno;
use muster_proto::blob::{PART_BYTES_MAX, link};
use muster_proto::durable::{BlobRef, BlobRow, JobSpec, Origin, PutBlobChunk};

use super::changes::{Row, Table};
use super::ruling::{Refusal, Ruling, done};
use super::state::{Cluster, Hash};

/// Bytes of one blob.
pub const BLOB_BYTES_MAX: u64 = 64 << 20;
/// Blobs without references, that are waiting for their job.
pub(super) const UNREFERENCED_BLOBS_MAX: usize = 4_096;
/// The same of one user who is no administrator.
pub(super) const UNREFERENCED_BLOBS_OF_USER_MAX: usize = 64;
/// How long such a blob is kept, in ms of cluster time.
pub(super) const UNREFERENCED_MS: u64 = 10 * 60 * 1_000;

impl Cluster {
    /// Chunks come in order; a repeat of one that is stored is done already.
    pub(super) fn put_blob_chunk(&mut self, origin: &Origin, chunk: &PutBlobChunk) -> Ruling {
        let hash = Hash::try_from(&chunk.hash[..]).map_err(|_| bad("a hash has 32 bytes"))?;
        let end = checked_end(chunk)?;
        self.drop_unreferenced_blobs();
        let row = match self.blobs.get(&hash).cloned() {
            Some(row) if row.received == row.size && row.size == chunk.size => {
                self.touch_blob(hash, row);
                return Ok(done());
            }
            Some(row) if row.received == row.size => return Err(bad("another size than before")),
            // What another user began may be anything: whoever comes with the first chunk begins anew.
            Some(row) if chunk.offset == 0 && (row.owner != origin.uid || row.size != chunk.size) => {
                if row.owner != origin.uid {
                    self.check_room(origin)?;
                }
                self.remove_blob(hash, &row);
                BlobRow { size: chunk.size, owner: origin.uid, ..BlobRow::default() }
            }
            Some(row) => row,
            None => {
                self.check_room(origin)?;
                BlobRow { size: chunk.size, owner: origin.uid, ..BlobRow::default() }
            }
        };
        if row.size != chunk.size {
            return Err(bad("another size than before"));
        }
        if end <= row.received {
            return Ok(done());
        }
        if chunk.offset != row.received {
            return Err(bad("a chunk before this one is missing"));
        }
        let chain = link(&row.chain, &chunk.data);
        if end == chunk.size && chain != hash {
            return Err(bad(NOT_THOSE));
        }
        self.store_chunk(hash, row, &chunk.data, chain);
        Ok(done())
    }

    /// Its job is on the way once more: it waits as long again. One that a job refers to needs no time.
    fn touch_blob(&mut self, hash: Hash, mut row: BlobRow) {
        if row.references == 0 {
            row.touched_ms = self.now_ms();
            self.set_blob(hash, row);
        }
    }

    /// For one more that goes ahead of its job.
    fn check_room(&self, origin: &Origin) -> Result<(), Refusal> {
        let own = |hash: &&Hash| self.blobs.get(*hash).is_some_and(|row| row.owner == origin.uid);
        let of_user = || self.unreferenced.iter().filter(own).count();
        if self.unreferenced.len() >= UNREFERENCED_BLOBS_MAX
            || (!origin.admin && of_user() >= UNREFERENCED_BLOBS_OF_USER_MAX)
        {
            return Err(Refusal::new(errno::ESLURM_MAX_JOB_COUNT, "too many scripts wait for their jobs"));
        }
        Ok(())
    }

    /// `chain` is what links `data` to what came before.
    fn store_chunk(&mut self, hash: Hash, mut row: BlobRow, data: &Bytes, chain: Hash) {
        let key = [hash.as_slice(), &row.received.to_be_bytes()].concat();
        self.ledger.write_to_disk(Row { table: Table::BlobBytes, key, value: Some(data.to_vec()) });
        row.chain = Bytes::copy_from_slice(&chain);
        row.received += data.len() as u64;
        row.touched_ms = self.now_ms();
        self.set_blob(hash, row);
    }

    fn set_blob(&mut self, hash: Hash, row: BlobRow) {
        self.ledger.touch(Table::Blobs, hash.to_vec());
        self.place_blob(hash, row);
    }

    /// In memory alone: also when rows are loaded.
    pub(super) fn place_blob(&mut self, hash: Hash, row: BlobRow) {
        match row.references {
            0 => self.unreferenced.insert(hash),
            _ => self.unreferenced.remove(&hash),
        };
        self.blobs.insert(hash, row);
    }

    /// Stores bytes that came inside of a command; `reference` names them.
    pub(super) fn take_inline_blob(&mut self, reference: Option<&BlobRef>, data: &Bytes) -> Result<(), Refusal> {
        let Some(reference) = reference.filter(|_| !data.is_empty()) else { return Ok(()) };
        let hash = Hash::try_from(&reference.hash[..]).map_err(|_| bad("a hash has 32 bytes"))?;
        if data.len() > PART_BYTES_MAX || reference.size != data.len() as u64 || link(&[], data) != hash {
            return Err(bad(NOT_THOSE));
        }
        if !self.has_blob(reference) {
            if let Some(begun) = self.blobs.get(&hash).cloned() {
                self.remove_blob(hash, &begun);
            }
            // Of one part, which the name is the link of.
            self.store_chunk(hash, BlobRow { size: reference.size, ..BlobRow::default() }, data, hash);
        }
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
        for offset in (0..row.received).step_by(PART_BYTES_MAX) {
            let key = [hash.as_slice(), &offset.to_be_bytes()].concat();
            self.ledger.write_to_disk(Row { table: Table::BlobBytes, key, value: None });
        }
        self.blobs.remove(&hash);
        self.unreferenced.remove(&hash);
        self.ledger.touch(Table::Blobs, hash.to_vec());
    }

    /// Only where one is being sent ahead of its job, which is rare.
    fn drop_unreferenced_blobs(&mut self) {
        let now = self.now_ms();
        let is_old = |row: &BlobRow| row.touched_ms.saturating_add(UNREFERENCED_MS) < now;
        let row = |hash: &Hash| Some((*hash, self.blobs.get(hash).filter(|row| is_old(row))?.clone()));
        let old: Vec<(Hash, BlobRow)> = self.unreferenced.iter().filter_map(row).collect();
        for (hash, row) in old {
            self.remove_blob(hash, &row);
        }
    }

    /// As [`Cluster`]'s index of them must be.
    pub(super) fn find_unreferenced(&self) -> BTreeSet<Hash> {
        self.blobs.iter().filter(|(_, row)| row.references == 0).map(|(hash, _)| *hash).collect()
    }
}

/// Where a chunk ends. All but the last are of one size, so that bytes have one name.
fn checked_end(chunk: &PutBlobChunk) -> Result<u64, Refusal> {
    let end = chunk.offset.saturating_add(chunk.data.len() as u64);
    let whole = chunk.data.len() == PART_BYTES_MAX || end == chunk.size;
    let sound = !chunk.data.is_empty() && chunk.data.len() <= PART_BYTES_MAX && end <= chunk.size && whole;
    if sound && chunk.offset.is_multiple_of(PART_BYTES_MAX as u64) && chunk.size <= BLOB_BYTES_MAX {
        return Ok(end);
    }
    Err(bad("size or offset of a chunk"))
}

/// Script and environment, where it has them.
pub(super) fn references(spec: &JobSpec) -> impl Iterator<Item = &BlobRef> {
    [&spec.script, &spec.environment].into_iter().flatten().filter(|reference| !reference.hash.is_empty())
}

const NOT_THOSE: &str = "bytes that are not those named";

fn bad(why: &str) -> Refusal {
    Refusal::new(errno::ESLURM_WRITING_TO_FILE, why)
}

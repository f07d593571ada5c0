//! Rows that stay on disk: blobs, history.

use bytes::Bytes;
use muster_model::cluster::Table;
use muster_proto::durable::BlobRow;
use prost::Message;

use super::Replica;
use crate::errors::ReadError;
use crate::store::KeyAndValue;

/// Rows of one read.
pub(super) const READ_ROWS_MAX: usize = 100_000;
/// Chunks of one blob: 4 MB in 512 KiB pieces, and room for a larger `max_script_size`.
const BLOB_CHUNKS_MAX: usize = 256;

impl Replica {
    /// The bytes of a script or environment by their SHA-256; `None` where it is unknown or not complete yet.
    pub fn blob(&self, hash: &[u8]) -> Result<Option<Bytes>, ReadError> {
        let rows = self.inner.applying.rows();
        let Some(row) = rows.get(Table::Blobs, hash).map_err(read_error)? else { return Ok(None) };
        let row = BlobRow::decode(&row[..]).map_err(read_error)?;
        let from = [hash, &[0; 8]].concat();
        let past = [hash, &[0xff; 8]].concat();
        let chunks = rows.range(Table::BlobBytes, &from, Some(&past), BLOB_CHUNKS_MAX).map_err(read_error)?;
        let bytes: Vec<u8> = chunks.into_iter().flat_map(|(_, chunk)| chunk).collect();
        Ok((bytes.len() as u64 == row.size).then(|| bytes.into()))
    }

    /// Rows with keys `from..to` (`to` absent: to the end) in the order of keys, at most `limit`.
    pub fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<KeyAndValue>, ReadError> {
        self.inner.applying.rows().range(table, from, to, limit.min(READ_ROWS_MAX)).map_err(read_error)
    }

    /// One row.
    pub fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.inner.applying.rows().get(table, key).map_err(read_error)
    }
}

fn read_error(error: impl ToString) -> ReadError {
    ReadError(error.to_string())
}

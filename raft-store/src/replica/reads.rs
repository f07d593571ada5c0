//! Rows that stay on disk: blobs, history.

use std::io;

use bytes::Bytes;
use muster_model::cluster::Table;
use muster_proto::durable::BlobRow;
use prost::Message;

use super::Replica;
use crate::errors::ReadError;
use crate::store::{CLOSED, KeyAndValue, RowFiles, failure};

/// Rows of one read.
pub(super) const READ_ROWS_MAX: usize = 100_000;
/// Chunks of one blob: 4 MB in 512 KiB pieces, and room for a larger `max_script_size`.
const BLOB_CHUNKS_MAX: usize = 256;

impl Replica {
    /// The bytes of a script or environment by their SHA-256; `None` where it is unknown or not complete yet.
    pub fn blob(&self, hash: &[u8]) -> Result<Option<Bytes>, ReadError> {
        self.read_rows(|rows| {
            let Some(row) = rows.get(Table::Blobs, hash)? else { return Ok(None) };
            let row = BlobRow::decode(&row[..]).map_err(failure)?;
            let from = [hash, &[0; 8]].concat();
            let past = [hash, &[0xff; 8]].concat();
            let chunks = rows.range(Table::BlobBytes, &from, Some(&past), BLOB_CHUNKS_MAX)?;
            let bytes: Vec<u8> = chunks.into_iter().flat_map(|(_, chunk)| chunk).collect();
            Ok((bytes.len() as u64 == row.size).then(|| bytes.into()))
        })
    }

    /// Rows with keys `from..to` (`to` absent: to the end) in the order of keys, at most `limit`.
    pub fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<KeyAndValue>, ReadError> {
        self.read_rows(|rows| rows.range(table, from, to, limit.min(READ_ROWS_MAX)))
    }

    /// One row.
    pub fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.read_rows(|rows| rows.get(table, key))
    }

    /// Reads the rows in force. What cannot be read is damaged, and whoever has damaged rows must not answer, nor send them
    /// to another: the replica ends. Rows that a snapshot replaced meanwhile are asked for again in their new place.
    fn read_rows<T>(&self, read: impl Fn(&dyn RowFiles) -> io::Result<T>) -> Result<T, ReadError> {
        let applying = &self.inner.applying;
        loop {
            let rows = applying.rows();
            match read(&*rows) {
                Ok(found) => return Ok(found),
                // Ends: each turn needs another snapshot to have been installed.
                Err(_) if applying.rows().place() != rows.place() => {}
                Err(error) => {
                    let why = format!("{}: {error}", self.inner.store.path().display());
                    // A store that was closed is not damaged: this replica was stopped.
                    if error.kind() != CLOSED {
                        self.inner.fault.set(format!("rows cannot be read: {why}"));
                    }
                    return Err(ReadError(why));
                }
            }
        }
    }
}

//! Which rows a batch changed, and the digest of all rows.
//!
//! The digest is the sum, modulo 2^128, of a hash of each row (table, key, canonical value), so that a change costs one
//! subtraction and one addition. Scripts' bytes are covered through their blob's row (a chain of hashes), history through a
//! running sum in the meta row: both stand on disk only.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::changes::{Row, Table};

/// Address of a row.
pub(super) type RowKey = (Table, Vec<u8>);

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    sum: u128,
    hashes: BTreeMap<RowKey, u128>,
    /// Changed by the batch that is being applied.
    dirty: BTreeSet<RowKey>,
    /// Rows of tables that are on disk only, in order.
    disk_rows: Vec<Row>,
}

impl Ledger {
    pub(super) fn touch(&mut self, table: Table, key: Vec<u8>) {
        self.dirty.insert((table, key));
    }

    pub(super) fn write_to_disk(&mut self, row: Row) {
        self.disk_rows.push(row);
    }

    pub(super) fn take_dirty(&mut self) -> BTreeSet<RowKey> {
        std::mem::take(&mut self.dirty)
    }

    pub(super) fn take_disk_rows(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.disk_rows)
    }

    /// Accounts for the row as it is now.
    pub(super) fn record(&mut self, row: &Row) {
        let key = (row.table, row.key.clone());
        let old = match &row.value {
            Some(value) => {
                let new = hash(row.table, &row.key, value);
                self.sum = self.sum.wrapping_add(new);
                self.hashes.insert(key, new)
            }
            None => self.hashes.remove(&key),
        };
        self.sum = self.sum.wrapping_sub(old.unwrap_or(0));
    }

    pub(super) fn sum(&self) -> u128 {
        self.sum
    }
}

/// Of one row.
pub(super) fn hash(table: Table, key: &[u8], value: &[u8]) -> u128 {
    let mut hasher = Sha256::new();
    hasher.update([table as u8]);
    hasher.update((key.len() as u64).to_be_bytes());
    hasher.update(key);
    hasher.update(value);
    let bytes = hasher.finalize();
    let mut first = [0u8; 16];
    first.copy_from_slice(&bytes[..16]);
    u128::from_be_bytes(first)
}

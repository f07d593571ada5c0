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

/// The hash of each row. Jobs and requests, of which there are many, have short keys of a fixed length.
#[derive(Clone, Debug, Default)]
struct Hashes {
    jobs: BTreeMap<[u8; 8], u128>,
    requests: BTreeMap<[u8; 20], u128>,
    rest: BTreeMap<RowKey, u128>,
}

impl Hashes {
    /// Replaces it, and answers the one before.
    fn put(&mut self, table: Table, key: &[u8], new: Option<u128>) -> Option<u128> {
        match table {
            Table::Jobs if key.len() == 8 => put(&mut self.jobs, key.try_into().ok()?, new),
            Table::Requests if key.len() == 20 => put(&mut self.requests, key.try_into().ok()?, new),
            _ => put(&mut self.rest, (table, key.to_vec()), new),
        }
    }
}

fn put<K: Ord>(map: &mut BTreeMap<K, u128>, key: K, new: Option<u128>) -> Option<u128> {
    match new {
        Some(new) => map.insert(key, new),
        None => map.remove(&key),
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    sum: u128,
    hashes: Hashes,
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
        let new = row.value.as_ref().map(|value| hash(row.table, &row.key, value));
        let old = self.hashes.put(row.table, &row.key, new);
        self.sum = self.sum.wrapping_add(new.unwrap_or(0)).wrapping_sub(old.unwrap_or(0));
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

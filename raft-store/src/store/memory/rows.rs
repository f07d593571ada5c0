//! Rows in their places on the disk, and views of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use muster_model::cluster::{Row, Table};

use super::disk::Handle;
use crate::encoding::AppliedRecord;
use crate::store::{KeyAndValue, RowFiles, RowView, closed};

#[derive(Clone, Default)]
pub(super) struct RowsImage {
    pub(super) written: Rows,
    pub(super) flushed: Rows,
}

/// Shared until written to, so that a view or a flush costs nothing.
#[derive(Clone, Default)]
pub(super) struct Rows {
    tables: BTreeMap<u8, Arc<BTreeMap<Vec<u8>, Bytes>>>,
    applied: Option<AppliedRecord>,
}

impl Rows {
    fn write(&mut self, rows: &[Row]) {
        for row in rows {
            let table = Arc::make_mut(self.tables.entry(row.table as u8).or_default());
            match &row.value {
                Some(value) => table.insert(row.key.clone(), Bytes::copy_from_slice(value)),
                None => table.remove(&row.key),
            };
        }
    }

    fn from<'a>(&'a self, table: Table, from: &[u8]) -> impl Iterator<Item = (&'a Vec<u8>, &'a Bytes)> {
        let from = from.to_vec();
        self.tables.get(&(table as u8)).into_iter().flat_map(move |table| table.range(from.clone()..))
    }
}

pub(super) struct MemoryRows {
    pub(super) handle: Handle,
    pub(super) place: u64,
}

impl MemoryRows {
    fn read<T>(&self, read: impl FnOnce(&RowsImage) -> T) -> io::Result<T> {
        self.handle.read(|contents| contents.places.get(&self.place).map(read))?.ok_or_else(closed)
    }

    fn change<T>(&self, change: impl FnOnce(&mut RowsImage) -> T) -> io::Result<T> {
        let changed = self.handle.write(|contents| contents.places.get_mut(&self.place).map(change))?;
        changed.ok_or_else(closed)
    }
}

impl RowFiles for MemoryRows {
    fn write(&self, rows: &[Row], applied: &AppliedRecord) -> io::Result<()> {
        self.change(|image| {
            image.written.write(rows);
            image.written.applied = Some(applied.clone());
        })
    }

    fn fill(&self, rows: &[Row]) -> io::Result<()> {
        self.change(|image| image.written.write(rows))
    }

    fn get(&self, table: Table, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.read(|image| {
            image.written.tables.get(&(table as u8)).and_then(|rows| rows.get(key)).map(|value| value.to_vec())
        })
    }

    fn range(&self, table: Table, from: &[u8], to: Option<&[u8]>, limit: usize) -> io::Result<Vec<KeyAndValue>> {
        self.read(|image| {
            let wanted = image.written.from(table, from).take_while(|(key, _)| to.is_none_or(|to| &key[..] < to));
            wanted.take(limit).map(|(key, value)| (key.clone(), value.to_vec())).collect()
        })
    }

    fn applied(&self) -> io::Result<Option<AppliedRecord>> {
        self.read(|image| image.written.applied.clone())
    }

    fn persist(&self) -> io::Result<Option<AppliedRecord>> {
        self.change(|image| {
            image.flushed = image.written.clone();
            image.flushed.applied.clone()
        })
    }

    fn view(&self) -> io::Result<Arc<dyn RowView>> {
        Ok(Arc::new(MemoryView { rows: self.read(|image| image.written.clone())? }))
    }

    fn background_errors(&self) -> io::Result<u64> {
        self.handle.read(|_| 0)
    }

    fn place(&self) -> u64 {
        self.place
    }
}

struct MemoryView {
    rows: Rows,
}

impl RowView for MemoryView {
    fn applied(&self) -> io::Result<Option<AppliedRecord>> {
        Ok(self.rows.applied.clone())
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, bytes_max: usize) -> io::Result<Vec<KeyAndValue>> {
        let from = after.unwrap_or_default();
        let rows = self.rows.from(table, from).filter(|(key, _)| Some(&key[..]) != after);
        let mut bytes = 0;
        let fits = |(key, value): &(&Vec<u8>, &Bytes)| {
            let first = bytes == 0;
            bytes += key.len() + value.len();
            first || bytes <= bytes_max
        };
        Ok(rows.take_while(fits).map(|(key, value)| (key.clone(), value.to_vec())).collect())
    }
}

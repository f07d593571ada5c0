//! Stands in for `muster_model::cluster::Cluster` until that exists; replaced by it in a following commit.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]
use muster_model::cluster::*;
use muster_proto::durable::Batch;
use std::collections::BTreeMap;
#[derive(Default)]
pub struct Cluster { rows: BTreeMap<(u8, Vec<u8>), Vec<u8>> }
impl Cluster {
    pub fn new() -> Self { Self::default() }
    pub fn apply(&mut self, index: u64, batch: &Batch, changes: &mut Changes) -> Vec<Outcome> {
        batch.commands.iter().enumerate().map(|(i, _)| {
            let key = (index * 1000 + i as u64).to_be_bytes().to_vec();
            let value = batch.stamp_ms.to_be_bytes().to_vec();
            self.rows.insert((Table::Jobs as u8, key.clone()), value.clone());
            changes.rows.push(Row { table: Table::Jobs, key, value: Some(value) });
            changes.events.push(Event::ScheduleAgain);
            Outcome::Stale(index.to_string())
        }).collect()
    }
    pub fn load(&mut self, row: Row) -> Result<(), RowError> {
        if row.table.in_memory() { self.rows.insert((row.table as u8, row.key), row.value.unwrap()); }
        Ok(())
    }
    pub fn loaded(&mut self) -> Result<(), RowError> { Ok(()) }
    pub fn digest(&self) -> u128 { self.rows.iter().fold(0, |d, ((t, k), v)| d.wrapping_add(crate::encoding::crc32c(&[&[*t][..], k, v].concat()) as u128)) }
    pub fn now_ms(&self) -> u64 { 0 }
}

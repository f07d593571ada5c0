//! Rows out of the state and back into it: what a batch stores, and what a restart or a snapshot loads.

use std::sync::Arc;

use muster_proto::durable::{
    BlobRow, ConfigRow, FenceRow, MetaRow, NodeRow, OutboxRow, PartitionRow, ReplicaRow, RequestRow, WorkRow,
};
use prost::Message;

use super::changes::{Changes, Row, RowError, Table};
use super::config::{InForce, NodeLine};
use super::job::Job;
use super::ledger;
use super::node::Node;
use super::requests::RequestId;
use super::state::Cluster;

impl Cluster {
    /// Moves what the batch changed into `changes`.
    pub(super) fn collect_changes(&mut self, changes: &mut Changes) {
        let disk_rows = self.ledger.take_disk_rows();
        self.count_history(&disk_rows);
        changes.rows.extend(disk_rows);
        self.ledger.touch(Table::Meta, Vec::new());
        for (table, key) in self.ledger.take_dirty() {
            let row = Row { value: self.encode(table, &key), table, key };
            self.ledger.record(&row);
            changes.rows.push(row);
        }
        changes.events.append(&mut self.events);
    }

    /// History is only ever added to, so its part of the digest is a running sum.
    fn count_history(&mut self, rows: &[Row]) {
        let mut sum = history_sum(&self.meta);
        for row in rows.iter().filter(|row| row.table == Table::History) {
            let value = row.value.as_deref().unwrap_or_default();
            sum = sum.wrapping_add(ledger::hash(row.table, &row.key, value));
        }
        self.meta.history_digest = sum.to_be_bytes().to_vec().into();
    }

    fn encode(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        match table {
            Table::Meta => Some(self.meta.encode_to_vec()),
            Table::Config => Some(self.configs.get(&number(key)?)?.encode_to_vec()),
            Table::Replicas => Some(self.replicas.get(&number(key)?)?.encode_to_vec()),
            Table::Nodes => Some(self.nodes.get(&index(key)?)?.row.encode_to_vec()),
            Table::Partitions => Some(self.partition_rows.get(std::str::from_utf8(key).ok()?)?.encode_to_vec()),
            Table::Jobs => Some(self.jobs.get(&number(key)?)?.encode()),
            Table::Requests => {
                let id = RequestId::from_key(key)?;
                Some(self.requests.get(&id)?.row(id).encode_to_vec())
            }
            Table::Blobs => Some(self.blobs.get(key)?.encode_to_vec()),
            Table::Work => Some(self.work.get(&number(key)?)?.encode_to_vec()),
            Table::Fences => Some(self.fences.get(&number(key)?)?.encode_to_vec()),
            Table::Outbox => Some(self.outbox.get(&number(key)?)?.encode_to_vec()),
            Table::BlobBytes | Table::History => None,
        }
    }

    /// Takes a stored row. Rows may come in any order; [`Cluster::loaded`] ends it.
    pub fn load(&mut self, row: Row) -> Result<(), RowError> {
        let Some(value) = row.value.as_deref() else { return Err(bad(&row, "deleted rows are not stored")) };
        self.take_row(&row, value).map_err(|why| bad(&row, why))?;
        if row.table.in_memory() {
            self.ledger.record(&row);
        }
        Ok(())
    }

    fn take_row(&mut self, row: &Row, value: &[u8]) -> Result<(), String> {
        let key = &row.key;
        match row.table {
            Table::Meta => self.meta = decode::<MetaRow>(value)?,
            Table::Config => {
                self.configs.insert(number(key).ok_or("key")?, decode::<ConfigRow>(value)?);
            }
            Table::Replicas => {
                self.replicas.insert(number(key).ok_or("key")?, decode::<ReplicaRow>(value)?);
            }
            Table::Nodes => {
                let row = decode::<NodeRow>(value)?;
                self.node_names.insert(row.name.clone(), row.node);
                let node =
                    Node { line: NodeLine::default(), free: Default::default(), shares: Default::default(), row };
                self.nodes.insert(index(key).ok_or("key")?, Arc::new(node));
            }
            Table::Partitions => {
                let name = String::from_utf8(key.clone()).map_err(|_| "key")?;
                self.partition_rows.insert(name, decode::<PartitionRow>(value)?);
            }
            Table::Jobs => {
                let job = Job::stored(value, &mut self.book)?;
                self.jobs.insert(number(key).ok_or("key")?, Arc::new(job));
            }
            Table::Requests => {
                let id = RequestId::from_key(key).ok_or("key")?;
                self.place_request(id, decode::<RequestRow>(value)?);
            }
            Table::Blobs => {
                let hash = key.as_slice().try_into().map_err(|_| "key")?;
                self.place_blob(hash, decode::<BlobRow>(value)?);
            }
            Table::Work => {
                self.work.insert(number(key).ok_or("key")?, decode::<WorkRow>(value)?);
            }
            Table::Outbox => {
                self.outbox.insert(number(key).ok_or("key")?, decode::<OutboxRow>(value)?);
            }
            Table::Fences => {
                let fence = decode::<FenceRow>(value)?;
                let newest = self.fence_of.entry(fence.node).or_default();
                *newest = (*newest).max(fence.fence);
                self.fences.insert(number(key).ok_or("key")?, fence);
            }
            Table::BlobBytes => {}
            Table::History => {
                let sum = self.history_seen.unwrap_or(0);
                self.history_seen = Some(sum.wrapping_add(ledger::hash(row.table, key, value)));
            }
        }
        Ok(())
    }

    /// Rebuilds what is derived: configuration, partitions, free resources and indexes. After the last row.
    pub fn loaded(&mut self) -> Result<(), RowError> {
        let meta_row = |why: String| RowError { table: Table::Meta, key: Vec::new(), why };
        if self.history_seen.take().is_some_and(|seen| seen != history_sum(&self.meta)) {
            return Err(meta_row("history does not add up to its digest".to_owned()));
        }
        if self.meta.config_version != 0 {
            let version = self.meta.config_version;
            let row = self.configs.get(&version).ok_or_else(|| meta_row(format!("no configuration {version}")))?;
            let files = row.files.clone().unwrap_or_default();
            let in_force = InForce::parse(version, &files).map_err(|errors| RowError {
                table: Table::Config,
                key: version.to_be_bytes().to_vec(),
                why: errors.join("; "),
            })?;
            self.config = Some(Arc::new(in_force));
            self.give_nodes_their_lines();
            self.rebuild_partitions();
        }
        let jobs: Vec<_> = self.jobs.values().cloned().collect();
        jobs.iter().for_each(|job| self.index_job(job));
        self.events.clear();
        Ok(())
    }
}

fn history_sum(meta: &MetaRow) -> u128 {
    <[u8; 16]>::try_from(&meta.history_digest[..]).map_or(0, u128::from_be_bytes)
}

fn decode<M: Message + Default>(value: &[u8]) -> Result<M, String> {
    M::decode(value).map_err(|error| error.to_string())
}

fn number(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

fn index(key: &[u8]) -> Option<u32> {
    key.try_into().ok().map(u32::from_be_bytes)
}

fn bad(row: &Row, why: impl Into<String>) -> RowError {
    RowError { table: row.table, key: row.key.clone(), why: why.into() }
}

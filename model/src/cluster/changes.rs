//! What applying a batch leaves behind: rows to store, and events that wake whoever derives work from the state.

use thiserror::Error;

/// The tables of the replicated state. The number is durable: it prefixes the key of each row in snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// One row, key empty: `MetaRow`.
    Meta = 1,
    /// Key: version, 8 bytes big endian: `ConfigRow`.
    Config = 2,
    /// Key: replica id, 8 bytes: `ReplicaRow`.
    Replicas = 3,
    /// Key: node index, 4 bytes: `NodeRow`.
    Nodes = 4,
    /// Key: name: `PartitionRow`.
    Partitions = 5,
    /// Key: uid, 8 bytes: `JobRow` of jobs that are still in memory.
    Jobs = 6,
    /// Key: principal (4) and request id (16): `RequestRow`.
    Requests = 7,
    /// Key: hash, 32 bytes: `BlobRow` (size and references; the bytes stand in `BlobBytes`).
    Blobs = 8,
    /// Key: hash (32) and offset (8): raw bytes of at most 512 KiB. On disk only.
    BlobBytes = 9,
    /// Key: end time ms (8), uid (8), attempt (4): `HistoryRow`. On disk only.
    History = 10,
    /// Key: work id, 8 bytes: `WorkRow`.
    Work = 11,
    /// Key: outbox id, 8 bytes: `OutboxRow`.
    Outbox = 12,
    /// Key: id of the operation, 8 bytes: `FenceRow`.
    Fences = 13,
}

impl Table {
    /// Every table, in the order of a snapshot.
    pub const ALL: [Table; 13] = [
        Table::Meta,
        Table::Config,
        Table::Replicas,
        Table::Nodes,
        Table::Partitions,
        Table::Jobs,
        Table::Requests,
        Table::Blobs,
        Table::BlobBytes,
        Table::History,
        Table::Work,
        Table::Outbox,
        Table::Fences,
    ];

    /// Whether rows of this table are also held in memory, and so loaded at start.
    pub fn in_memory(self) -> bool {
        !matches!(self, Table::BlobBytes | Table::History)
    }
}

/// One row as stored: `value` is `None` where it is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The table that it belongs to.
    pub table: Table,
    /// See [`Table`] for the shape of each key.
    pub key: Vec<u8>,
    /// Canonical protobuf bytes of the row's message.
    pub value: Option<Vec<u8>>,
}

/// Something that happened, in past tense; wakes loops and watchers, carries no duty by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A job's record changed (made, started, ended, …).
    JobChanged {
        /// Its uid.
        uid: u64,
    },
    /// A step changed.
    StepChanged {
        /// Of this job.
        uid: u64,
        /// Slurm's number of the step.
        step: u32,
    },
    /// A node's record changed.
    NodeChanged {
        /// Its index.
        node: u32,
    },
    /// Another configuration version is in force.
    ConfigChanged {
        /// Its number.
        version: u64,
    },
    /// Replicas were admitted or retired.
    ReplicasChanged,
    /// Something that a scheduler may use: resources freed, jobs became eligible.
    ScheduleAgain,
}

/// Filled by apply; stored by raft-store in one write together with the applied index.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// In order; a later row of the same key wins.
    pub rows: Vec<Row>,
    /// In order.
    pub events: Vec<Event>,
}

/// A stored row that does not decode: damage, or a newer version's.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("row of table {table:?}, key {key:02x?}: {why}")]
pub struct RowError {
    /// Where it was found.
    pub table: Table,
    /// Its key.
    pub key: Vec<u8>,
    /// What is wrong with it.
    pub why: String,
}

//! openraft's own storage suite, on both disks.

use muster_model::cluster::FEATURE_LEVEL_MAX;
use std::sync::{Arc, RwLock};

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use prost::Message;
use tokio::sync::{broadcast, watch};

use super::snapshot::{Incoming, Outgoing, chunks, receive};
use super::{Applying, Log, LogStorage, StateMachine, Types, Vote};
use crate::aside::Aside;
use crate::durations::Durations;
use crate::encoding::{LogRecord, Payload, Position, VoteRecord};
use crate::fault::Fault;
use crate::identity::Identity;
use crate::options::StoreKind;
use crate::purge_gate::PurgeGate;
use crate::store::{self, Fact, LogOp, MemoryDisk, Store};

struct OnMemory;
struct OnDisk;

fn build(kind: &StoreKind) -> (LogStorage, StateMachine) {
    let store = store::open(kind).unwrap();
    let rows = Arc::new(RwLock::new(store.rows()));
    // The suite purges and applies what it never stored.
    let gate = PurgeGate::wide_open(rows.clone());
    let fault = Fault::new();
    let log = Arc::new(Log::open(&*store, gate.clone(), fault.clone()).unwrap());
    let aside = Aside::start("raft-apply", store.blocks()).unwrap();
    let applying = Applying {
        cluster: Arc::new(RwLock::new(muster_model::cluster::Cluster::new())),
        index: Default::default(),
        rows,
        gate,
        store,
        applied: watch::Sender::default(),
        events: broadcast::Sender::new(16),
        fault,
        times: Durations::default(),
        digests: Default::default(),
        stall: Default::default(),
        aside,
    };
    let (everything, durable) = watch::channel(Some(Position { term: u64::MAX, index: u64::MAX }));
    std::mem::forget(everything);
    (LogStorage::new(log), StateMachine::new(Arc::new(applying), durable, None).unwrap())
}

/// The suite hands a snapshot over as it is; here it goes by the road that it takes between replicas.
pub(super) async fn carry(outgoing: Outgoing, store: &dyn Store) -> Result<Incoming, String> {
    let identity = Identity { cluster_id: [1; 16], generation: 1, replica: 1, store_id: [1; 16], name: String::new() };
    let chunks = chunks(outgoing, &Vote::new_committed(1, 1), &identity, Fault::new());
    receive(store, &identity, FEATURE_LEVEL_MAX, chunks).await.map(|(_, incoming)| incoming)
}

impl StoreBuilder<Types, LogStorage, StateMachine> for OnMemory {
    async fn build(&self) -> Result<((), LogStorage, StateMachine), StorageError<Types>> {
        let (log, machine) = build(&StoreKind::Memory(MemoryDisk::new(1)));
        Ok(((), log, machine))
    }
}

impl StoreBuilder<Types, LogStorage, StateMachine, tempfile::TempDir> for OnDisk {
    async fn build(&self) -> Result<(tempfile::TempDir, LogStorage, StateMachine), StorageError<Types>> {
        let directory = tempfile::tempdir().unwrap();
        let (log, machine) = build(&StoreKind::Disk(directory.path().join("replica")));
        Ok((directory, log, machine))
    }
}

#[tokio::test]
async fn openraft_accepts_the_simulated_disk() {
    Suite::test_all(OnMemory).await.unwrap();
}

#[tokio::test]
async fn openraft_accepts_rocksdb() {
    Suite::test_all(OnDisk).await.unwrap();
}

#[tokio::test]
async fn a_vote_that_was_cast_outlives_a_power_cut() {
    use openraft::storage::{RaftLogReader, RaftLogStorage};
    let disk = MemoryDisk::new(1);
    let (mut log, _machine) = build(&StoreKind::Memory(disk.clone()));
    let vote = Vote::new(7, 2);
    log.save_vote(&vote).await.unwrap();
    disk.crash();
    let (mut again, _machine) = build(&StoreKind::Memory(disk));
    assert_eq!(again.read_vote().await.unwrap(), Some(vote));
}

#[tokio::test]
async fn what_a_killed_process_had_not_synced_is_durable_once_the_log_was_opened() {
    use openraft::storage::RaftLogStorage;
    let disk = MemoryDisk::new(1);
    let kind = StoreKind::Memory(disk.clone());
    let open = |store: &dyn Store| {
        let gate = PurgeGate::wide_open(Arc::new(RwLock::new(store.rows())));
        Log::open(store, gate, Fault::new()).unwrap();
    };
    let record = LogRecord { at: Position { term: 3, index: 1 }, payload: Some(Payload::Blank(true)) }.encode_to_vec();
    let vote = VoteRecord { term: 3, candidate: 2, won: true };
    let killed = store::open(&kind).unwrap();
    open(&*killed);
    let ops = [LogOp::Put { index: 1, record: record.into() }, LogOp::Set(Fact::Vote, vote.encode_to_vec())];
    killed.log().write(&ops).unwrap();
    killed.close();

    open(&*store::open(&kind).unwrap());
    disk.crash();
    let (mut log, _machine) = build(&kind);
    let end = log.get_log_state().await.unwrap().last_log_id;
    assert_eq!(end.map(|end| end.index), Some(1), "the watermark said so");
}

#[tokio::test]
async fn a_row_larger_than_a_chunk_travels_in_parts() {
    use futures::StreamExt;
    use muster_model::cluster::{Cluster, Row, Table};
    let from = store::open(&StoreKind::Memory(MemoryDisk::new(1))).unwrap();
    let at = Position { term: 1, index: 5 };
    let applied = crate::encoding::AppliedRecord { at, membership: Default::default(), installed: None };
    let value: Vec<u8> = (0..3 << 20).map(|at: u32| (at % 251) as u8).collect();
    let row = |key: &str, value: &[u8]| Row { table: Table::BlobBytes, key: key.into(), value: Some(value.to_vec()) };
    from.rows().write(&[row("a", b"small"), row("b", &value), row("c", &value[..800_000])], &applied).unwrap();
    let outgoing =
        || Outgoing { view: from.rows().view().unwrap(), applied: applied.clone(), digest: Cluster::new().digest() };
    let identity = Identity { cluster_id: [1; 16], generation: 1, replica: 1, store_id: [1; 16], name: String::new() };
    let sizes = chunks(outgoing(), &Vote::new_committed(1, 1), &identity, Fault::new()).map(|chunk| chunk.len());
    let sizes: Vec<usize> = sizes.collect().await;
    assert!(sizes.iter().all(|size| *size <= super::CHUNK_BYTES_MAX) && sizes.len() > 6, "{sizes:?}");

    let to = store::open(&StoreKind::Memory(MemoryDisk::new(2))).unwrap();
    let rows = carry(outgoing(), &*to).await.unwrap().rows;
    assert_eq!(rows.get(Table::BlobBytes, b"a").unwrap().unwrap(), b"small");
    assert_eq!(rows.get(Table::BlobBytes, b"b").unwrap().unwrap(), value);
    assert_eq!(rows.get(Table::BlobBytes, b"c").unwrap().unwrap(), &value[..800_000]);
}

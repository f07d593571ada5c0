//! openraft's own storage suite, on both disks.

use std::sync::{Arc, RwLock};

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tokio::sync::{broadcast, watch};

use super::snapshot::{Incoming, Outgoing, chunks, receive};
use super::{Applying, Log, LogStorage, StateMachine, Types, Vote};
use crate::durations::Durations;
use crate::encoding::Position;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::options::StoreKind;
use crate::purge_gate::PurgeGate;
use crate::store::{self, MemoryDisk, Store};

struct OnMemory;
struct OnDisk;

fn build(kind: &StoreKind) -> (LogStorage, StateMachine) {
    let store = store::open(kind).unwrap();
    let rows = Arc::new(RwLock::new(store.rows()));
    // The suite purges and applies what it never stored.
    let gate = PurgeGate::wide_open(rows.clone());
    let fault = Fault::new();
    let log = Arc::new(Log::open(&*store, gate.clone(), fault.clone()).unwrap());
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
        stall: Default::default(),
    };
    let (everything, durable) = watch::channel(Some(Position { term: u64::MAX, index: u64::MAX }));
    std::mem::forget(everything);
    (LogStorage::new(log), StateMachine::new(Arc::new(applying), durable, None).unwrap())
}

/// The suite hands a snapshot over as it is; here it goes by the road that it takes between replicas.
pub(super) async fn carry(outgoing: Outgoing, store: &dyn Store) -> Result<Incoming, String> {
    let identity = Identity { cluster_id: [1; 16], generation: 1, replica: 1, store_id: [1; 16], name: String::new() };
    let chunks = chunks(outgoing, &Vote::new_committed(1, 1), &identity, Fault::new());
    receive(store, &identity, chunks).await.map(|(_, incoming)| incoming)
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

//! Snapshots as files, and going on from one; going on alone.

use futures::StreamExt;
use muster_raft_store::{
    BackupError, Identity, MemoryDisk, NewHome, Options, Replica, StoreKind, inspect, peek, recover, restore, survivor,
};

use crate::town::*;

fn home() -> NewHome {
    NewHome { name: "new".into(), address: "new:6820".into(), client_address: "new:6817".into(), now_s: 0 }
}

async fn saved(replica: &Replica) -> Vec<u8> {
    replica.save_snapshot().await.unwrap().bytes.collect::<Vec<_>>().await.concat()
}

/// Three replicas with fifty notes, and the snapshot that a follower makes of them.
async fn three_and_snapshot() -> (Three, Vec<u8>) {
    let three = Three::found().await;
    for number in 0..50 {
        write(&three.replicas[&1], number).await.unwrap();
    }
    three.agree().await;
    let file = saved(&three.replicas[&2]).await;
    (three, file)
}

async fn open_as(store: StoreKind, identity: Identity) -> Replica {
    let replica = identity.replica;
    let opened = Replica::open(options(store, replica), identity, Town::default().wire(replica)).await.unwrap();
    opened.leadership().wait_for(|now| now.leads()).await.unwrap();
    opened.barrier().await.unwrap();
    opened
}

fn generation(replica: &Replica) -> u64 {
    replica.state().read().unwrap().meta().generation
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_taken_while_writes_go_on_and_says_what_it_holds() {
    let (three, file) = three_and_snapshot().await;
    let (index, digest) = three.replicas[&1].digest();
    write(&three.replicas[&1], 50).await.unwrap();
    let info = inspect(&file[..]).unwrap();
    assert_eq!((info.index, info.digest, info.generation), (index, digest, 1));
    assert_eq!((info.cluster_id, &info.cluster_name[..]), (CLUSTER_ID, "test"));
    assert_eq!(info.rows["Blobs"], 50);
}

#[tokio::test(start_paused = true)]
async fn a_restored_cluster_goes_on_alone_in_a_new_generation() {
    let (three, file) = three_and_snapshot().await;
    let before = three.replicas[&1].state().read().unwrap().meta().clone();
    let store = StoreKind::Memory(MemoryDisk::new(9));
    let restored = restore(&store, &file[..], &home()).unwrap();
    assert_eq!((restored.identity.generation, restored.identity.cluster_id), (2, CLUSTER_ID));
    assert!(restored.identity.replica > 3, "never an id that can have been given out");
    assert_eq!(peek(&store).unwrap().identity.as_ref(), Some(&restored.identity));

    let first = open_as(store, restored.identity.clone()).await;
    assert_eq!(missing(&first, 0..50), []);
    assert_eq!(first.blob(&note_hash(7)).unwrap().unwrap(), "note 7");
    assert_eq!(generation(&first), 2);
    let after = first.state().read().unwrap().meta().clone();
    assert!(after.next_uid > before.next_uid + 1_000_000 && after.next_job_id > before.next_job_id);
    assert!(after.next_replica > restored.identity.replica);
    write(&first, 50).await.unwrap();
    let members: Vec<String> = first.members().into_iter().map(|member| member.peer.address).collect();
    assert_eq!(members, ["new:6820"]);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_restored_twice_makes_two_generations() {
    let (_three, file) = three_and_snapshot().await;
    let mut ids = Vec::new();
    for now_s in [1_800_000_000, 1_800_000_001] {
        let store = StoreKind::Memory(MemoryDisk::new(9));
        let restored = restore(&store, &file[..], &NewHome { now_s, ..home() }).unwrap();
        let first = open_as(store, restored.identity.clone()).await;
        assert_eq!(generation(&first), restored.identity.generation);
        ids.push((restored.identity.generation, first.state().read().unwrap().meta().next_uid));
    }
    assert_eq!(ids[1].0, ids[0].0 + 1);
    assert!(ids[1].1 > ids[0].1 + 1_000_000, "{ids:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_restored_on_disk_whole_or_not_at_all() {
    let (_three, file) = three_and_snapshot().await;
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("replica");
    let store = StoreKind::Disk(place.clone());

    let mut damaged = file.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    for bad in [&damaged[..], &file[..file.len() - 9], &file[..3], b"something else"] {
        let refused = restore(&store, bad, &home());
        assert!(matches!(refused, Err(BackupError::Snapshot(_))), "{refused:?}");
        assert!(!place.exists());
    }
    let restored = restore(&store, &file[..], &home()).unwrap();
    let refused = restore(&store, &file[..], &home());
    assert!(matches!(refused, Err(BackupError::NotEmpty { .. })), "{refused:?}");
    let left = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 1, "nothing stays beside it");
    let mut patient = Options { random_seed: None, ..options(store, 1) };
    patient.timers.election_min_ms = 1_000;
    patient.timers.election_max_ms = 2_000;
    let first = Replica::open(patient, restored.identity, Town::default().wire(1)).await.unwrap();
    first.barrier().await.unwrap();
    assert_eq!(missing(&first, 0..50), []);
}

#[tokio::test(start_paused = true)]
async fn one_of_three_goes_on_alone_when_told_so() {
    let (mut three, _) = three_and_snapshot().await;
    let store = StoreKind::Memory(three.disks[&2].clone());
    let running = recover(&store, &home());
    assert!(matches!(running, Err(BackupError::Store(_))), "it still runs: {running:?}");
    for replica in 1..=3 {
        three.kill(replica);
    }
    let could = survivor(&store).unwrap();
    assert_eq!((could.identity.replica, could.identity.generation, could.voter), (2, 1, true));
    assert_eq!(survivor(&store).unwrap(), could, "looking changes nothing");
    let recovered = recover(&store, &home()).unwrap();
    assert_eq!((recovered.last_index, recovered.last_term), (could.last_index, could.last_term));
    assert_eq!((recovered.identity.replica, recovered.identity.generation), (2, 2));
    assert_eq!(recovered.members, [1, 2, 3]);
    let alone = open_as(store, recovered.identity).await;
    assert_eq!(missing(&alone, 0..50), []);
    assert_eq!(generation(&alone), 2);
    write(&alone, 50).await.unwrap();
    let voters: Vec<u64> = alone.members().into_iter().map(|member| member.peer.replica).collect();
    assert_eq!(voters, [2]);
    let state = alone.state();
    let state = state.read().unwrap();
    assert!(state.replicas().all(|row| row.retired || row.replica == 2));
}

#[tokio::test(start_paused = true)]
async fn a_store_without_a_replica_cannot_go_on() {
    let store = StoreKind::Memory(MemoryDisk::new(4));
    let refused = recover(&store, &home());
    assert!(matches!(refused, Err(BackupError::NoReplica { .. })), "{refused:?}");
}

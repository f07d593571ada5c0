//! Who was away too long gets rows instead of entries.

use muster_raft_store::{Heard, MemoryDisk, Options, Replica, StoreKind};

use crate::town::*;

/// Purges early and keeps nothing: every late-comer needs a snapshot.
fn forgetful(store: StoreKind, replica: u64) -> Options {
    Options { snapshot_every: 20, log_keep: 0, ..options(store, replica) }
}

#[tokio::test(start_paused = true)]
async fn a_fresh_learner_is_sent_a_snapshot() {
    let town = Town::default();
    let disks: Vec<MemoryDisk> = (1..=2).map(MemoryDisk::new).collect();
    let first = open_with(&town, forgetful(StoreKind::Memory(disks[0].clone()), 1), 1).await;
    first.found(founding(), address(1)).await.unwrap();
    for number in 0..100 {
        write(&first, number).await.unwrap();
    }
    first.applied().wait_for(|applied| applied.index >= 100).await.unwrap();
    assert!(first.metrics().purged_index > 50, "{:?}", first.metrics());

    let second = open_with(&town, forgetful(StoreKind::Memory(disks[1].clone()), 2), 2).await;
    let mut events = second.events();
    first.add_learner(peer(2)).await.unwrap();
    first.promote(2).await.unwrap();
    assert_eq!(events.next().await, Some(Heard::Missed), "whoever listens derives everything again");
    let index = second.barrier().await.unwrap();
    assert_eq!(missing(&second, 0..100), []);
    assert_eq!(second.digest(), (index, first.digest().1));
    assert_eq!(second.blob(&note_hash(3)).unwrap().unwrap(), "note 3", "blobs come along");

    write(&first, 100).await.unwrap();
    town.leave(2);
    disks[1].crash();
    let again = open_with(&town, forgetful(StoreKind::Memory(disks[1].clone()), 2), 2).await;
    again.barrier().await.unwrap();
    assert_eq!(missing(&again, 0..=100), [], "and stay after a power cut");
}

#[tokio::test(start_paused = true)]
async fn who_the_members_are_comes_with_a_snapshot() {
    let town = Town::default();
    let disks: Vec<MemoryDisk> = (1..=2).map(MemoryDisk::new).collect();
    let first = open_with(&town, forgetful(StoreKind::Memory(disks[0].clone()), 1), 1).await;
    first.found(founding(), address(1)).await.unwrap();
    let second = open_with(&town, forgetful(StoreKind::Memory(disks[1].clone()), 2), 2).await;
    first.add_learner(peer(2)).await.unwrap();
    let reached = second.barrier().await.unwrap();
    town.leave(2);
    disks[1].crash();
    for number in 0..200 {
        write(&first, number).await.unwrap();
    }
    assert!(first.metrics().purged_index > reached, "{:?}", first.metrics());

    let again = open_with(&town, forgetful(StoreKind::Memory(disks[1].clone()), 2), 2).await;
    again.barrier().await.unwrap();
    let names = |of: &Replica| of.members().into_iter().map(|it| (it.peer, it.voter)).collect::<Vec<_>>();
    assert_eq!(names(&again), names(&first));
}

#[tokio::test(start_paused = true)]
async fn the_log_is_purged_only_behind_what_is_flushed() {
    let town = Town::default();
    let disk = MemoryDisk::new(1);
    let first = open_with(&town, forgetful(StoreKind::Memory(disk.clone()), 1), 1).await;
    first.found(founding(), address(1)).await.unwrap();
    for number in 0..137 {
        write(&first, number).await.unwrap();
    }
    town.leave(1);
    disk.crash();
    let again = open_with(&town, forgetful(StoreKind::Memory(disk), 1), 1).await;
    again.barrier().await.unwrap();
    assert_eq!(missing(&again, 0..137), []);
}

//! The same on RocksDB, in real time.

use muster_raft_store::{OpenError, Options, Replica, StoreKind};

use crate::town::*;

fn forgetful(path: &std::path::Path, replica: u64) -> Options {
    let store = StoreKind::Disk(path.join(replica.to_string()));
    let mut options = Options { snapshot_every: 30, log_keep: 0, random_seed: None, ..options(store, replica) };
    // Patient: this runs beside other tests on a slow disk.
    options.timers.election_min_ms = 1_000;
    options.timers.election_max_ms = 2_000;
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_loads_rows_and_replays_the_tail() {
    let directory = tempfile::tempdir().unwrap();
    let town = Town::default();
    let first = open_with(&town, forgetful(directory.path(), 1), 1).await;
    first.found(founding(), address(1)).await.unwrap();
    for number in 0..100 {
        write(&first, number).await.unwrap();
    }
    let digest = first.digest();
    // The log is purged beside everything else.
    while first.metrics().purged_index <= 50 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    town.leave(1);
    first.stop().await;

    let again = open_with(&town, forgetful(directory.path(), 1), 1).await;
    again.leadership().wait_for(|now| now.leads()).await.unwrap();
    again.barrier().await.unwrap();
    assert_eq!(again.digest().1, digest.1);
    assert_eq!(missing(&again, 0..100), []);
    assert_eq!(again.blob(&note_hash(42)).unwrap().unwrap(), "note 42");
    assert!(again.metrics().purged_index > 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_moves_into_an_empty_directory() {
    let directory = tempfile::tempdir().unwrap();
    let town = Town::default();
    let first = open_with(&town, forgetful(directory.path(), 1), 1).await;
    first.found(founding(), address(1)).await.unwrap();
    for number in 0..100 {
        write(&first, number).await.unwrap();
    }
    let second = open_with(&town, forgetful(directory.path(), 2), 2).await;
    first.add_learner(peer(2)).await.unwrap();
    first.promote(2).await.unwrap();
    write(&first, 100).await.unwrap();
    second.barrier().await.unwrap();
    assert_eq!(missing(&second, 0..=100), []);
    assert_eq!(second.digest().1, first.digest().1);
    let digest = second.digest();
    town.leave(2);
    second.stop().await;

    let places = std::fs::read_dir(directory.path().join("2")).unwrap();
    let rows: Vec<String> = places
        .map(|place| place.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("rows-"))
        .collect();
    assert_eq!(rows.len(), 1, "the old rows are gone: {rows:?}");
    let again = open_with(&town, forgetful(directory.path(), 2), 2).await;
    assert_eq!(again.digest(), digest);
    assert_eq!(again.blob(&note_hash(7)).unwrap().unwrap(), "note 7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_cannot_open_the_same_directory() {
    let directory = tempfile::tempdir().unwrap();
    let options = forgetful(directory.path(), 1);
    let identity = identity(1, &options.store);
    let _first = open_with(&Town::default(), options.clone(), 1).await;
    let second = Replica::open(options, identity, Town::default().wire(1)).await;
    let Err(error @ OpenError::Locked { .. }) = second else { panic!("opened twice") };
    let expected = format!("{}: in use by another process", directory.path().join("1/lock").display());
    assert_eq!(error.to_string(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tail_on_disk_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let town = Town::default();
    let mut options = forgetful(directory.path(), 1);
    options.snapshot_every = 1_000_000;
    let first = open_with(&town, options.clone(), 1).await;
    first.found(founding(), address(1)).await.unwrap();
    for number in 0..10 {
        write(&first, number).await.unwrap();
    }
    town.leave(1);
    first.stop().await;
    let log = directory.path().join("1/log");
    for file in std::fs::read_dir(&log).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "log" || extension == "sst") {
            std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(0).unwrap();
        }
    }
    let identity = identity(1, &options.store);
    let opened = Replica::open(options, identity, Town::default().wire(1)).await;
    let Err(OpenError::Damaged { .. }) = opened else { panic!("a damaged log was opened: {:?}", opened.err()) };
}

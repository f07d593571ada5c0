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

/// Holds the state for reading until the sender goes, as a long listing does.
async fn reader(of: &Replica) -> (std::sync::mpsc::Sender<()>, std::thread::JoinHandle<()>) {
    let state = of.state();
    let (reads, reading) = tokio::sync::oneshot::channel();
    let (go_on, wait) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _held = state.read().unwrap();
        reads.send(()).unwrap();
        let _ = wait.recv();
    });
    reading.await.unwrap();
    (go_on, thread)
}

async fn committed(replica: &Replica, index: u64) {
    while replica.metrics().committed_index < index {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn commits_go_on_while_applying_stands_still() {
    let directory = tempfile::tempdir().unwrap();
    let first = open_with(&Town::default(), forgetful(directory.path(), 1), 1).await;
    first.found(founding(), address(1)).await.unwrap();
    let before = first.metrics().applied_index;
    let (go_on, reader) = reader(&first).await;
    let mut writes = Vec::new();
    for number in 1..=3 {
        let replica = first.clone();
        writes.push(tokio::spawn(async move { write(&replica, number).await }));
        committed(&first, before + number).await;
    }
    assert_eq!(first.metrics().applied_index, before);
    drop(go_on);
    for write in writes {
        write.await.unwrap().unwrap();
    }
    reader.join().unwrap();
    assert_eq!(missing(&first, 1..=3), []);
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

/// What kill -9 leaves of a store: its files as they are.
fn left_by_a_kill(store: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(store).unwrap().map(|entry| entry.unwrap()) {
        let copy = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => left_by_a_kill(&entry.path(), &copy),
            false => drop(std::fs::copy(entry.path(), copy).unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_after_a_flush_loses_no_row_of_any_table() {
    let directory = tempfile::tempdir().unwrap();
    let first = flushed(&directory.path().join("alive")).await;
    let digest = first.digest();
    let dead = directory.path().join("dead");
    left_by_a_kill(&directory.path().join("alive"), &dead);
    let again = open_with(&Town::default(), forgetful(&dead, 1), 1).await;
    again.leadership().wait_for(|now| now.leads()).await.unwrap();
    again.barrier().await.unwrap();
    assert_eq!(missing(&again, (0..100).map(|number| number * 1_000)), []);
    assert_eq!(again.digest().1, digest.1);
    assert_eq!(again.blob(&note_hash(7_000)).unwrap().unwrap(), "note 7000");
}

/// Of the rows themselves: the files that say how far they reach are smaller.
const ROW_FILE_BYTES_MIN: u64 = 2_000;

/// Turns bytes over at the front of every larger row file, where rows stand, as they are on the disk now.
fn spoil_rows(store: &std::path::Path) -> Vec<String> {
    let places = std::fs::read_dir(store).unwrap().map(|place| place.unwrap().path());
    let rows = places.filter(|path| path.is_dir() && path.file_name().unwrap().to_str().unwrap().starts_with("rows-"));
    let files = rows.flat_map(|place| std::fs::read_dir(place).unwrap().map(|file| file.unwrap().path()));
    let mut spoilt = Vec::new();
    for path in files.filter(|path| path.extension().is_some_and(|ending| ending == "sst")) {
        if std::fs::metadata(&path).unwrap().len() < ROW_FILE_BYTES_MIN {
            continue;
        }
        // In place: whoever has it open sees it.
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[0xa5; 48], 0).unwrap();
        spoilt.push(path.display().to_string());
    }
    spoilt
}

/// One founded replica whose first notes were flushed, once.
async fn flushed(directory: &std::path::Path) -> Replica {
    let town = Town::default();
    let options = Options { snapshot_every: 60, ..forgetful(directory, 1) };
    let first = open_with(&town, options, 1).await;
    first.found(founding(), address(1)).await.unwrap();
    for number in 0..100 {
        write(&first, number * 1_000).await.unwrap();
    }
    while first.metrics().snapshot_index < 50 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    first
}

fn note_text(number: u64) -> String {
    format!("note {}", number * 1_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_meets_damage_is_refused_and_ends_the_replica() {
    let directory = tempfile::tempdir().unwrap();
    let first = flushed(directory.path()).await;
    let spoilt = spoil_rows(&directory.path().join("1"));
    let read: Vec<_> = (0..60).map(|number| first.blob(&note_hash(number * 1_000))).collect();
    for (number, read) in read.iter().enumerate() {
        assert!(read.is_err() || *read == Ok(Some(note_text(number as u64).into())), "wrong rows: {read:?}");
    }
    let why = first.failed().await;
    assert!(why.contains("orruption") && spoilt.iter().any(|file| why.contains(file)), "{why}; spoilt: {spoilt:?}");
    // Threads of an open store would use locks that the end of the process destroyed.
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_that_only_a_compaction_meets_ends_the_replica_with_its_cause() {
    let directory = tempfile::tempdir().unwrap();
    let first = flushed(directory.path()).await;
    let spoilt = spoil_rows(&directory.path().join("1"));
    let writing = async {
        for number in 1..2_000 {
            // Between the notes that are there: a file that overlaps with nothing is moved unread.
            if write(&first, number * 331 % 60_000 + 1).await.is_err() {
                return;
            }
        }
        panic!("no compaction met it");
    };
    let (why, ()) = tokio::join!(first.failed(), writing);
    assert!(why.contains("orruption") && spoilt.iter().any(|file| why.contains(file)), "{why}; spoilt: {spoilt:?}");
    // Threads of an open store would use locks that the end of the process destroyed.
    first.stop().await;
}

/// Takes one row away, as a fault that no checksum sees would: by RocksDB itself, flushed.
fn lose_a_row(store: &std::path::Path) {
    let places = std::fs::read_dir(store).unwrap().map(|place| place.unwrap().path());
    let rows = places.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("rows-")).max().unwrap();
    let options = rocksdb::Options::default();
    let families = rocksdb::DB::list_cf(&options, &rows).unwrap();
    let db = rocksdb::DB::open_cf(&options, &rows, &families).unwrap();
    let blobs = db.cf_handle("blobs").unwrap();
    let (key, _) = db.iterator_cf(blobs, rocksdb::IteratorMode::Start).next().expect("it has a row").unwrap();
    db.delete_cf(blobs, key).unwrap();
    db.flush_cf(blobs).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_rows_were_changed_behind_its_back_is_found_and_ends() {
    let directory = tempfile::tempdir().unwrap();
    let town = Town::default();
    let at = |replica| Options { snapshot_every: 1_000_000, ..forgetful(directory.path(), replica) };
    let first = open_with(&town, at(1), 1).await;
    first.found(founding(), address(1)).await.unwrap();
    let (second, third) = (open_with(&town, at(2), 2).await, open_with(&town, at(3), 3).await);
    for replica in [2, 3] {
        first.add_learner(peer(replica)).await.unwrap();
        first.promote(replica).await.unwrap();
    }
    for number in 0..10 {
        write(&first, number).await.unwrap();
    }
    third.barrier().await.unwrap();
    town.leave(3);
    third.stop().await;
    lose_a_row(&directory.path().join("3"));
    let again = open_with(&town, at(3), 3).await;
    let why = again.failed().await;
    assert!(
        why.starts_with("the replicated state differs at entry ") && why.contains(", at replicas [1, 2] "),
        "{why}"
    );
    again.stop().await;
    write(&first, 10).await.unwrap();
    second.barrier().await.unwrap();
    assert_eq!(missing(&second, 0..=10), [], "the others go on");
}

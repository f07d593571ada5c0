//! Bytes of the log that change on the disk, while its replica runs or after: nothing acknowledged is dropped in silence.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use muster_raft_store::{OpenError, Options, Replica, StoreKind};

use crate::town::*;

/// Notes that are acknowledged before anything happens.
const NOTES: u64 = 60;
/// Places in the file that are tried, one store each.
const PLACES: u64 = 24;

fn patient(directory: &Path) -> Options {
    let store = StoreKind::Disk(directory.to_path_buf());
    let mut options = Options { random_seed: None, ..options(store, 1) };
    // This runs beside other tests on a slow disk.
    options.timers.election_min_ms = 1_000;
    options.timers.election_max_ms = 2_000;
    options
}

/// A founded replica with acknowledged notes in its write-ahead log, and where it lives.
async fn written(directory: &Path) -> Replica {
    let replica = open_with(&Town::default(), patient(directory), 1).await;
    replica.found(founding(), address(1)).await.unwrap();
    for number in 0..NOTES {
        write(&replica, number).await.unwrap();
    }
    replica
}

/// The newest file of the log's own database.
fn log_file(store: &Path) -> PathBuf {
    let files = fs::read_dir(store.join("log")).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "log")).max().expect("it has a log")
}

/// Turns bytes over in place: whoever has the file open sees it.
fn spoil(file: &Path, at: u64, bytes: usize) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut there = vec![0; bytes];
    file.read_exact_at(&mut there, at).unwrap();
    there.iter_mut().for_each(|byte| *byte ^= 0xff);
    file.write_all_at(&there, at).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

async fn open(directory: &Path) -> Result<Replica, OpenError> {
    let options = patient(directory);
    let identity = identity(1, &options.store);
    Replica::open(options, identity, Town::default().wire(1)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_damaged_under_a_running_replica_serves_on_and_refuses_its_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let running = written(directory.path()).await;
    let file = log_file(directory.path());
    spoil(&file, fs::metadata(&file).unwrap().len() / 2, 64);
    for number in NOTES..2 * NOTES {
        write(&running, number).await.unwrap();
    }
    assert_eq!(missing(&running, 0..2 * NOTES), [], "the log is read when it is opened, not before");
    running.stop().await;
    for _ in 0..2 {
        let Err(why @ OpenError::Damaged { .. }) = open(directory.path()).await else { panic!("it was opened") };
        let (why, name) = (why.to_string(), file.file_name().unwrap().to_str().unwrap());
        assert!(why.contains(directory.path().to_str().unwrap()) && why.contains(name), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_the_log_is_damaged_nothing_acknowledged_is_dropped_in_silence() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    // Its end leaves the watermark exact.
    written(&whole).await.stop().await;
    let length = fs::metadata(log_file(&whole)).unwrap().len();
    let mut refused = 0;
    for place in 0..PLACES {
        let damaged = directory.path().join(place.to_string());
        copy(&whole, &damaged);
        let at = length * place / PLACES;
        spoil(&log_file(&damaged), at, 16);
        match open(&damaged).await {
            Err(OpenError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("at {at} of {length}: {other}"),
            Ok(replica) => {
                replica.leadership().wait_for(|now| now.leads()).await.unwrap();
                replica.barrier().await.unwrap();
                assert_eq!(missing(&replica, 0..NOTES), [], "at {at} of {length}");
                replica.stop().await;
            }
        }
    }
    assert!(refused > PLACES / 2, "only {refused} of {PLACES} were found");
}

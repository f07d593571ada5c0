//! Disks that fail, tear, or lie.

use std::time::Duration;

use muster_raft_store::{MemoryDisk, OpenError, Options, ProposeError, Replica, StoreKind};

use crate::town::*;

async fn reopen(disk: &MemoryDisk) -> Result<Replica, OpenError> {
    let store = StoreKind::Memory(disk.clone());
    let identity = identity(1, &store);
    Replica::open(options(store, 1), identity, Town::default().wire(1)).await
}

/// One founded replica with ten notes.
async fn one() -> (MemoryDisk, Replica) {
    let disk = MemoryDisk::new(1);
    let replica = open(&Town::default(), &disk, 1).await;
    replica.found(founding(), address(1)).await.unwrap();
    for number in 0..10 {
        write(&replica, number).await.unwrap();
    }
    (disk, replica)
}

#[tokio::test(start_paused = true)]
async fn the_only_voter_keeps_its_quorum_while_nothing_happens() {
    let (_disk, replica) = one().await;
    let leadership = replica.leadership();
    // Virtual time: many leases.
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    assert!(leadership.borrow().leads(), "{:?}", *leadership.borrow());
}

#[tokio::test(start_paused = true)]
async fn a_failing_write_ends_the_replica() {
    let (disk, replica) = one().await;
    disk.fail("No space left on device");
    let refused = write(&replica, 10).await;
    assert!(matches!(refused, Err(ProposeError::Unknown(_))), "{refused:?}");
    assert_eq!(replica.failed().await, "log: No space left on device");
    let refused = write(&replica, 11).await;
    assert!(matches!(refused, Err(ProposeError::Unavailable(_))), "{refused:?}");
    assert!(replica.barrier().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_torn_tail_is_no_damage() {
    let (disk, replica) = one().await;
    disk.set_sync_ms(50);
    let late = tokio::spawn(async move { write(&replica, 10).await });
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    disk.crash_keeping(1);
    late.abort();
    let again = reopen(&disk).await.unwrap();
    again.leadership().wait_for(|now| now.leads()).await.unwrap();
    again.barrier().await.unwrap();
    assert_eq!(missing(&again, 0..10), []);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_ends_before_what_was_acknowledged_is_damaged() {
    let (disk, replica) = one().await;
    let mark_lag = std::time::Duration::from_millis(100);
    tokio::time::sleep(mark_lag + mark_lag).await;
    drop(replica);
    disk.crash();
    assert!(disk.lose_synced_entries(1));
    let Err(error @ OpenError::Damaged { .. }) = reopen(&disk).await else { panic!("opened") };
    assert_eq!(
        error.to_string(),
        "memory: damaged: the log ends at entry 11, although entry 12 was acknowledged; this replica may never vote again \
         under this identity: retire it, wipe the directory, and let it be admitted anew"
    );
}

/// What the documentation of the watermark allows: a lie about the last moments before a crash stays unseen.
#[tokio::test(start_paused = true)]
async fn what_the_watermark_does_not_say_yet_is_not_missed() {
    let (disk, replica) = one().await;
    drop(replica);
    disk.crash();
    assert!(!disk.lose_synced_entries(1));
    assert!(reopen(&disk).await.is_ok());
}

/// The leader sees it all the same: the follower said that it had them.
#[tokio::test(start_paused = true)]
async fn a_follower_whose_disk_lost_what_it_acknowledged_is_counted_no_more() {
    let mut three = Three::found().await;
    for number in 0..10 {
        write(&three.replicas[&1], number).await.unwrap();
    }
    three.agree().await;
    three.kill(3);
    assert!(three.disks[&3].lose_entries_unseen(1));
    three.restart(3).await;
    let leader = three.replicas[&1].clone();
    until(|| leader.distrusted() == [3]).await;
    // The others go on, and it hears of nothing new.
    write(&leader, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(leader.leadership().borrow().leads());
    assert_eq!(missing(&three.replicas[&3], [10]), [10]);
    // With it alone there is no majority, as if it were not there.
    three.kill(2);
    until(|| !leader.leadership().borrow().leads()).await;
    let alone = tokio::time::timeout(Duration::from_secs(5), write(&leader, 11)).await;
    assert!(!matches!(alone, Ok(Ok(_))), "{alone:?}");
    three.restart(2).await;
    three.leader().await;
    assert_eq!(missing(&leader, 0..11), []);
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_lost_its_power_and_nothing_else_is_counted_as_before() {
    let mut three = Three::found().await;
    for number in 0..10 {
        write(&three.replicas[&1], number).await.unwrap();
    }
    three.kill(3);
    three.restart(3).await;
    three.agree().await;
    assert_eq!(three.leader().await.distrusted(), []);
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_leaves_nothing_out_of_the_watermark() {
    let (disk, replica) = one().await;
    replica.stop().await;
    assert!(disk.lose_synced_entries(1));
    assert!(matches!(reopen(&disk).await, Err(OpenError::Damaged { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_vote_is_damage() {
    let (disk, _replica) = one().await;
    disk.crash();
    disk.lose_vote();
    assert!(matches!(reopen(&disk).await, Err(OpenError::Damaged { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_store_is_opened_under_its_own_identity_only() {
    let (disk, replica) = one().await;
    replica.stop().await;
    let store = StoreKind::Memory(disk.clone());
    let mut other = identity(2, &store);
    let wire = || Town::default().wire(1);
    let refused = Replica::open(options(store.clone(), 1), other.clone(), wire()).await;
    assert!(matches!(refused, Err(OpenError::AnotherIdentity { .. })));
    other.replica = 1;
    other.store_id = [1; 16];
    let refused = Replica::open(options(store.clone(), 1), other, wire()).await;
    assert!(matches!(refused, Err(OpenError::AnotherIdentity { .. })));
    reopen(&disk).await.unwrap();
}

async fn open_with_an_old_program(disk: &MemoryDisk) -> Result<Replica, OpenError> {
    let store = StoreKind::Memory(disk.clone());
    let old = Options { feature_level_max: 1, ..options(store.clone(), 1) };
    Replica::open(old, identity(1, &store), Town::default().wire(1)).await
}

#[tokio::test(start_paused = true)]
async fn rows_of_a_newer_level_are_opened_by_no_old_program() {
    let (disk, replica) = one().await;
    replica.propose(raise_level()).await.unwrap();
    // Flushes the rows.
    replica.stop().await;
    let refused = open_with_an_old_program(&disk).await;
    assert!(matches!(refused, Err(OpenError::TooNew { level: 2, understands: 1, .. })), "{:?}", refused.err());
    reopen(&disk).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_log_that_goes_on_beyond_this_program_is_no_damage() {
    let (disk, replica) = one().await;
    replica.propose(raise_level()).await.unwrap();
    for number in 10..12 {
        write(&replica, number).await.unwrap();
    }
    // The rows were not flushed: the raise stands in the log alone.
    disk.crash();
    let refused = open_with_an_old_program(&disk).await;
    let Err(error @ OpenError::Beyond { .. }) = refused else { panic!("not beyond: {:?}", refused.err()) };
    let why = "feature level 2 is newer than this version";
    assert_eq!(error.to_string(), format!("memory: {why}: start the newer version again"));
    let newer = reopen(&disk).await.unwrap();
    newer.leadership().wait_for(|now| now.leads()).await.unwrap();
    newer.barrier().await.unwrap();
    assert_eq!(missing(&newer, 0..12), []);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_replica_goes_on_where_it_stopped() {
    let (disk, replica) = one().await;
    let digest = replica.digest();
    replica.stop().await;
    let again = reopen(&disk).await.unwrap();
    assert_eq!(again.digest(), digest, "loaded from rows, without the log");
}

#[tokio::test(start_paused = true)]
async fn timers_that_contradict_each_other_are_refused() {
    let store = StoreKind::Memory(MemoryDisk::new(1));
    let identity = identity(1, &store);
    let mut options = Options::new(store);
    options.timers.heartbeat_ms = 500;
    let refused = Replica::open(options, identity, Town::default().wire(1)).await;
    assert!(matches!(refused, Err(OpenError::Options(_))));
}

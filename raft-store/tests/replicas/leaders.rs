//! Leaders die, are cut off, hand over; what was acknowledged stays.

use std::time::Duration;

use muster_raft_store::{BarrierError, ProposeError};
use tokio::time::Instant;

use crate::town::*;

#[tokio::test(start_paused = true)]
async fn a_dead_leader_is_replaced_and_nothing_acknowledged_is_lost() {
    let mut three = Three::found().await;
    for number in 0..50 {
        write(&three.replicas[&1], number).await.unwrap();
    }
    three.kill(1);
    let died = Instant::now();
    let leader = three.leader().await;
    write(leader, 50).await.unwrap();
    assert!(died.elapsed() < Duration::from_secs(2), "{:?}", died.elapsed());
    assert_eq!(missing(leader, 0..=50), []);
    three.restart(1).await;
    three.agree().await;
    assert_eq!(missing(&three.replicas[&1], 0..=50), []);
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_of_all_loses_nothing_acknowledged() {
    let mut three = Three::found().await;
    for disk in three.disks.values() {
        disk.set_sync_ms(3);
    }
    let leader = three.replicas[&1].clone();
    let writes = (0..200).map(|number| {
        let leader = leader.clone();
        tokio::spawn(async move { write(&leader, number).await.is_ok().then_some(number) })
    });
    let writes: Vec<_> = writes.collect();
    let half = leader.metrics().last_index + 20;
    leader.applied().wait_for(|applied| applied.index >= half).await.unwrap();
    for replica in 1..=3 {
        three.kill(replica);
    }
    drop(leader);
    let mut acked = Vec::new();
    for write in writes {
        acked.extend(write.await.unwrap());
    }
    assert!(acked.len() >= 20, "{}", acked.len());
    for replica in 1..=3 {
        three.restart(replica).await;
    }
    three.agree().await;
    assert_eq!(missing(three.leader().await, acked), []);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_loses_its_quorum_and_its_place() {
    let three = Three::found().await;
    let old = &three.replicas[&1];
    three.town.cut_off(1);
    let mut lost = old.leadership();
    lost.wait_for(|now| !now.leads()).await.unwrap();
    assert!(matches!(old.barrier().await, Err(BarrierError::Unavailable(_))));
    assert_eq!(write(old, 1).await, Err(ProposeError::NotLeader { leader: None }), "it knows that nobody may hear it");
    write(three.leader().await, 2).await.unwrap();
    three.town.heal();
    three.agree().await;
    assert_eq!(missing(old, [2]), []);
    assert_eq!(missing(old, [1]), [1], "never committed");
}

#[tokio::test(start_paused = true)]
async fn a_minority_does_not_raise_the_term() {
    let three = Three::found().await;
    let term = three.replicas[&1].metrics().term;
    three.town.cut_off(3);
    tokio::time::sleep(Duration::from_secs(30)).await;
    three.town.heal();
    three.agree().await;
    assert_eq!(three.leader().await.identity().replica, 1);
    assert_eq!(three.replicas[&3].metrics().term, term, "pre-vote");
}

#[tokio::test(start_paused = true)]
async fn a_planned_handover_is_quick() {
    let three = Three::found().await;
    let asked = Instant::now();
    three.replicas[&1].transfer_leader(3).await.unwrap();
    write(&three.replicas[&3], 1).await.unwrap();
    assert!(asked.elapsed() < Duration::from_millis(200), "{:?}", asked.elapsed());
    assert_eq!(three.leader().await.identity().replica, 3);
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_disk_stands_still_hands_over() {
    let three = Three::found().await;
    three.disks[&1].set_sync_ms(3_600_000);
    let stuck = three.replicas[&1].clone();
    let began = Instant::now();
    let waiting = tokio::spawn(async move { write(&stuck, 1).await });
    let mut second = three.replicas[&2].leadership();
    let elected = second.wait_for(|now| now.leader.as_ref().is_some_and(|leader| leader.replica != 1));
    let leader = elected.await.unwrap().leader.clone().unwrap();
    write(&three.replicas[&leader.replica], 2).await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(600), "two election time-outs: {:?}", began.elapsed());
    waiting.abort();
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_disk_stands_still_and_that_reaches_nobody_ends() {
    let three = Three::found().await;
    three.disks[&1].set_sync_ms(3_600_000);
    three.town.cut_off(1);
    let stuck = three.replicas[&1].clone();
    let began = Instant::now();
    let waiting = tokio::spawn(async move { write(&stuck, 1).await });
    let why = three.replicas[&1].failed().await;
    assert!(why.starts_with("the disk stands still for "), "{why}");
    assert!(
        began.elapsed() < Duration::from_millis(750),
        "two election time-outs and two looks: {:?}",
        began.elapsed()
    );
    waiting.abort();
}

#[tokio::test(start_paused = true)]
async fn a_follower_reads_what_was_acknowledged() {
    let three = Three::found().await;
    for number in 0..20 {
        let written = write(&three.replicas[&1], number).await.unwrap();
        let read = three.replicas[&2].barrier().await.unwrap();
        assert!(read >= written.index);
        assert_eq!(missing(&three.replicas[&2], [number]), []);
        let blob = three.replicas[&2].blob(&note_hash(number)).unwrap().unwrap();
        assert_eq!(blob, format!("note {number}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_removes_itself_leaves_the_others_a_leader() {
    let three = Three::found().await;
    three.replicas[&1].remove(1).await.unwrap();
    let mut second = three.replicas[&2].leadership();
    let elected = second.wait_for(|now| now.leader.as_ref().is_some_and(|leader| leader.replica != 1));
    let leader = elected.await.unwrap().leader.clone().unwrap();
    write(&three.replicas[&leader.replica], 1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_history() {
    async fn history() -> Vec<(u64, u64)> {
        let mut three = Three::found().await;
        let mut seen = Vec::new();
        for round in 0..3 {
            let leader = three.leader().await.identity().replica;
            let written = write(&three.replicas[&leader], round).await.unwrap();
            seen.push((leader, written.index));
            three.kill(leader);
            three.restart(leader).await;
            three.agree().await;
        }
        seen
    }
    assert_eq!(history().await, history().await);
}

//! Replicas whose state differs, because one of them applied something else.

use std::time::Duration;

use muster_model::cluster::Changes;
use muster_raft_store::{ProposeError, Replica};

use crate::town::*;

/// Applies what stands in nobody's log.
fn lead_astray(replica: &Replica, number: u64) {
    let state = replica.state();
    state.write().unwrap().apply(1_000_000, &note(number), &mut Changes::default());
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_applied_something_else_ends_and_the_others_go_on() {
    let three = Three::found().await;
    lead_astray(&three.replicas[&3], 1_000);
    write(&three.replicas[&1], 1).await.unwrap();
    let why = three.replicas[&3].failed().await;
    assert!(why.starts_with("the replicated state differs at entry "), "{why}");
    assert!(why.contains(", at replicas [1, 2] "), "{why}");
    tokio::time::sleep(Duration::from_secs(20)).await;
    write(&three.replicas[&1], 2).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_applied_something_else_ends_and_another_leads() {
    let mut three = Three::found().await;
    lead_astray(&three.replicas[&1], 1_000);
    write(&three.replicas[&1], 1).await.unwrap();
    three.replicas[&1].failed().await;
    three.kill(1);
    write(three.leader().await, 2).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_majority_of_the_same_state_nothing_is_accepted() {
    let three = Three::found().await;
    lead_astray(&three.replicas[&2], 1_000);
    lead_astray(&three.replicas[&3], 2_000);
    write(&three.replicas[&1], 1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let refused = write(&three.replicas[&1], 2).await;
    let Err(ProposeError::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(why.starts_with("the replicated state differs at entry "), "{why}");
}

#[tokio::test(start_paused = true)]
async fn replicas_that_agree_stay() {
    let three = Three::found().await;
    for number in 0..30 {
        write(&three.replicas[&1], number).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    three.agree().await;
}

//! From one founded replica to three and back.

use muster_model::cluster::{Event, Outcome};
use muster_raft_store::{Heard, MemberError, MemoryDisk, ProposeError, RaftKind, Role};

use crate::town::*;

#[tokio::test(start_paused = true)]
async fn three_replicas_hold_the_same_state() {
    let three = Three::found().await;
    for number in 0..20 {
        write(&three.replicas[&1], number).await.unwrap();
    }
    three.agree().await;
    for replica in three.replicas.values() {
        assert_eq!(missing(replica, 0..20), []);
    }
}

#[tokio::test(start_paused = true)]
async fn founding_twice_is_refused_by_the_state() {
    let three = Three::found().await;
    let again = three.replicas[&1].found(founding(), address(1)).await.unwrap();
    assert!(matches!(&again.outcomes[..], [Outcome::Rejected(_)]), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_nobody_admitted_stays_silent() {
    let town = Town::default();
    let lonely = open(&town, &MemoryDisk::new(5), 5).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let leadership = lonely.leadership().borrow().clone();
    assert_eq!((leadership.role, leadership.term, leadership.leader), (Role::Learner, 0, None));
    let asked = lonely.handle(1, RaftKind::Vote, Default::default()).await;
    assert!(asked.is_err());
    assert_eq!(write(&lonely, 1).await, Err(ProposeError::NotLeader { leader: None }));
}

#[tokio::test(start_paused = true)]
async fn membership_changes_may_be_repeated() {
    let three = Three::found().await;
    let leader = &three.replicas[&1];
    leader.add_learner(peer(2)).await.unwrap();
    leader.promote(2).await.unwrap();
    assert!(matches!(leader.promote(8).await, Err(MemberError::Refused(_))));
    leader.remove(3).await.unwrap();
    leader.remove(3).await.unwrap();
    let left: Vec<u64> = leader.members().into_iter().map(|member| member.peer.replica).collect();
    assert_eq!(left, [1, 2]);
    leader.remove(2).await.unwrap();
    assert!(matches!(leader.remove(1).await, Err(MemberError::Refused(_))), "the last voter");
}

#[tokio::test(start_paused = true)]
async fn a_member_may_move_to_another_address() {
    let three = Three::found().await;
    let leader = &three.replicas[&1];
    let moved = muster_raft_store::Peer { replica: 3, address: "elsewhere:6820".into() };
    leader.add_learner(moved.clone()).await.unwrap();
    let found = leader.members().into_iter().find(|member| member.peer.replica == 3).unwrap();
    assert_eq!((found.peer, found.voter), (moved, true));
}

#[tokio::test(start_paused = true)]
async fn a_follower_names_the_leader() {
    let three = Three::found().await;
    write(&three.replicas[&1], 1).await.unwrap();
    let refused = write(&three.replicas[&2], 2).await;
    assert_eq!(refused, Err(ProposeError::NotLeader { leader: Some(peer(1)) }));
    assert!(matches!(three.replicas[&2].add_learner(peer(7)).await, Err(MemberError::NotLeader { .. })));
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_heard_on_every_replica() {
    let three = Three::found().await;
    let mut events = three.replicas[&3].events();
    three.replicas[&1].remove(2).await.unwrap();
    assert_eq!(events.next().await, Some(Heard::Event(Event::ReplicasChanged)));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_cannot_be_carried_out_is_refused_before_the_log() {
    let three = Three::found().await;
    let leader = &three.replicas[&1];
    let mut empty = note(1);
    empty.commands[0].body = None;
    assert!(matches!(leader.propose(empty).await, Err(ProposeError::Refused(_))));
    let mut newer = note(1);
    newer.feature_level = 99;
    assert!(matches!(leader.propose(newer).await, Err(ProposeError::Refused(_))));
    let mut large = note(1);
    large.commands = vec![large.commands[0].clone(); 20_000];
    assert!(matches!(leader.propose(large).await, Err(ProposeError::Refused(_))));
}

//! The lease on real supervisors: what ends with it, whoever lives.

// What fails here fails the test, also in what its functions share.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use muster_proto::wire::{EndAttempt, order, report};
use prost::Message;
use support::*;

const LEASE_MS: u64 = 2_000;
const STEP_DIR: &str = "steps/100.1.4294967291";
/// Deaf to TERM, with a child that is too; writes down both once they are.
const DEAF: &str = "#!/bin/sh
trap '' TERM HUP
( setsid /bin/sh -c 'trap \"\" TERM HUP; while :; do /bin/sleep 1; done' & echo $! >child )
echo $$ >pid.new; mv pid.new pid
while :; do /bin/sleep 1; done
";

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// A node whose lease is on record and renewed again and again, and a script that would never end on it.
async fn leased(place: &Place) -> (Leader, Node) {
    let mut leader = Leader::start().await;
    leader.lease.wanted_ms.store(LEASE_MS, Ordering::SeqCst);
    leader.lease.renews.store(true, Ordering::SeqCst);
    let node = place.start(&leader).await;
    let lease = leader.lease.clone();
    until("the lease is on record", || lease.recorded_ms.load(Ordering::SeqCst) == LEASE_MS).await;
    let file = place.spool().join("lease");
    until("the lease was renewed", || file.exists()).await;
    leader.order(100, 1, hold(&place.work())).await;
    leader.held().await;
    leader.order(100, 1, order::Body::LaunchStep(batch(&place.work(), DEAF))).await;
    leader.started().await;
    let pid = place.work().join("pid");
    until("the script runs", || pid.exists()).await;
    (leader, node)
}

fn renewed_until(place: &Place) -> u64 {
    let text = std::fs::read_to_string(place.spool().join("lease")).unwrap();
    text.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn lives(place: &Place, file: &str) -> bool {
    let pid = std::fs::read_to_string(place.work().join(file)).unwrap();
    // What init has not reaped yet is dead.
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn exit_record(place: &Place) -> Option<muster_noded::stepd::wire::ExitRecord> {
    let bytes = std::fs::read(place.spool().join(STEP_DIR).join("exit")).ok()?;
    Message::decode(&bytes[..]).ok()
}

#[tokio::test]
async fn work_goes_on_while_the_lease_is_renewed_and_ends_when_it_is_not() {
    let place = Place::new();
    let (mut leader, node) = leased(&place).await;
    let first = renewed_until(&place);
    until("a lease that would be over by now", || renewed_until(&place) > first + LEASE_MS).await;
    assert!(lives(&place, "pid") && exit_record(&place).is_none(), "it was renewed");
    // The leader hears the node and answers, but nobody follows it any more.
    leader.lease.renews.store(false, Ordering::SeqCst);
    let released = loop {
        match leader.report().await {
            report::Body::Released(released) => break released,
            report::Body::StepExit(exit) => panic!("an exit that says nothing of the job: {exit:?}"),
            _ => {}
        }
    };
    assert!(released.exit.is_none());
    assert!(!lives(&place, "pid") && !lives(&place, "child"));
    leader.order(200, 1, hold(&place.work())).await;
    // Orders are taken one after the other.
    leader.order(300, 1, order::Body::EndAttempt(EndAttempt::default())).await;
    let next = leader.report().await;
    assert!(matches!(&next, report::Body::Refused(refused) if refused.uid == 300), "nothing is begun: {next:?}");
    let ended = renewed_until(&place);
    leader.lease.renews.store(true, Ordering::SeqCst);
    until("a new lease", || renewed_until(&place) > ended).await;
    leader.order(200, 1, hold(&place.work())).await;
    leader.held().await;
    node.stop().await;
}

#[tokio::test]
async fn supervisors_end_their_steps_without_the_daemon() {
    let place = Place::new();
    let (mut leader, node) = leased(&place).await;
    node.stop().await;
    assert!(lives(&place, "pid"), "they outlive the daemon, for as long as the lease");
    until("the exit record", || exit_record(&place).is_some()).await;
    let record = exit_record(&place).unwrap();
    assert_eq!((record.wait_status, record.lease_over), (9, true));
    assert!(!lives(&place, "pid") && !lives(&place, "child"));
    let node = place.start(&leader).await;
    let released = loop {
        match leader.report().await {
            report::Body::Released(released) => break released,
            report::Body::StepExit(exit) => panic!("an exit that says nothing of the job: {exit:?}"),
            _ => {}
        }
    };
    assert!(released.exit.is_none());
    node.stop().await;
}

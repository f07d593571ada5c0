//! P3: one run at a time.

use muster_proto::durable::{ConfirmNodeDead, HeldAttempt, NodePhase, ReturnNode, command::Body};

use crate::cluster::dispatch::{Wanted, wanted};
use crate::cluster::testing::*;
use crate::cluster::*;

#[test]
fn a_lost_share_holds_the_job_until_the_node_has_booted_anew() {
    let mut scene = Scene::up();
    let uid = scene.run(on_nodes(2), &[(0, 1), (1, 1)]);
    scene.lose(1);
    assert_eq!(scene.long_state(uid), "COMPLETING");
    scene.released(uid, 0);
    assert!(scene.cluster.node(0).unwrap().shares.is_empty(), "the node that answers is free");
    scene.later(10 * 60 * 60 * 1_000);
    assert!(scene.place(uid, &[(2, 1), (3, 1)]).is_err(), "no time is proof");
    scene.register(1, "boot-2", 1);
    assert_eq!(scene.long_state(uid), "PENDING");
    assert_eq!(scene.job(uid).row.restarts, 1);
    scene.later(REQUEUE_DELAY_MS);
    scene.place(uid, &[(2, 1), (3, 1)]).unwrap();
    assert_eq!(scene.job(uid).newest_attempt().unwrap().number, 2);
}

#[test]
fn a_node_that_comes_back_in_the_same_boot_ends_the_attempt_itself() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(1, 1)]);
    scene.lose(1);
    assert_eq!(wanted(&scene.cluster, 1), [], "it cannot be reached");
    let epoch = scene.cluster.node(1).unwrap().row.epoch;
    scene.lead(Body::ReturnNode(ReturnNode { node: 1, epoch }));
    assert!(matches!(wanted(&scene.cluster, 1)[..], [Wanted::EndAttempt { attempt: 1, .. }]));
    assert!(scene.place(uid, &[(2, 1)]).is_err());
    scene.released(uid, 1);
    assert_eq!(scene.long_state(uid), "PENDING");
}

#[test]
fn an_operators_word_is_proof_and_the_dead_boot_never_counts_again() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(1, 1)]);
    let (attempt, epoch) = (1, scene.cluster.node(1).unwrap().row.epoch);
    let confirm = Body::ConfirmNodeDead(ConfirmNodeDead { name: "n2".to_owned(), why: "unplugged".to_owned() });
    assert!(matches!(scene.client(0, confirm.clone()), Outcome::Rejected(_)), "not while it is up");
    scene.lose(1);
    assert!(matches!(scene.client(ALICE, confirm.clone()), Outcome::Rejected(answer) if answer.error == 2010));
    scene.client(0, confirm);
    assert_eq!(scene.long_state(uid), "PENDING");
    let note = &scene.job(uid).newest_attempt().unwrap().nodes[0].note;
    assert_eq!(note, "confirmed by 0: unplugged");
    let ghost = muster_proto::durable::RecordReleased { uid, attempt, node: 1, epoch, ..Default::default() };
    assert!(matches!(scene.node(Body::RecordReleased(ghost)), Outcome::Stale(_)));
    assert!(matches!(scene.register(1, "boot-1", 1), Outcome::Rejected(_)), "the boot was declared over");
    assert!(matches!(scene.register(1, "boot-2", 1), Outcome::Done(_)));
}

#[test]
fn a_new_spool_in_the_same_boot_proves_nothing() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(1, 1)]);
    scene.register(1, "boot-1", 2);
    let job = scene.job(uid);
    assert_eq!(job.newest_attempt().unwrap().nodes[0].phase(), NodePhase::Lost);
    assert!(!job.is_startable());
    assert!(scene.cluster.node(1).unwrap().row.drain);
    assert_eq!(wanted(&scene.cluster, 1), [], "an order to the old epoch would be refused");
}

#[test]
fn a_new_spool_that_found_the_attempt_goes_on_with_it() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(1, 1)]);
    scene.register_holding(1, "boot-1", 2, vec![HeldAttempt { uid, attempt: 1, ..Default::default() }]);
    assert_eq!(scene.long_state(uid), "RUNNING");
    scene.exit(uid, 1, BATCH, 0);
    scene.released(uid, 1);
    assert_eq!(scene.long_state(uid), "COMPLETED");
}

#[test]
fn a_restarted_noded_keeps_its_epoch() {
    let mut scene = Scene::up();
    let before = scene.cluster.node(1).unwrap().row.epoch;
    scene.register(1, "boot-1", 1);
    assert_eq!(scene.cluster.node(1).unwrap().row.epoch, before);
}

#[test]
fn another_machine_under_the_same_name_is_refused() {
    let mut scene = Scene::up();
    let mut other = registration(1, "boot-9", 1, Vec::new());
    other.machine = vec![9; 32].into();
    assert!(matches!(scene.node(Body::RegisterNode(other.clone())), Outcome::Rejected(_)));
    // It takes the place of one that an operator says is off; then that one is the other.
    scene.lose(1);
    scene.client(0, Body::ConfirmNodeDead(ConfirmNodeDead { name: "n2".into(), why: "replaced".into() }));
    assert!(matches!(scene.node(Body::RegisterNode(other)), Outcome::Done(_)));
    let back = registration(1, "boot-1", 1, Vec::new());
    assert!(matches!(scene.node(Body::RegisterNode(back)), Outcome::Rejected(_)));
}

#[test]
fn a_report_of_an_older_epoch_or_attempt_changes_nothing() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(1, 1)]);
    let epoch = scene.cluster.node(1).unwrap().row.epoch;
    scene.register(1, "boot-2", 1);
    let digest = |scene: &Scene| scene.cluster.job(uid).cloned();
    let before = digest(&scene);
    let report = muster_proto::durable::RecordHeld { uid, attempt: 1, node: 1, epoch, launched: false };
    assert!(matches!(scene.node(Body::RecordHeld(report)), Outcome::Stale(_)));
    let report = muster_proto::durable::RecordHeld { uid, attempt: 7, node: 1, epoch: epoch + 1, launched: false };
    assert!(matches!(scene.node(Body::RecordHeld(report)), Outcome::Stale(_)));
    assert_eq!(digest(&scene), before);
}

#[test]
fn a_report_of_an_older_attempt_does_not_count_for_the_newest() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(1, 1)]);
    scene.lose(1);
    scene.register(1, "boot-2", 1);
    scene.later(REQUEUE_DELAY_MS);
    scene.place(uid, &[(1, 1)]).unwrap();
    let epoch = scene.cluster.node(1).unwrap().row.epoch;
    let before = scene.cluster.job(uid).cloned();
    let held = |attempt| {
        let report = muster_proto::durable::RecordHeld { uid, attempt, node: 1, epoch, launched: false };
        Body::RecordHeld(report)
    };
    assert!(matches!(scene.node(held(1)), Outcome::Stale(_)));
    let released = muster_proto::durable::RecordReleased { uid, attempt: 1, node: 1, epoch, ..Default::default() };
    assert!(matches!(scene.node(Body::RecordReleased(released)), Outcome::Stale(_)));
    assert_eq!(scene.cluster.job(uid).cloned(), before);
    assert!(matches!(scene.node(held(2)), Outcome::Done(_)));
    assert_eq!(scene.long_state(uid), "RUNNING");
}

#[test]
fn no_kill_goes_on_without_the_lost_node() {
    let mut scene = Scene::up();
    let mut spec = salloc(2);
    spec.no_kill = true;
    let uid = scene.run(spec, &[(0, 1), (1, 1)]);
    scene.lose(1);
    assert_eq!(scene.long_state(uid), "RUNNING");
    scene.cancel(ALICE, 1);
    scene.released(uid, 0);
    assert_eq!(scene.long_state(uid), "COMPLETING", "the lost share still waits for proof");
    scene.register(1, "boot-2", 1);
    assert_eq!(scene.long_state(uid), "CANCELLED");
}

#[test]
fn a_loss_that_names_an_older_epoch_is_void() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(1, 1)]);
    let lose = muster_proto::durable::LoseNode { node: 1, epoch: 99, why: String::new() };
    assert!(matches!(scene.lead(Body::LoseNode(lose)), Outcome::Stale(_)));
    assert_eq!(scene.long_state(uid), "RUNNING");
}

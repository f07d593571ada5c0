//! Time as proof: leases, and Slurm's way (docs/fencing.md).

use muster_proto::durable::{
    ApplyConfig, ConfigFile, FenceState, HeldAttempt, NodeBase, NodePhase, ProveNodeDead, RegisterNode, ReturnNode,
    command::Body,
};

use crate::cluster::testing::*;
use crate::cluster::*;

const LEASE: &str = "ProofOfDeath=lease LeaseSec=60\n";
const LEASE_MS: u64 = 60_000;
/// Two seconds, and a tenth.
const WAIT_MS: u64 = LEASE_MS + 2_000 + 6_000;

/// All nodes are up, and keep the lease that they are told.
fn scene(fence: &str) -> Scene {
    Scene::up_fenced(CONF, fence)
}

fn configure(scene: &mut Scene, fence: &str) -> Outcome {
    let mut files = files(CONF);
    files.files.push(ConfigFile { path: "/etc/slurm/fence.conf".to_owned(), text: fence.to_owned() });
    scene.client(0, Body::ApplyConfig(ApplyConfig { files: Some(files), base_version: 0 }))
}

fn keep(scene: &mut Scene, index: u32, boot: &str, lease_ms: u64, holds: Vec<HeldAttempt>) -> Outcome {
    scene.node(Body::RegisterNode(RegisterNode { lease_ms, ..registration(index, boot, 1, holds) }))
}

fn prove(scene: &mut Scene, epoch: u64) -> Outcome {
    scene.lead(Body::ProveNodeDead(ProveNodeDead { node: 0, epoch }))
}

fn epoch(scene: &Scene) -> u64 {
    scene.cluster.node(0).unwrap().row.epoch
}

/// A job on n1 that was lost with it.
fn lost(fence: &str) -> (Scene, u64) {
    let mut scene = scene(fence);
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.lose(0);
    (scene, uid)
}

fn part(scene: &Scene, uid: u64) -> (NodePhase, String) {
    let part = &scene.job(uid).newest_attempt().unwrap().nodes[0];
    (part.phase(), part.note.clone())
}

#[test]
fn the_end_of_a_lease_is_proof_under_a_new_epoch_of_the_same_boot() {
    let (mut scene, uid) = lost(LEASE);
    assert_eq!(part(&scene, uid).0, NodePhase::Lost);
    let before = epoch(&scene);
    assert_eq!(scene.cluster.provable(), [Provable { node: 0, epoch: before, wait_ms: WAIT_MS }]);
    assert!(matches!(prove(&mut scene, before), Outcome::Done(_)));
    assert_eq!(part(&scene, uid), (NodePhase::ProvenDead, "the node's lease of 60000 ms is over".to_owned()));
    assert_eq!((scene.long_state(uid), scene.cluster.provable()), ("PENDING", vec![]));
    let row = scene.cluster.node(0).unwrap().row.clone();
    assert_eq!((row.boot_id.as_str(), row.superseded_boots.len()), ("boot-1", 0));
    assert!(row.epoch > before && row.base() == NodeBase::Down);
    assert!(matches!(prove(&mut scene, before), Outcome::Stale(_)), "a repeat");
}

#[test]
fn the_node_returns_in_the_same_boot_and_its_late_report_changes_nothing() {
    let (mut scene, uid) = lost(LEASE);
    let before = epoch(&scene);
    prove(&mut scene, before);
    scene.later(REQUEUE_DELAY_MS);
    scene.place(uid, &[(1, 1)]).expect("n2 is free");
    let ended = HeldAttempt { uid, attempt: 1, ended: true, lives: false };
    assert!(matches!(keep(&mut scene, 0, "boot-1", LEASE_MS, vec![ended]), Outcome::Done(_)));
    let node = scene.cluster.node(0).unwrap();
    assert!(node.is_usable() && node.shares.is_empty() && !node.row.drain);
    let late = muster_proto::durable::RecordReleased { uid, attempt: 1, node: 0, epoch: before, ..Default::default() };
    assert!(matches!(scene.node(Body::RecordReleased(late)), Outcome::Stale(_)));
    assert_eq!(scene.job(uid).newest_attempt().unwrap().number, 2);
}

#[test]
fn a_node_on_which_something_outlived_its_lease_is_drained_until_it_boots() {
    for placed_again in [false, true] {
        let (mut scene, uid) = lost(LEASE);
        let before = epoch(&scene);
        prove(&mut scene, before);
        if placed_again {
            scene.later(REQUEUE_DELAY_MS);
            scene.place(uid, &[(1, 1)]).expect("n2 is free");
        }
        let lives = HeldAttempt { uid, attempt: 1, ended: false, lives: true };
        keep(&mut scene, 0, "boot-1", LEASE_MS, vec![lives]);
        let row = scene.cluster.node(0).unwrap().row.clone();
        let job_id = scene.job(uid).row.job_id;
        assert_eq!((row.drain, row.reason), (true, format!("Outlived its lease: job {job_id}; reboot the node")));
        keep(&mut scene, 0, "boot-2", LEASE_MS, Vec::new());
        assert!(!scene.cluster.node(0).unwrap().row.drain);
    }
}

#[test]
fn whatever_still_counts_is_no_reason_to_drain() {
    let mut scene = scene(LEASE);
    let uid = scene.run(batch(), &[(0, 1)]);
    let lives = HeldAttempt { uid, attempt: 1, ended: false, lives: true };
    keep(&mut scene, 0, "boot-1", LEASE_MS, vec![lives]);
    assert!(!scene.cluster.node(0).unwrap().row.drain);
}

#[test]
fn a_node_that_has_returned_or_keeps_no_lease_is_not_proven_dead_by_time() {
    let (mut scene, uid) = lost(LEASE);
    let before = epoch(&scene);
    scene.lead(Body::ReturnNode(ReturnNode { node: 0, epoch: before }));
    assert!(matches!(prove(&mut scene, before), Outcome::Stale(_)));
    scene.lose(0);
    keep(&mut scene, 0, "boot-1", LEASE_MS, Vec::new());
    assert!(matches!(prove(&mut scene, before), Outcome::Stale(_)), "it has registered since");
    keep(&mut scene, 0, "boot-1", 0, Vec::new());
    scene.lose(0);
    assert_eq!(scene.cluster.provable(), []);
    assert!(matches!(prove(&mut scene, before), Outcome::Stale(_)), "an older program, perhaps");
    assert_eq!(part(&scene, uid).0, NodePhase::Lost);
}

#[test]
fn nodes_are_counted_by_whether_they_keep_a_lease() {
    let (mut scene, _) = lost(LEASE);
    let nodes = scene.cluster.nodes().count();
    assert_eq!(scene.cluster.leases(), Leases { kept: nodes - 1, missing: 0 }, "a lost one is not counted");
    keep(&mut scene, 1, "boot-1", 0, Vec::new());
    assert_eq!(scene.cluster.leases(), Leases { kept: nodes - 2, missing: 1 });
    configure(&mut scene, "");
    assert_eq!(scene.cluster.leases(), Leases { kept: nodes - 2, missing: 0 }, "none is wanted");
}

#[test]
fn the_longest_lease_that_a_node_may_keep_is_waited_for() {
    let (mut scene, _) = lost(LEASE);
    let wait_ms = |scene: &Scene| scene.cluster.provable()[0].wait_ms;
    configure(&mut scene, "ProofOfDeath=lease LeaseSec=20\n");
    assert_eq!(wait_ms(&scene), WAIT_MS, "it was not told of the shorter one");
    configure(&mut scene, "ProofOfDeath=lease LeaseSec=120\n");
    assert_eq!(wait_ms(&scene), 120_000 + 2_000 + 12_000);
    configure(&mut scene, "");
    assert_eq!(scene.cluster.provable(), []);
}

#[test]
fn of_an_older_epoch_no_lease_proves_anything() {
    let mut scene = scene(LEASE);
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.node(Body::RegisterNode(RegisterNode { lease_ms: LEASE_MS, ..registration(0, "boot-1", 2, Vec::new()) }));
    assert_eq!(part(&scene, uid), (NodePhase::Lost, "the node's spool was lost".to_owned()));
    scene.lose(0);
    assert_eq!(scene.cluster.provable(), []);
    let now = epoch(&scene);
    prove(&mut scene, now);
    assert_eq!(part(&scene, uid).0, NodePhase::Lost, "its supervisors were of another spool");
}

#[test]
fn the_end_of_a_lease_overtakes_a_fence_and_a_fence_the_end_of_a_lease() {
    let fence = format!("{LEASE}{FENCE}");
    let (mut scene, uid) = lost(&fence);
    let duties = |scene: &Scene| scene.cluster.fence_duties(scene.now_ms, 10);
    let due = duties(&scene).remove(0);
    scene.on_fence_duty(due, None);
    scene.later(30_000);
    let due = duties(&scene).remove(0);
    scene.on_fence_duty(due, None);
    assert_eq!(scene.cluster.fence(1).unwrap().state(), FenceState::Started);
    let before = epoch(&scene);
    assert!(matches!(prove(&mut scene, before), Outcome::Done(_)));
    assert_eq!((scene.cluster.fence(1).unwrap().state(), scene.long_state(uid)), (FenceState::Overtaken, "PENDING"));
    assert!(!scene.cluster.node(0).unwrap().is_usable(), "the agents may still be at work");

    let (mut scene, uid) = lost(&fence);
    let before = epoch(&scene);
    for off in [None, Some(true)] {
        let due = duties(&scene).remove(0);
        scene.on_fence_duty(due, off);
        scene.later(30_000);
    }
    assert_eq!((scene.long_state(uid), scene.cluster.provable()), ("PENDING", vec![]));
    assert!(matches!(prove(&mut scene, before), Outcome::Stale(_)));
}

#[test]
fn slurms_way_proves_a_lost_node_dead_at_once_and_says_that_it_is_unsafe() {
    let (mut scene, uid) = lost("ProofOfDeath=timeout\n");
    let before = epoch(&scene);
    assert_eq!(scene.cluster.provable(), [Provable { node: 0, epoch: before, wait_ms: 0 }]);
    prove(&mut scene, before);
    assert!(part(&scene, uid).1.contains("unsafe"));
    assert_eq!(scene.long_state(uid), "PENDING");
    let lives = HeldAttempt { uid, attempt: 1, ended: false, lives: true };
    keep(&mut scene, 0, "boot-1", 0, vec![lives]);
    assert!(!scene.cluster.node(0).unwrap().row.drain, "nothing else was to be expected");
}

#[test]
fn below_its_feature_level_nothing_of_this_is_stored() {
    let mut scene = Scene::up();
    let Outcome::Rejected(answer) = configure(&mut scene, LEASE) else { panic!("an older replica cannot read that") };
    assert!(answer.message.contains("feature level 2"), "{}", answer.message);
    keep(&mut scene, 0, "boot-1", LEASE_MS, Vec::new());
    assert_eq!(scene.cluster.node(0).unwrap().row.lease_ms, 0);
    let now = epoch(&scene);
    assert!(matches!(prove(&mut scene, now), Outcome::Rejected(_)));
}

//! Fencing, command by command (docs/states.md, Fence).

use muster_proto::durable::{
    BeginFenceCall, CancelFence, ConfirmNodeDead, EndFenceCall, FenceState, HeldAttempt, NodeBase, NodePhase,
    RequestFence, ReturnNode, SettleFence, command::Body,
};

use crate::cluster::testing::*;
use crate::cluster::*;

fn scene() -> Scene {
    Scene::up_fenced(CONF, FENCE)
}

fn duties(scene: &Scene) -> Vec<FenceDuty> {
    scene.cluster.fence_duties(scene.now_ms, 100)
}

/// Everything that is due, once each; `off`: see [`Scene::on_fence_duty`].
fn work(scene: &mut Scene, off: Option<bool>) {
    for duty in duties(scene) {
        scene.on_fence_duty(duty, off);
    }
}

fn state(scene: &Scene, fence: u64) -> FenceState {
    scene.cluster.fence(fence).expect("it is kept").state()
}

/// A job on n1 that was lost with it, and the operation asked for.
fn lost() -> (Scene, u64) {
    let mut scene = scene();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.lose(0);
    work(&mut scene, None);
    assert_eq!(state(&scene, 1), FenceState::Requested);
    (scene, uid)
}

fn back(scene: &mut Scene, node: u32) -> Outcome {
    let epoch = scene.cluster.node(node).unwrap().row.epoch;
    scene.lead(Body::ReturnNode(ReturnNode { node, epoch }))
}

fn operators(name: &str, force: bool) -> Body {
    Body::RequestFence(RequestFence { name: name.to_owned(), why: "burning".to_owned(), force, epoch: 0 })
}

#[test]
fn a_confirmed_fence_is_proof_and_the_node_takes_no_work_until_the_agents_deadline() {
    let (mut scene, uid) = lost();
    assert_eq!(duties(&scene), [], "it may still come back by itself");
    scene.later(30_000);
    work(&mut scene, Some(true));
    assert_eq!((state(&scene, 1), scene.long_state(uid)), (FenceState::Confirmed, "PENDING"));
    assert_eq!(scene.job(uid).newest_attempt().unwrap().nodes[0].note, "fenced at level 1: off");
    assert!(matches!(scene.register(0, "boot-1", 1), Outcome::Rejected(_)), "that boot is over");
    scene.register(0, "boot-2", 1);
    let node = scene.cluster.node(0).unwrap();
    assert!(node.row.base() == NodeBase::Up && !node.is_usable(), "a doubled device might strike again");
    assert_eq!(duties(&scene), []);
    scene.later(20_000);
    work(&mut scene, None);
    assert!(scene.cluster.node(0).unwrap().is_usable());
    assert_eq!((duties(&scene), scene.cluster.fence(1).unwrap().ended_ms), (vec![], scene.now_ms));
}

#[test]
fn a_node_that_returns_before_the_first_call_is_left_alone() {
    let (mut scene, uid) = lost();
    back(&mut scene, 0);
    assert_eq!(state(&scene, 1), FenceState::Cancelled);
    assert_eq!(scene.long_state(uid), "COMPLETING", "its own report is the proof");
    scene.later(30_000);
    assert_eq!(duties(&scene), []);
    assert!(matches!(scene.begin_call(1, 1), Outcome::Stale(_)), "a leader that did not see it calls nobody");
    scene.released(uid, 0);
    assert_eq!(scene.long_state(uid), "PENDING");
}

#[test]
fn a_node_whose_fence_has_started_may_not_return_in_the_same_boot() {
    let (mut scene, uid) = lost();
    scene.later(30_000);
    work(&mut scene, None);
    assert_eq!(state(&scene, 1), FenceState::Started);
    assert!(matches!(back(&mut scene, 0), Outcome::Stale(_)));
    assert!(matches!(scene.register(0, "boot-1", 1), Outcome::Rejected(_)));
    assert!(matches!(scene.register_holding(0, "boot-1", 2, vec![HeldAttempt::default()]), Outcome::Rejected(_)));
    assert_eq!(scene.job(uid).newest_attempt().unwrap().nodes[0].phase(), NodePhase::Lost);
}

#[test]
fn a_new_boot_is_proof_in_the_midst_of_a_call_whose_late_answer_is_void() {
    let (mut scene, uid) = lost();
    scene.later(30_000);
    work(&mut scene, None);
    scene.register(0, "boot-2", 1);
    assert_eq!((state(&scene, 1), scene.long_state(uid)), (FenceState::Overtaken, "PENDING"));
    assert!(!scene.cluster.node(0).unwrap().is_usable(), "the call may still strike the new boot");
    let epoch = scene.cluster.node(0).unwrap().row.epoch;
    let late = EndFenceCall { fence: 1, call: 1, off: true, word: "off".to_owned() };
    assert!(matches!(scene.lead(Body::EndFenceCall(late)), Outcome::Stale(_)));
    assert_eq!(scene.cluster.node(0).unwrap().row.epoch, epoch, "the new boot lives");
    scene.later(20_000);
    work(&mut scene, None);
    assert!(scene.cluster.node(0).unwrap().is_usable());
}

#[test]
fn an_operators_word_overtakes_a_fence() {
    let (mut scene, uid) = lost();
    let confirm = Body::ConfirmNodeDead(ConfirmNodeDead { name: "n1".to_owned(), why: "seen".to_owned() });
    scene.client(0, confirm);
    assert_eq!((state(&scene, 1), scene.long_state(uid)), (FenceState::Overtaken, "PENDING"));
    assert_ne!(scene.cluster.fence(1).unwrap().ended_ms, 0, "no agent was called");
}

#[test]
fn a_new_leader_waits_out_the_deadline_of_a_call_that_it_did_not_see_end() {
    let (mut scene, _) = lost();
    scene.later(30_000);
    work(&mut scene, None);
    scene.later(19_999);
    assert_eq!(duties(&scene), []);
    assert!(matches!(scene.begin_call(1, 2), Outcome::Done(answer) if answer.count == 0));
    scene.later(1);
    assert_eq!(duties(&scene), [FenceDuty::Call { fence: 1, call: 2 }]);
    work(&mut scene, None);
    let row = scene.cluster.fence(1).unwrap();
    assert_eq!((row.call, row.level), (2, 1), "the same level again: nobody knows that it failed");
    let late = EndFenceCall { fence: 1, call: 1, off: true, word: "off".to_owned() };
    assert!(matches!(scene.lead(Body::EndFenceCall(late)), Outcome::Stale(_)), "of the leader before");
}

#[test]
fn a_level_that_fails_is_followed_by_the_next_and_then_by_a_pause_that_doubles() {
    let (mut scene, uid) = lost();
    scene.later(30_000);
    let mut calls = Vec::new();
    for _ in 0..200 {
        let before = scene.cluster.fence(1).unwrap().call;
        work(&mut scene, Some(false));
        let row = scene.cluster.fence(1).unwrap();
        if row.call != before {
            calls.push((scene.now_ms / 1_000, row.rounds));
        }
        scene.later(5_000);
    }
    let pauses: Vec<u64> = calls.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(pauses[..7], [5, 60, 5, 120, 5, 240, 5]);
    assert_eq!((state(&scene, 1), scene.long_state(uid)), (FenceState::Failed, "COMPLETING"));
    assert_eq!(scene.cluster.meta().counters.as_ref().unwrap().fence_calls_failed, calls.len() as u64);
    scene.client(0, operators("n1", false));
    work(&mut scene, Some(false));
    work(&mut scene, Some(true));
    assert_eq!(scene.cluster.fence(1).unwrap().level, 2);
    assert_eq!((state(&scene, 1), scene.long_state(uid)), (FenceState::Confirmed, "PENDING"), "an operator hurries it");
}

#[test]
fn a_node_is_switched_on_again_where_fence_conf_says_so_once_nothing_can_strike_it() {
    let (mut scene, _) = lost();
    scene.later(30_000);
    work(&mut scene, Some(false));
    work(&mut scene, Some(true));
    assert!(scene.cluster.fence(1).unwrap().power_on, "level 2 says reboot");
    scene.later(10_000);
    work(&mut scene, None);
    assert_eq!(duties(&scene), [FenceDuty::PowerOn { fence: 1 }]);
    work(&mut scene, None);
    assert_eq!(duties(&scene), []);
}

#[test]
fn more_nodes_lost_at_once_than_the_storm_guard_allows_are_not_fenced_by_themselves() {
    let mut scene = scene();
    let uids: Vec<u64> = (0..3).map(|node| scene.run(batch(), &[(node, 1)])).collect();
    (0..3).for_each(|node| drop(scene.lose(node)));
    work(&mut scene, None);
    scene.later(30_000);
    work(&mut scene, Some(true));
    assert!((1..=3).all(|fence| state(&scene, fence) == FenceState::Requested));
    assert!(scene.cluster.fence(1).unwrap().word.starts_with("storm guard: 0 fences in 600 s and 3 more wanted"));
    assert_eq!(duties(&scene), [], "it is looked at again later");
    back(&mut scene, 2);
    scene.later(60_000);
    work(&mut scene, Some(true));
    assert_eq!([1, 2].map(|fence| state(&scene, fence)), [FenceState::Confirmed; 2], "two are within it");
    let third = scene.run(batch(), &[(3, 1)]);
    assert_eq!(scene.long_state(third), "RUNNING");
    scene.released(uids[2], 2);
    scene.lose(2);
    assert!(matches!(scene.client(0, operators("n3", false)), Outcome::Done(_)));
    work(&mut scene, Some(true));
    let fence = scene.cluster.open_fence(2).unwrap();
    assert_eq!(fence.state(), FenceState::Requested, "operators are held by the guard");
    scene.client(0, operators("n3", true));
    work(&mut scene, Some(true));
    assert_eq!(state(&scene, scene.cluster.open_fence(2).unwrap().fence), FenceState::Confirmed, "unless they insist");
}

#[test]
fn the_storm_guard_forgets_after_its_window() {
    let mut scene = scene();
    for round in 0..3 {
        let node = round % 2;
        let uid = scene.run(batch(), &[(node, 1)]);
        scene.lose(node);
        work(&mut scene, None);
        scene.later(30_000);
        work(&mut scene, Some(true));
        let held_back = scene.long_state(uid) == "COMPLETING";
        assert_eq!(held_back, round == 2, "round {round}");
        scene.register(node, &format!("boot-{}", round + 2), 1);
        scene.later(20_000);
        work(&mut scene, None);
    }
    scene.later(600_000);
    let uid = scene.run(batch(), &[(2, 1)]);
    scene.lose(2);
    work(&mut scene, None);
    scene.later(30_000);
    work(&mut scene, Some(true));
    assert_eq!(scene.long_state(uid), "PENDING");
}

#[test]
fn a_fence_that_would_cost_the_quorum_or_its_leader_is_held_back() {
    let conf = CONF.replace("NodeName=n[1-2] CPUs", "NodeName=n[1-2] NodeHostname=ctl[1-2].site CPUs");
    let mut scene = Scene::up_fenced(&conf, FENCE);
    for (store, name) in [(1, "ctl1"), (2, "ctl2"), (3, "ctl3")] {
        let admit = muster_proto::durable::AdmitReplica {
            name: name.to_owned(),
            address: format!("10.0.0.{store}:6819"),
            store_id: vec![store; 16].into(),
            ..Default::default()
        };
        scene.lead(Body::AdmitReplica(admit));
    }
    scene.run(batch(), &[(0, 1)]);
    scene.lose(0);
    work(&mut scene, None);
    scene.later(30_000);
    let mut begin = |leader: u64, answering: &[u64], later: u64| {
        scene.later(later);
        let call = BeginFenceCall { fence: 1, call: 1, leader, voters: vec![1, 2, 3], answering: answering.to_vec() };
        match scene.lead(Body::BeginFenceCall(call)) {
            Outcome::Done(answer) => (answer.count, answer.message),
            other => panic!("{other:?}"),
        }
    };
    let (count, why) = begin(2, &[1, 2], 0);
    assert_eq!((count, why.contains("quorum of controllers: 1 would be left, 2 are needed")), (0, true), "{why}");
    let (count, why) = begin(1, &[1, 2, 3], 60_000);
    assert_eq!((count, why.contains("leadership moves first")), (0, true), "{why}");
    assert_eq!(begin(2, &[1, 2, 3], 60_000).0, 1);
}

#[test]
fn operators_fence_what_is_down_and_nobody_else_does() {
    let mut scene = scene();
    assert!(matches!(scene.client(ALICE, operators("n1", false)), Outcome::Rejected(answer) if answer.error == 2010));
    let refused = |outcome: Outcome| match outcome {
        Outcome::Rejected(answer) => answer.message,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(scene.client(0, operators("n1", false))), "n1 is not DOWN: set it DOWN first");
    assert_eq!(refused(scene.client(0, operators("n4", false))), "fence.conf has no agent for n4");
    let uid = scene.run(batch(), &[(0, 1)]);
    let down = muster_proto::durable::UpdateNode {
        names: "n1".to_owned(),
        state: "DOWN".to_owned(),
        reason: Some("burning".to_owned()),
        ..Default::default()
    };
    scene.client(0, Body::UpdateNode(down));
    assert_eq!(duties(&scene), [], "it answers: nobody fences it without an operator");
    scene.client(0, operators("n1", false));
    work(&mut scene, Some(true));
    assert_eq!((state(&scene, 1), scene.long_state(uid)), (FenceState::Confirmed, "PENDING"), "without delay");
}

#[test]
fn what_an_operator_called_off_is_not_asked_for_again() {
    let (mut scene, _) = lost();
    let call_off = Body::CancelFence(CancelFence { name: "n1".to_owned(), why: "not this one".to_owned() });
    assert!(matches!(scene.client(ALICE, call_off.clone()), Outcome::Rejected(_)));
    assert!(matches!(scene.client(0, call_off.clone()), Outcome::Done(_)));
    assert_eq!(duties(&scene), []);
    scene.client(0, operators("n1", false));
    work(&mut scene, None);
    assert!(matches!(scene.client(0, call_off.clone()), Outcome::Rejected(_)), "an agent is at work");
    scene.later(20_000);
    assert!(matches!(scene.client(0, call_off), Outcome::Done(_)));
    assert!(matches!(back(&mut scene, 0), Outcome::Done(_)), "it may return");
}

#[test]
fn without_fence_conf_nothing_is_fenced() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.lose(0);
    assert_eq!(duties(&scene), []);
    assert!(matches!(scene.client(0, operators("n1", true)), Outcome::Rejected(_)));
    assert_eq!(scene.long_state(uid), "COMPLETING", "it waits for the node or an operator");
}

#[test]
fn history_is_bounded_and_survives_a_restart() {
    let mut scene = Scene::up_fenced(CONF, &FENCE.replace("MaxFences=2 FenceWindow=600", "MaxFences=9 FenceWindow=1"));
    for round in 0..4u32 {
        scene.run(batch(), &[(0, 1)]);
        scene.lose(0);
        work(&mut scene, None);
        scene.later(30_000);
        work(&mut scene, Some(true));
        scene.later(20_000);
        scene.register(0, &format!("boot-{}", round + 2), 1);
        work(&mut scene, None);
    }
    assert_eq!(scene.cluster.fences().count(), 4);
    let reloaded = scene.reloaded();
    assert_eq!(reloaded.digest(), scene.cluster.digest());
    assert_eq!(reloaded.fence_duties(scene.now_ms, 9), duties(&scene));
    assert!(reloaded.fences().eq(scene.cluster.fences()));
    let settle = SettleFence { fence: 99, ..Default::default() };
    assert!(matches!(scene.lead(Body::SettleFence(settle)), Outcome::Stale(_)));
}

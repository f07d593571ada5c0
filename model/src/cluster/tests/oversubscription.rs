//! P4: nothing is promised twice, whatever a plan says.

use muster_proto::durable::{CommitPlan, GresShare, JobSpec, Placement, Sharing, UpdateNode, command::Body};

use crate::cluster::testing::*;
use crate::cluster::*;

#[test]
fn of_two_placements_on_one_core_the_second_is_refused() {
    let mut scene = Scene::up();
    let (one, other) = (scene.submit(batch()), scene.submit(batch()));
    let place =
        |uid| Placement { uid, array_task: None, allocation: Some(allocation("debug", &[(0, 1)])), backfill: false };
    let plan = CommitPlan { placements: vec![place(one), place(other)], ..CommitPlan::default() };
    match scene.lead(Body::CommitPlan(plan)) {
        Outcome::Planned { accepted: 1, refused } => assert_eq!(refused[0].0, other),
        outcome => panic!("{outcome:?}"),
    }
    scene.place(other, &[(0, 2)]).unwrap();
}

#[test]
fn memory_and_devices_run_out() {
    let mut scene = Scene::up();
    let mut placement = |cores: u8, mem_mib: u64, gpus: u8| {
        let uid = scene.submit(batch());
        let mut allocation = allocation("debug", &[(0, cores)]);
        allocation.nodes[0].mem_mib = mem_mib;
        if gpus != 0 {
            let count = u64::from(gpus.count_ones());
            let gres = GresShare { name: "gpu".to_owned(), indices: vec![gpus].into(), count, ..GresShare::default() };
            allocation.nodes[0].gres = vec![gres];
        }
        let placements = vec![Placement { uid, array_task: None, allocation: Some(allocation), backfill: false }];
        match scene.lead(Body::CommitPlan(CommitPlan { placements, ..CommitPlan::default() })) {
            Outcome::Planned { accepted, .. } => accepted == 1,
            other => panic!("{other:?}"),
        }
    };
    assert!(placement(1, 3_000, 0b01));
    assert!(!placement(2, 1_001, 0), "memory");
    assert!(!placement(2, 100, 0b01), "the same device");
    assert!(!placement(2, 100, 0b100), "a device that is not there");
    assert!(placement(2, 1_000, 0b10));
    assert!(!placement(0b1_0000, 0, 0), "a core that is not there");
}

#[test]
fn licences_run_out() {
    let mut scene = Scene::up();
    let mut with_licences = |count: u32, core: u8| {
        let mut spec = batch();
        spec.request.as_mut().unwrap().licenses = format!("matlab:{count}");
        let uid = scene.submit(spec);
        scene.place(uid, &[(0, core)]).is_ok()
    };
    assert!(with_licences(1, 1));
    assert!(!with_licences(2, 2));
    assert!(with_licences(1, 2));
}

#[test]
fn whole_nodes_are_not_shared() {
    let mut scene = Scene::up();
    scene.run(batch(), &[(0, 1)]);
    let mut spec = batch();
    spec.request.as_mut().unwrap().set_sharing(Sharing::Exclusive);
    let uid = scene.submit(spec);
    assert!(scene.place(uid, &[(0, 0b1110)]).unwrap_err().contains("shared"));
    scene.place(uid, &[(1, 0b1111)]).unwrap();
    let other = scene.submit(batch());
    assert!(scene.place(other, &[(1, 1)]).is_err());
}

#[test]
fn nodes_that_are_drained_down_silent_or_unknown_take_nothing() {
    let mut scene = Scene::founded();
    let uid = scene.submit(batch());
    assert!(scene.place(uid, &[(0, 1)]).is_err(), "never registered");
    scene.register(0, "boot-1", 1);
    let drain =
        UpdateNode { names: "n1".into(), state: "DRAIN".into(), reason: Some("x".into()), ..Default::default() };
    scene.client(0, Body::UpdateNode(drain));
    assert!(scene.place(uid, &[(0, 1)]).is_err(), "drained");
    scene.client(0, Body::UpdateNode(UpdateNode { names: "n1".into(), state: "RESUME".into(), ..Default::default() }));
    scene.lose(0);
    assert!(scene.place(uid, &[(0, 1)]).is_err(), "down");
    scene.register(0, "boot-1", 1);
    scene.place(uid, &[(0, 1)]).unwrap();
}

#[test]
fn a_hold_or_begin_time_that_came_since_the_plan_refuses_it() {
    let mut scene = Scene::up();
    let mut spec = batch();
    spec.hold = true;
    let held = scene.submit(spec);
    assert!(scene.place(held, &[(0, 1)]).unwrap_err().contains("held"));
    let mut spec = batch();
    spec.begin_ms = scene.now_ms + 1_000;
    let later = scene.submit(spec);
    assert!(scene.place(later, &[(0, 1)]).is_err());
    scene.later(1_000);
    scene.place(later, &[(0, 1)]).unwrap();
}

#[test]
fn a_node_that_one_user_has_for_herself_is_refused_to_others() {
    let mut scene = Scene::up();
    let mut mine = batch();
    mine.request.get_or_insert_default().set_sharing(Sharing::User);
    scene.run(mine.clone(), &[(0, 0b1)]);
    let own = scene.submit(batch());
    scene.place(own, &[(0, 0b10)]).unwrap();
    let other = scene.submit(JobSpec { uid: BOB, ..batch() });
    assert_eq!(scene.place(other, &[(0, 0b100)]), Err("n1 is another user's".to_owned()));
    scene.place(other, &[(1, 0b1)]).unwrap();
    let late = scene.submit(mine);
    assert_eq!(scene.place(late, &[(1, 0b10)]), Err("n2 is another user's".to_owned()));
}

//! Nodes come, go and return.

use muster_proto::durable::{ApplyConfig, NodeBase, SuspectNode, UpdateNode, command::Body};

use crate::cluster::testing::*;
use crate::cluster::*;

#[test]
fn less_hardware_than_configured_drains_in_slurms_words() {
    let mut scene = Scene::founded();
    let mut small = registration(0, "boot-1", 1, Vec::new());
    small.hardware.as_mut().unwrap().real_memory_mib = 3_999;
    scene.node(Body::RegisterNode(small));
    let node = scene.cluster.node(0).unwrap();
    assert!(node.row.drain);
    assert_eq!(node.row.reason, "Low RealMemory (reported:3999 < 100.00% of configured:4000)");
}

#[test]
fn a_drain_that_muster_set_by_itself_ends_with_its_cause_and_an_operators_does_not() {
    let mut scene = Scene::founded();
    let mut small = registration(0, "boot-1", 1, Vec::new());
    small.hardware.as_mut().unwrap().real_memory_mib = 3_999;
    scene.node(Body::RegisterNode(small.clone()));
    scene.register(0, "boot-1", 1);
    let row = &scene.cluster.node(0).unwrap().row;
    assert_eq!((row.drain, row.reason.as_str(), row.drain_auto.as_str()), (false, "", ""));
    scene.node(Body::RegisterNode(small));
    let reason = Some("mine".to_owned());
    let drain = UpdateNode { names: "n1".into(), state: "DRAIN".into(), reason, ..UpdateNode::default() };
    scene.client(0, Body::UpdateNode(drain));
    scene.register(0, "boot-1", 1);
    let row = &scene.cluster.node(0).unwrap().row;
    assert_eq!((row.drain, row.reason.as_str()), (true, "mine"));
}

#[test]
fn config_overrides_tolerates_it() {
    let mut scene = Scene::with(&format!("SlurmdParameters=config_overrides\n{CONF}"));
    let mut small = registration(0, "boot-1", 1, Vec::new());
    small.hardware.as_mut().unwrap().cpus = 1;
    scene.node(Body::RegisterNode(small));
    assert!(scene.cluster.node(0).unwrap().is_usable());
}

#[test]
fn a_silent_node_takes_no_work_and_keeps_what_it_has() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    let epoch = scene.cluster.node(0).unwrap().row.epoch;
    scene.lead(Body::SuspectNode(SuspectNode { node: 0, epoch, since_ms: 5 }));
    assert_eq!(scene.long_state(uid), "RUNNING");
    assert!(!scene.cluster.node(0).unwrap().is_usable());
    scene.register(0, "boot-1", 1);
    assert!(scene.cluster.node(0).unwrap().is_usable());
}

#[test]
fn return_to_service_decides_who_comes_back() {
    for (service, up) in [(0, false), (1, true), (2, true)] {
        let conf = CONF.replace("ReturnToService=1", &format!("ReturnToService={service}"));
        let mut scene = Scene::up_with(&conf);
        scene.lose(0);
        scene.register(0, "boot-1", 1);
        assert_eq!(scene.cluster.node(0).unwrap().row.base() == NodeBase::Up, up, "{service}");
    }
}

#[test]
fn an_unexpected_reboot_is_said() {
    let mut scene = Scene::up();
    scene.register(0, "boot-2", 1);
    let node = scene.cluster.node(0).unwrap();
    assert_eq!((node.row.base(), node.row.reason.as_str()), (NodeBase::Down, "Node unexpectedly rebooted"));
}

#[test]
fn a_name_that_the_configuration_does_not_have_is_refused() {
    let mut scene = Scene::founded();
    let mut other = registration(0, "boot-1", 1, Vec::new());
    other.name = "n9".to_owned();
    assert!(matches!(scene.node(Body::RegisterNode(other)), Outcome::Rejected(answer) if answer.error == 2018));
}

#[test]
fn nodes_keep_their_index_when_the_configuration_changes() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(3, 1)]);
    let without_n4 = CONF.replace("n[3-4]", "n3").replace("n[1-4]", "n[1-3]").replace("Nodes=n4", "Nodes=n3");
    let apply = |scene: &mut Scene, conf: &str| {
        let command = ApplyConfig { files: Some(files(conf)), base_version: 0 };
        scene.client(0, Body::ApplyConfig(command))
    };
    assert!(matches!(apply(&mut scene, &without_n4), Outcome::Done(answer) if answer.version == 2));
    assert!(scene.cluster.node(3).unwrap().row.removed);
    assert_eq!(scene.long_state(uid), "RUNNING", "running jobs are not touched");
    assert!(matches!(apply(&mut scene, CONF), Outcome::Done(answer) if answer.version == 3));
    assert!(!scene.cluster.node(3).unwrap().row.removed && scene.cluster.nodes().count() == 4);
    assert!(matches!(apply(&mut scene, "nonsense"), Outcome::Rejected(_)));
    assert_eq!(scene.cluster.meta().config_version, 3);
}

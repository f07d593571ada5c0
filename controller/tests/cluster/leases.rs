//! Leases of nodes, and Slurm's way: what the leader renews, and when it counts what a lost node ran as over.

use std::time::{Duration, Instant};

use muster_controller::Controller;
use muster_dialect::state::JobState;
use muster_proto::durable::{ConfigFile, ConfigFiles, RegisterNode};
use muster_proto::wire::{HeartbeatAck, ListFences, Reconfigure, order, reply, request, to_node};
use muster_raft_store::MemoryDisk;

use crate::http::get;
use crate::replicas::Three;
use crate::stage::{
    ALICE, FakeNode, SLURM, call, client, conf, found, jobs, registration, restarted, settings, start_with, submit,
    until_job,
};

const LEASE_MS: u64 = 1_000;
/// The lease, and the margin: two seconds, and a tenth.
const WAIT: Duration = Duration::from_millis(LEASE_MS + 2_000 + LEASE_MS / 10);

/// More than a lease of them.
const BEATS: u64 = 60;

/// slurm.conf of a site whose nodes are lost after a second; and its fence.conf.
fn site(fence: &str) -> ConfigFiles {
    let slurm = conf().replace("AuthType", "SlurmdTimeout=1\nAuthType");
    let file = |path: &str, text: String| ConfigFile { path: path.into(), text };
    ConfigFiles { files: vec![file("/e/slurm.conf", slurm), file("/e/fence.conf", fence.to_owned())] }
}

async fn open(controller: &Controller, lease_ms: u64) -> FakeNode {
    let node = RegisterNode { lease_ms, ..registration("n1") };
    FakeNode::open_as(controller.client_address(), SLURM, "node:n1", node).await.unwrap()
}

/// The next answer to a heartbeat; `None`: the session is over.
async fn acked(node: &mut FakeNode) -> Option<HeartbeatAck> {
    loop {
        if let to_node::Body::HeartbeatAck(ack) = node.next().await? {
            return Some(ack);
        }
    }
}

#[tokio::test]
async fn a_heartbeat_renews_a_lease_only_if_a_quorum_was_there_after_it_came() {
    let mut three = Three::start().await;
    let leader = three.controllers.remove(three.leader().await);
    let lease = Reconfigure { files: Some(site("ProofOfDeath=lease LeaseSec=1\n")) };
    let reply::Body::Done(_) = call(&client(0, &leader), request::Body::Reconfigure(lease)).await else {
        panic!("not reconfigured")
    };
    let mut node = open(&leader, LEASE_MS).await;
    let told = node.registered.clone().unwrap();
    assert_eq!((told.lease_ms, told.lease_wanted_ms), (LEASE_MS, LEASE_MS));
    assert!(told.heartbeat_ms <= 125, "a session that hangs costs half of a lease: {}", told.heartbeat_ms);
    node.beat(1).await;
    let first = acked(&mut node).await.unwrap();
    assert_eq!((first.seq, first.renews, first.lease_wanted_ms), (1, false, LEASE_MS), "nobody was asked yet");
    let renewal = acked(&mut node).await.unwrap();
    assert_eq!((renewal.seq, renewal.renews), (1, true));
    for other in three.controllers.drain(..) {
        other.stop().await;
    }
    // It goes on hearing and answering, and renews nothing.
    for seq in 2..=BEATS {
        node.beat(seq).await;
        let Some(ack) = acked(&mut node).await else { break };
        assert!(!ack.renews, "without a quorum: {ack:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    leader.stop().await;
}

async fn cluster(fence: &str) -> Controller {
    let base = settings("a", &MemoryDisk::new(1), Vec::new());
    let timers = muster_controller::Timers { look_again: Duration::from_millis(50), ..base.timers.clone() };
    let controller = start_with(muster_controller::Settings { files: site(fence), timers, ..base }).await;
    found(&controller).await;
    controller
}

/// A job that runs on n1, whose session ends; and when that was.
async fn lost(controller: &Controller, lease_ms: u64) -> (u64, Instant) {
    submit(&client(ALICE, controller), "job").await;
    let mut node = open(controller, lease_ms).await;
    node.obey(0, |order| matches!(order.body, Some(order::Body::Hold(_)))).await;
    (node.registered.unwrap().epoch, Instant::now())
}

/// A number of /metrics.
async fn metric(controller: &Controller, name: &str) -> f64 {
    let (_, page) = get(controller, "/metrics").await;
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
    line.unwrap_or_else(|| panic!("{name} is not in\n{page}")).parse().unwrap()
}

#[tokio::test]
async fn what_a_lost_node_ran_is_requeued_when_its_lease_is_over_for_certain() {
    let controller = cluster("ProofOfDeath=lease LeaseSec=1\n").await;
    let (epoch, silent) = lost(&controller, LEASE_MS).await;
    until_job(&controller, |job| job.lost_nodes == "n1").await;
    assert_eq!(metric(&controller, "muster_node_leases").await, 0.0);
    assert_eq!(metric(&controller, "muster_lease_losses_waiting").await, 1.0);
    assert!(metric(&controller, "muster_lease_wait_seconds_max").await >= 1.0, "SlurmdTimeout");
    let job = until_job(&controller, restarted).await;
    assert!(silent.elapsed() >= WAIT, "after {:?}", silent.elapsed());
    assert_eq!(metric(&controller, "muster_lease_losses_waiting").await, 0.0);
    assert_eq!(metric(&controller, "muster_lease_wait_seconds_max").await, 0.0);
    assert_eq!(job.row.unwrap().state, JobState::Pending.code());
    let back = open(&controller, LEASE_MS).await.registered.unwrap();
    assert!(back.epoch > epoch, "the same boot, under a new epoch");
    controller.stop().await;
}

#[tokio::test]
async fn a_node_that_said_that_it_keeps_no_lease_is_not_counted_as_dead() {
    let controller = cluster("ProofOfDeath=lease LeaseSec=1\n").await;
    let (_, silent) = lost(&controller, 0).await;
    until_job(&controller, |job| job.lost_nodes == "n1").await;
    assert_eq!(metric(&controller, "muster_lease_losses_waiting").await, 0.0, "for nothing");
    let alice = client(ALICE, &controller);
    while silent.elapsed() < WAIT + Duration::from_secs(1) {
        assert!(!restarted(&jobs(&alice).await[0]));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    controller.stop().await;
}

#[tokio::test]
async fn the_fence_list_names_the_nodes_that_keep_a_lease_and_those_that_should() {
    let controller = cluster("ProofOfDeath=lease LeaseSec=1\n").await;
    for (lease_ms, told) in [(LEASE_MS, ("n1", "")), (0, ("", "n1"))] {
        let _node = open(&controller, lease_ms).await;
        let list = call(&client(0, &controller), request::Body::ListFences(ListFences { history: false })).await;
        let reply::Body::Fences(list) = list else { panic!("no list") };
        assert_eq!((&list.leased[..], &list.unleased[..]), told);
    }
    controller.stop().await;
}

#[tokio::test]
async fn slurms_way_requeues_as_soon_as_the_node_is_lost() {
    let controller = cluster("ProofOfDeath=timeout\n").await;
    let (_, silent) = lost(&controller, 0).await;
    until_job(&controller, restarted).await;
    assert!(silent.elapsed() < WAIT, "after {:?}", silent.elapsed());
    controller.stop().await;
}

//! Several controllers.

use std::time::Duration;

use muster_controller::Controller;
use muster_proto::durable::RegisterNode;
use muster_proto::wire::{HeldConfig, Hello, ListReplicas, Ping, TransferLeader, reply, request};
use muster_raft_store::MemoryDisk;

use crate::stage::{
    ALICE, FakeNode, SLURM, call, client, client_of, files, found, jobs, registration, settings, soon, start,
    start_with, submit,
};

/// Three voters: a founded, b and c admitted.
pub(crate) struct Three {
    pub(crate) controllers: Vec<Controller>,
    disks: Vec<MemoryDisk>,
}

impl Three {
    pub(crate) async fn start() -> Self {
        let disks: Vec<MemoryDisk> = (1..=3).map(MemoryDisk::new).collect();
        let a = start("a", &disks[0], Vec::new()).await;
        found(&a).await;
        let known = vec![a.client_address().to_owned()];
        let b = start("b", &disks[1], known.clone()).await;
        let c = start("c", &disks[2], known).await;
        soon(b.until_member()).await;
        soon(c.until_member()).await;
        let three = Self { controllers: vec![a, b, c], disks };
        three.until_three_vote().await;
        three
    }

    async fn until_three_vote(&self) {
        soon(async {
            let asks = client_of(0, self.addresses());
            loop {
                let reply::Body::Replicas(list) = call(&asks, request::Body::ListReplicas(ListReplicas {})).await
                else {
                    panic!("no list of replicas")
                };
                if list.replicas.iter().filter(|it| it.role == "leader" || it.role == "follower").count() == 3 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    pub(crate) fn addresses(&self) -> Vec<String> {
        self.controllers.iter().map(|it| it.client_address().to_owned()).collect()
    }

    /// Of the controller that was started at this place.
    pub(crate) fn disk(&self, at: usize) -> MemoryDisk {
        self.disks[at].clone()
    }

    /// Index of the leader.
    pub(crate) async fn leader(&self) -> usize {
        soon(async {
            loop {
                if let Some(at) = self.controllers.iter().position(Controller::leads) {
                    return at;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }

    pub(crate) async fn stop(self) {
        for controller in self.controllers {
            controller.stop().await;
        }
    }
}

#[tokio::test]
async fn a_follower_sends_writers_to_the_leader_and_its_reads_see_every_write() {
    let three = Three::start().await;
    let leader = three.leader().await;
    let follower = &three.controllers[(leader + 1) % 3];
    // This client knows the follower alone: the redirect is what brings it to the leader.
    let alice = client(ALICE, follower);
    for round in 1..=5 {
        submit(&alice, "job").await;
        assert_eq!(jobs(&client(ALICE, follower)).await.len(), round);
    }
    three.stop().await;
}

#[tokio::test]
async fn when_the_leader_stops_the_others_go_on_with_all_that_was_acknowledged() {
    let mut three = Three::start().await;
    let leader = three.leader().await;
    let alice = client_of(ALICE, three.addresses());
    submit(&alice, "before").await;
    three.controllers.remove(leader).stop().await;
    submit(&alice, "after").await;
    let names: Vec<String> = jobs(&alice).await.into_iter().filter_map(|job| Some(job.row?.spec?.name)).collect();
    assert_eq!(names, ["before", "after"]);
    three.stop().await;
}

#[tokio::test]
async fn a_node_is_sent_to_the_leader_and_leadership_moves_on_request() {
    let three = Three::start().await;
    let leader = three.leader().await;
    let to = ["a", "b", "c"][(leader + 1) % 3];
    let refused = FakeNode::open(&three.controllers[(leader + 1) % 3], "n1").await;
    match refused {
        Err(muster_proto::wire::to_node::Body::Redirect(redirect)) => {
            assert_eq!(redirect.leader_address, three.controllers[leader].client_address());
        }
        Err(other) => panic!("not redirected: {other:?}"),
        Ok(_) => panic!("a follower took a node"),
    }
    let root = client_of(0, three.addresses());
    call(&root, request::Body::TransferLeader(TransferLeader { to: to.into() })).await;
    assert_eq!(three.leader().await, (leader + 1) % 3);
    three.stop().await;
}

#[tokio::test]
async fn a_replica_whose_store_was_lost_is_replaced_under_its_name() {
    let mut three = Three::start().await;
    let leader = three.leader().await;
    let gone = (leader + 1) % 3;
    three.controllers.remove(gone).stop().await;
    let name = ["a", "b", "c"][gone];
    let fresh = start(name, &MemoryDisk::new(99), three.addresses()).await;
    soon(fresh.until_member()).await;
    three.controllers.insert(gone, fresh);
    three.until_three_vote().await;
    let reply::Body::Replicas(list) =
        call(&client_of(0, three.addresses()), request::Body::ListReplicas(ListReplicas {})).await
    else {
        panic!("no list of replicas")
    };
    let mut ids: Vec<u64> = list.replicas.iter().map(|it| it.replica).collect();
    ids.sort_unstable();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[2], 4, "the new store has an id of its own");
    three.stop().await;
}

#[tokio::test]
async fn a_controller_restarts_from_its_store_under_new_ports() {
    let mut three = Three::start().await;
    let alice = client_of(ALICE, three.addresses());
    submit(&alice, "kept").await;
    let leader = three.leader().await;
    let back = (leader + 1) % 3;
    three.controllers.remove(back).stop().await;
    let name = ["a", "b", "c"][back];
    let again = start(name, &three.disks[back], three.addresses()).await;
    assert_eq!(jobs(&client(ALICE, &again)).await.len(), 1);
    three.controllers.insert(back, again);
    three.until_three_vote().await;
    three.stop().await;
}

#[tokio::test]
async fn a_controller_with_an_empty_store_waits_and_says_so() {
    let waiting = start("b", &MemoryDisk::new(5), Vec::new()).await;
    let reply::Body::Pong(pong) = call(&client(ALICE, &waiting), request::Body::Ping(Ping {})).await else {
        panic!("no pong")
    };
    assert!(pong.cluster_id.is_empty() && !pong.leader);
    waiting.stop().await;
}

#[tokio::test]
async fn a_store_of_another_replica_is_refused() {
    let disk = MemoryDisk::new(6);
    let a = start("a", &disk, Vec::new()).await;
    found(&a).await;
    a.stop().await;
    let started = Controller::start(
        settings("b", &disk, Vec::new()),
        muster_channel::Outside::real(),
        crate::stage::keeper(crate::stage::SLURM),
        std::sync::Arc::new(crate::stage::users()),
    );
    let why = soon(started).await.err().expect("another's store").to_string();
    assert_eq!(why, "the store belongs to replica a, this controller is b");
    let again = start_with(settings("a", &disk, Vec::new())).await;
    assert!(again.cluster_id().is_some());
    again.stop().await;
}

#[tokio::test]
async fn the_configuration_is_handed_over_to_nodes_that_do_not_hold_it() {
    let three = Three::start().await;
    let leader = &three.controllers[three.leader().await];
    let open = async |held: Option<HeldConfig>| {
        let config_version = held.as_ref().map_or(0, |held| held.version);
        let node = RegisterNode { config_version, ..registration("n1") };
        let hello = Hello { registration: Some(node), cluster: "test".into(), held_config: held, ..Hello::default() };
        let node = FakeNode::open_with(leader.client_address(), SLURM, "node:n1", hello).await;
        node.expect("n1 is configured").registered.expect("an open session")
    };
    let first = open(None).await;
    assert_eq!(first.config.as_ref(), Some(&files()));
    let authority = first.authority.expect("leaders say who they are");
    let held = HeldConfig {
        cluster_id: authority.cluster_id,
        generation: authority.generation,
        version: first.config_version,
    };
    assert_eq!(open(Some(held.clone())).await.config, None);
    let others = [
        HeldConfig { version: held.version + 1, ..held.clone() },
        HeldConfig { version: held.version - 1, ..held.clone() },
        HeldConfig { generation: held.generation + 1, ..held.clone() },
        HeldConfig { cluster_id: vec![9; 16].into(), ..held },
    ];
    for other in others {
        assert_eq!(open(Some(other.clone())).await.config.as_ref(), Some(&files()), "{other:?}");
    }
    three.stop().await;
}

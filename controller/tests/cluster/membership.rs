//! Replicas come and go while submits go on.

use muster_controller::Controller;
use muster_proto::durable::{ConfigFile, ConfigFiles};
use muster_proto::wire::change_replica::Change;
use muster_proto::wire::{ChangeReplica, ListReplicas, Reconfigure, TransferLeader, reply, request};
use muster_raft_store::MemoryDisk;

use crate::stage::{ALICE, call, client_of, conf, found, jobs, refused, soon, start, submit};

/// Controllers by the names of their lines; the first one founded the cluster.
struct Cluster {
    running: Vec<(String, Controller)>,
}

impl Cluster {
    async fn of_one() -> Self {
        let a = start("a", &MemoryDisk::new(1), Vec::new()).await;
        found(&a).await;
        Self { running: vec![("a".into(), a)] }
    }

    fn addresses(&self) -> Vec<String> {
        self.running.iter().map(|(_, controller)| controller.client_address().to_owned()).collect()
    }

    async fn change(&self, name: &str, change: Change) -> (bool, String) {
        match call(&client_of(0, self.addresses()), body(name, change)).await {
            reply::Body::Done(done) => (done.count > 0, done.message),
            other => panic!("not done: {other:?}"),
        }
    }

    /// Starts it with an empty store, and asks as `muster replica add` does until it votes.
    async fn grow(&mut self, name: &str, disk: u64) {
        let controller = start(name, &MemoryDisk::new(disk), self.addresses()).await;
        soon(controller.until_member()).await;
        self.running.push((name.into(), controller));
        soon(async {
            while !self.change(name, Change::Add).await.0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    async fn stop_one(&mut self, name: &str) {
        let at = self.running.iter().position(|(known, _)| known == name).expect("it runs");
        self.running.remove(at).1.stop().await;
    }

    async fn voters(&self) -> Vec<String> {
        let asked = request::Body::ListReplicas(ListReplicas {});
        let reply::Body::Replicas(list) = call(&client_of(0, self.addresses()), asked).await else {
            panic!("no list of replicas")
        };
        let mut names: Vec<String> =
            list.replicas.into_iter().filter(|it| it.role != "learner").map(|it| it.name).collect();
        names.sort();
        names
    }

    /// The configuration with these lines more.
    async fn configure(&self, more: &[&str]) {
        let lines: String = more.iter().map(|name| format!("SlurmctldHost={name}(127.0.0.1)\n")).collect();
        let files = vec![ConfigFile { path: "/etc/slurm/slurm.conf".into(), text: lines + &conf() }];
        let asked = Reconfigure { files: Some(ConfigFiles { files }) };
        call(&client_of(0, self.addresses()), request::Body::Reconfigure(asked)).await;
    }

    async fn stop(self) {
        for (_, controller) in self.running {
            controller.stop().await;
        }
    }
}

fn body(name: &str, change: Change) -> request::Body {
    request::Body::ChangeReplica(ChangeReplica { name: name.into(), change: change.into() })
}

#[tokio::test]
async fn a_cluster_grows_from_one_to_three_to_five_and_back_while_jobs_are_submitted() {
    let mut cluster = Cluster::of_one().await;
    let alone = client_of(0, cluster.addresses());
    let (_, why) = refused(&alone, request::Body::TransferLeader(TransferLeader::default())).await;
    assert_eq!(why, "no other replica votes and took over");
    for (name, disk) in [("b", 2), ("c", 3)] {
        cluster.grow(name, disk).await;
        submit(&client_of(ALICE, cluster.addresses()), name).await;
    }
    assert_eq!(cluster.voters().await, ["a", "b", "c"]);
    cluster.configure(&["d", "e"]).await;
    for (name, disk) in [("d", 4), ("e", 5)] {
        cluster.grow(name, disk).await;
        submit(&client_of(ALICE, cluster.addresses()), name).await;
    }
    assert_eq!(cluster.voters().await.len(), 5);
    // Whoever leads may be among them: then leadership moves first.
    for name in ["a", "d"] {
        let (so, message) = cluster.change(name, Change::Remove).await;
        assert!(so && message.starts_with(&format!("{name} is removed")), "{message}");
        let removed = &cluster.running.iter().find(|(known, _)| known == name).expect("it runs").1;
        let why = soon(removed.failed()).await;
        assert!(why.starts_with(&format!("replica {name} was removed from the cluster")), "{why}");
        cluster.stop_one(name).await;
        submit(&client_of(ALICE, cluster.addresses()), name).await;
    }
    assert_eq!(cluster.voters().await, ["b", "c", "e"]);
    assert_eq!(jobs(&client_of(ALICE, cluster.addresses())).await.len(), 6);
    cluster.stop().await;
}

#[tokio::test]
async fn what_would_lose_the_majority_is_refused_and_the_dead_can_be_replaced() {
    let mut cluster = Cluster::of_one().await;
    for (name, disk) in [("b", 2), ("c", 3)] {
        cluster.grow(name, disk).await;
    }
    let root = client_of(0, cluster.addresses());
    let (_, why) = refused(&root, body("b", Change::Replace)).await;
    assert_eq!(why, "b answers: stop its controller first, or remove it");
    let (_, why) = refused(&root, body("x", Change::Remove)).await;
    assert_eq!(why, "no replica is named x");
    let (_, why) = refused(&root, body("x", Change::Add)).await;
    assert!(why.starts_with("no SlurmctldHost line of the configuration in force names x:"), "{why}");
    let (_, why) = refused(&client_of(ALICE, cluster.addresses()), body("b", Change::Remove)).await;
    assert!(!why.is_empty());

    cluster.stop_one("b").await;
    let root = client_of(0, cluster.addresses());
    let (so, what) = cluster.change("b", Change::Add).await;
    assert_eq!((so, what.as_str()), (false, "b has a vote, and does not answer"));
    // The leader has heard b a moment ago, and waits until it knows.
    let (_, why) = soon(refused(&root, body("c", Change::Remove))).await;
    assert_eq!(why, "c is not removed: of the 2 voters that would be left only 1 answer, and 2 must");
    assert!(cluster.change("b", Change::Replace).await.0);
    let (so, what) = cluster.change("b", Change::Add).await;
    assert_eq!((so, what.as_str()), (false, "waits for a controller named b with an empty store to ask for admission"));
    cluster.grow("b", 6).await;
    assert_eq!(cluster.voters().await, ["a", "b", "c"]);
    cluster.stop().await;
}

#[tokio::test]
async fn two_removals_at_a_time_do_not_take_the_majority_away_together() {
    let mut cluster = Cluster::of_one().await;
    for (name, disk) in [("b", 2), ("c", 3)] {
        cluster.grow(name, disk).await;
    }
    cluster.configure(&["d"]).await;
    cluster.grow("d", 4).await;
    cluster.stop_one("d").await;
    let remove = async |name| {
        let root = client_of(0, cluster.addresses());
        root.call(body(name, Change::Remove)).await.is_ok()
    };
    // Each alone leaves two of three; both leave the one that is dead and another.
    let removed = soon(async { futures::join!(remove("b"), remove("c")) }).await;
    assert!(removed.0 != removed.1, "{removed:?}");
    submit(&client_of(ALICE, cluster.addresses()), "goes on").await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_second_controller_of_a_name_that_answers_is_not_admitted() {
    let mut cluster = Cluster::of_one().await;
    cluster.grow("b", 2).await;
    let twin = start("b", &MemoryDisk::new(7), cluster.addresses()).await;
    submit(&client_of(ALICE, cluster.addresses()), "one").await;
    assert!(twin.cluster_id().is_none());
    assert_eq!(cluster.voters().await, ["a", "b"]);
    twin.stop().await;
    cluster.stop().await;
}

//! Programs of two versions in one cluster: the newer one knows feature level 2.

use muster_controller::Controller;
use muster_proto::wire::{FinishUpgrade, ListReplicas, ReplicaList, reply, request};
use muster_raft_store::MemoryDisk;

use crate::stage::{ALICE, call, client_of, found, jobs, settings, soon, start_with, submit, users};

const NAMES: [&str; 3] = ["a", "b", "c"];
const OLD: u32 = 1;
const NEW: u32 = 2;

struct Site {
    disks: Vec<MemoryDisk>,
    running: Vec<Controller>,
}

impl Site {
    /// Three replicas of the old version.
    async fn old() -> Self {
        let mut site = Self { disks: (1..=3).map(MemoryDisk::new).collect(), running: Vec::new() };
        for at in 0..NAMES.len() {
            let controller = site.start(at, OLD).await;
            if at == 0 {
                found(&controller).await;
            }
            soon(controller.until_member()).await;
            site.running.push(controller);
        }
        soon(async {
            while site.list().await.replicas.iter().filter(|it| it.role != "learner").count() < NAMES.len() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        site
    }

    async fn start(&self, at: usize, level: u32) -> Controller {
        let mut settings = settings(NAMES[at], &self.disks[at], self.addresses());
        settings.feature_level_max = Some(level);
        start_with(settings).await
    }

    fn addresses(&self) -> Vec<String> {
        self.running.iter().map(|it| it.client_address().to_owned()).collect()
    }

    async fn list(&self) -> ReplicaList {
        match call(&client_of(0, self.addresses()), request::Body::ListReplicas(ListReplicas {})).await {
            reply::Body::Replicas(list) => list,
            other => panic!("no list of replicas: {other:?}"),
        }
    }

    /// Stops one controller, submits a job without it, and starts it again as another version.
    async fn restart_as(&mut self, at: usize, level: u32) {
        self.running.remove(at).stop().await;
        submit(&client_of(ALICE, self.addresses()), "meanwhile").await;
        let again = self.start(at, level).await;
        self.running.insert(at, again);
        soon(async {
            while !self.list().await.replicas.iter().any(|it| it.name == NAMES[at] && it.feature_level == level) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    async fn finish(&self) -> (u32, u32) {
        let reply::Body::Done(done) =
            call(&client_of(0, self.addresses()), request::Body::FinishUpgrade(FinishUpgrade {})).await
        else {
            panic!("not done")
        };
        (done.count, self.list().await.feature_level)
    }
}

#[tokio::test]
async fn versions_are_replaced_one_by_one_and_may_go_back_until_the_level_is_raised() {
    let mut site = Site::old().await;
    site.restart_as(0, NEW).await;
    site.restart_as(1, NEW).await;
    assert_eq!(site.finish().await, (0, OLD));
    site.restart_as(1, OLD).await;
    site.restart_as(1, NEW).await;
    site.restart_as(2, NEW).await;
    assert_eq!(site.finish().await, (1, NEW));
    assert_eq!(site.finish().await, (0, NEW));
    submit(&client_of(ALICE, site.addresses()), "after").await;
    assert_eq!(jobs(&client_of(ALICE, site.addresses())).await.len(), 6);

    site.running.remove(2).stop().await;
    let mut settings = settings("c", &site.disks[2], site.addresses());
    settings.feature_level_max = Some(OLD);
    let keeper = crate::stage::keeper(crate::stage::SLURM);
    let old = Controller::start(settings, muster_channel::Outside::real(), keeper, std::sync::Arc::new(users()));
    // Its store may have it in its rows, or still in its log.
    match soon(old).await {
        Err(why) => {
            let why = why.to_string();
            assert!(why.contains("feature level 2") && why.ends_with("start the newer version again"), "{why}");
        }
        Ok(old) => ends_for_the_level(old).await,
    }
    for controller in site.running {
        controller.stop().await;
    }
}

async fn ends_for_the_level(old: Controller) {
    let why = soon(old.failed()).await;
    // What ends it is the entry, where the leader reaches it, or else the leader's answer: it has a new address.
    let entry = "feature level 2 is newer than this version";
    assert!(why.contains(entry) || why.contains("the cluster is at feature level 2: version"), "{why}");
    old.stop().await;
}

#[tokio::test]
async fn a_replica_that_comes_back_older_than_the_level_ends_and_says_why() {
    let mut site = Site::old().await;
    for at in 0..NAMES.len() {
        site.restart_as(at, NEW).await;
    }
    site.running.remove(2).stop().await;
    assert_eq!(site.finish().await, (1, NEW));
    ends_for_the_level(site.start(2, OLD).await).await;
    for controller in site.running {
        controller.stop().await;
    }
}

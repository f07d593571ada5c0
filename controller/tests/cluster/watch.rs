//! Watches: what changes is told as it changes, and goes on at another controller.

use std::collections::BTreeMap;

use muster_channel::{CallError, Client, Watching};
use muster_proto::durable::{CancelJobs, ConfigFile, ConfigFiles, JobTarget};
use muster_proto::wire::watched::Kind;
use muster_proto::wire::{Watch, Watched, request};
use muster_raft_store::MemoryDisk;

use crate::replicas::Three;
use crate::stage::{ALICE, BOB, call, client, client_of, conf, found, one, settings, soon, start, start_with, submit};

/// What a watcher knows: name and Slurm's state number of each job, by number.
#[derive(Default)]
struct Known {
    jobs: BTreeMap<u32, (String, u32)>,
    full_states: usize,
}

impl Known {
    fn learn(&mut self, watched: &Watched) {
        if watched.kind() == Kind::StateBegins {
            self.jobs.clear();
            self.full_states += 1;
        }
        for row in watched.jobs.iter().filter_map(|job| job.row.as_ref()) {
            let name = row.spec.as_ref().map(|spec| spec.name.clone()).unwrap_or_default();
            self.jobs.insert(row.job_id, (name, row.state));
        }
    }

    /// Reads on until `told` holds.
    async fn until(&mut self, watching: &mut Watching, told: impl Fn(&Known) -> bool) {
        soon(async {
            while !told(self) {
                let watched = watching.next().await.expect("the watch goes on");
                self.learn(&watched);
            }
        })
        .await;
    }

    fn names(&self) -> Vec<&str> {
        self.jobs.values().map(|(name, _)| name.as_str()).collect()
    }
}

fn watch(client: &Client, asked: Watch) -> Watching {
    client.watch(asked)
}

async fn cancel(client: &Client, job_id: u32) {
    let targets = vec![JobTarget { job_id, ..JobTarget::default() }];
    call(client, request::Body::CancelJobs(CancelJobs { targets, ..CancelJobs::default() })).await;
}

/// Of `CANCELLED`.
const CANCELLED: u32 = 4;

#[tokio::test]
async fn a_watch_begins_with_the_full_state_and_goes_on_with_changes() {
    let controller = one().await;
    let alice = client(ALICE, &controller);
    let first = submit(&alice, "first").await;
    let mut watching = watch(&alice, Watch::default());
    let mut known = Known::default();
    known.until(&mut watching, |known| known.jobs.len() == 1).await;
    let second = submit(&alice, "second").await;
    cancel(&alice, first).await;
    let state = |known: &Known, id| known.jobs.get(&id).map(|(_, state)| *state);
    known
        .until(&mut watching, |known| state(known, first) == Some(CANCELLED) && known.jobs.contains_key(&second))
        .await;
    assert_eq!((known.names(), known.full_states), (vec!["first", "second"], 1));
    controller.stop().await;
}

#[tokio::test]
async fn after_a_leader_stops_the_watch_goes_on_at_another_replica_without_a_gap() {
    let mut three = Three::start().await;
    let leader = three.leader().await;
    // The watch begins at the leader.
    let mut addresses = three.addresses();
    addresses.rotate_left(leader);
    let watcher = client_of(ALICE, addresses.clone());
    let alice = client_of(ALICE, addresses);
    submit(&alice, "before").await;
    let mut watching = watch(&watcher, Watch::default());
    let mut known = Known::default();
    known.until(&mut watching, |known| known.names() == ["before"]).await;
    submit(&alice, "told").await;
    known.until(&mut watching, |known| known.jobs.len() == 2).await;
    three.controllers.remove(leader).stop().await;
    submit(&alice, "after").await;
    known.until(&mut watching, |known| known.jobs.len() == 3).await;
    assert_eq!(known.names(), ["before", "told", "after"]);
    assert_eq!(known.full_states, 1, "the other replica knew the index, and told only what came after it");
    three.stop().await;
}

#[tokio::test]
async fn an_index_that_is_forgotten_is_answered_by_the_full_state() {
    let disk = MemoryDisk::new(1);
    let controller = start("a", &disk, Vec::new()).await;
    found(&controller).await;
    let alice = client(ALICE, &controller);
    submit(&alice, "first").await;
    let mut known = Known::default();
    let mut watching = watch(&alice, Watch::default());
    known.until(&mut watching, |known| known.jobs.len() == 1).await;
    let index = watching.index();
    submit(&alice, "second").await;
    controller.stop().await;
    // What changed before it started, this controller does not remember.
    let controller = start("a", &disk, Vec::new()).await;
    let mut watching = watch(&client(ALICE, &controller), Watch { after_index: index, ..Watch::default() });
    known.until(&mut watching, |known| known.full_states == 2 && known.jobs.len() == 2).await;
    assert_eq!(known.names(), ["first", "second"]);
    controller.stop().await;
}

#[tokio::test]
async fn watchers_are_told_what_they_asked_for_and_may_see() {
    let files = ConfigFiles {
        files: vec![ConfigFile { path: "/etc/slurm/slurm.conf".into(), text: conf() + "PrivateData=jobs\n" }],
    };
    let disk = MemoryDisk::new(1);
    let controller = start_with(muster_controller::Settings { files, ..settings("a", &disk, Vec::new()) }).await;
    found(&controller).await;
    let (alice, bob, root) = (client(ALICE, &controller), client(BOB, &controller), client(0, &controller));
    let (mut of_bob, mut of_root) = (Known::default(), Known::default());
    let mut bobs = watch(&bob, Watch::default());
    let mut roots = watch(&root, Watch { users: vec![ALICE], ..Watch::default() });
    of_bob.until(&mut bobs, |known| known.full_states == 1).await;
    of_root.until(&mut roots, |known| known.full_states == 1).await;
    for turn in 0..3 {
        submit(&alice, &format!("a{turn}")).await;
        submit(&bob, &format!("b{turn}")).await;
    }
    of_bob.until(&mut bobs, |known| known.jobs.len() == 3).await;
    of_root.until(&mut roots, |known| known.jobs.len() == 3).await;
    assert_eq!(of_bob.names(), ["b0", "b1", "b2"]);
    assert_eq!(of_root.names(), ["a0", "a1", "a2"]);
    controller.stop().await;
}

#[tokio::test]
async fn nothing_but_a_watch_is_watched() {
    let controller = one().await;
    let mut nodes = watch(&client(ALICE, &controller), Watch { nodes: true, ..Watch::default() });
    let mut names = Vec::new();
    while names.len() < 2 {
        let watched = soon(nodes.next()).await.expect("nodes are told");
        assert!(watched.jobs.is_empty());
        names.extend(watched.nodes.into_iter().filter_map(|node| node.row).map(|row| row.name));
    }
    assert_eq!(names, ["n1", "n2"]);
    let called = soon(client(ALICE, &controller).call(request::Body::Watch(Watch::default()))).await;
    assert!(matches!(called, Err(CallError::Refused(_))), "{called:?}");
    controller.stop().await;
}

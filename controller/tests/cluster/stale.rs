//! Reads that take what one controller has, when nobody else is there.

use std::sync::Arc;
use std::time::Duration;

use muster_channel::{Client, ClientOptions, NoAuth, Outside};
use muster_controller::Controller;
use muster_proto::wire::{Age, ListJobs, ListNodes, ListPartitions, reply, request};

use crate::replicas::Three;
use crate::stage::{ALICE, SLURM, client, jobs, keeper, settings, soon, submit, users};

async fn stale(client: &Client, body: request::Body) -> (reply::Body, Age) {
    soon(client.call_stale(body)).await.unwrap_or_else(|why| panic!("refused: {why:?}"))
}

async fn stale_jobs(client: &Client) -> (usize, Age) {
    match stale(client, request::Body::ListJobs(ListJobs::default())).await {
        (reply::Body::Jobs(list), age) => (list.jobs.len(), age),
        other => panic!("no list of jobs: {other:?}"),
    }
}

/// Knows one controller, and soon gives up.
fn impatient(controller: &Controller) -> Client {
    let options = ClientOptions {
        cluster: "test".into(),
        controllers: vec![controller.client_address().to_owned()],
        host: "login".into(),
        program: "test".into(),
        one_try: Duration::from_secs(2),
        give_up: Duration::from_millis(300),
    };
    Client::new(Outside::real(), keeper(ALICE), options)
}

#[tokio::test]
async fn one_survivor_of_three_shows_what_it_has_and_how_old_that_may_be() {
    let mut three = Three::start().await;
    let leader = three.leader().await;
    let survivor = three.controllers.remove((leader + 1) % 3);
    let alice = client(ALICE, &survivor);
    submit(&alice, "kept").await;
    // It has applied it now.
    assert_eq!(jobs(&alice).await.len(), 1);
    three.stop().await;
    let (listed, first) = stale_jobs(&alice).await;
    assert_eq!((listed, first.by_clock), (1, false));
    assert!(["a", "b", "c"].contains(&first.controller.as_str()) && first.index > 0);
    let (_, later) = stale_jobs(&alice).await;
    assert!(later.as_of_ms <= first.as_of_ms + 1_000, "nobody told it more: {first:?} {later:?}");
    let nodes = stale(&alice, request::Body::ListNodes(ListNodes::default())).await;
    assert!(matches!(nodes.0, reply::Body::Nodes(list) if list.nodes.len() == 2));
    let partitions = stale(&alice, request::Body::ListPartitions(ListPartitions::default())).await;
    assert!(partitions.1.index >= first.index);
    assert!(impatient(&survivor).call(request::Body::ListJobs(ListJobs::default())).await.is_err());
    survivor.stop().await;
}

#[tokio::test]
async fn after_a_restart_without_a_quorum_the_age_is_told_by_clocks_and_a_day_is_too_old() {
    let mut three = Three::start().await;
    let leader = three.leader().await;
    let at = (leader + 1) % 3;
    let disk = three.disk(at);
    let survivor = three.controllers.remove(at);
    let name = ["a", "b", "c"][at];
    let alice = client(ALICE, &survivor);
    submit(&alice, "kept").await;
    assert_eq!(jobs(&alice).await.len(), 1);
    three.stop().await;
    survivor.stop().await;
    for ahead_h in [0, 23, 48] {
        let clock = Outside::real().wall_ms;
        let wall_ms = Arc::new(move || clock() + ahead_h * 3_600_000);
        let outside = Outside { wall_ms, ..Outside::real() };
        let keeper = Arc::new(NoAuth::new(SLURM, SLURM));
        let started = Controller::start(settings(name, &disk, Vec::new()), outside, keeper, Arc::new(users()));
        let alone = started.await.expect("a controller starts");
        let told = soon(client(ALICE, &alone).call_stale(request::Body::ListJobs(ListJobs::default()))).await;
        match told {
            Ok((reply::Body::Jobs(list), age)) => {
                assert!(ahead_h < 24 && age.by_clock && age.old_ms_max >= ahead_h * 3_600_000, "{age:?}");
                assert_eq!(list.jobs.len(), 1);
            }
            other => {
                assert!(format!("{other:?}").contains("may be more than a day old"), "{other:?}");
                assert_eq!(ahead_h, 48);
            }
        }
        alone.stop().await;
    }
}

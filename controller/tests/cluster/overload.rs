//! Many who list: what they share, what they must not, and what they cost.

use std::sync::{Arc, Mutex};

use futures::future::join_all;
use muster_controller::{Controller, Settings};
use muster_proto::durable::{ConfigFile, ConfigFiles};
use muster_proto::wire::{JobInfo, ListJobs, Reconfigure, reply, request};
use muster_raft_store::MemoryDisk;

use crate::http::get;
use crate::stage::{ALICE, BOB, call, client, conf, files, found, jobs, one, settings, start_with, submit};

fn private() -> ConfigFiles {
    let text = conf() + "PrivateData=jobs\n";
    ConfigFiles { files: vec![ConfigFile { path: "/etc/slurm/slurm.conf".into(), text }] }
}

/// The number of a metric.
async fn figure(controller: &Controller, name: &str) -> f64 {
    let page = get(controller, "/metrics").await.1;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name} is not in\n{page}"))
}

fn owners(jobs: &[JobInfo]) -> Vec<u32> {
    let mut owners: Vec<u32> = jobs.iter().map(|job| job.row.as_ref().unwrap().spec.as_ref().unwrap().uid).collect();
    owners.sort_unstable();
    owners
}

#[tokio::test]
async fn a_long_listing_takes_few_records_while_it_holds_the_state() {
    let controller = one().await;
    let alice = client(ALICE, &controller);
    for _ in 0..11 {
        join_all((0..100).map(|_| submit(&alice, "many"))).await;
    }
    assert_eq!(jobs(&alice).await.len(), 1_100);
    assert_eq!(figure(&controller, "muster_state_read_records_max").await, 256.0);
    controller.stop().await;
}

#[tokio::test]
async fn those_who_ask_the_same_share_one_listing() {
    let controller = one().await;
    submit(&client(ALICE, &controller), "seen").await;
    let askers: Vec<_> = (0..40).map(|number| client(if number % 2 == 0 { ALICE } else { BOB }, &controller)).collect();
    for listed in join_all(askers.iter().map(jobs)).await {
        assert_eq!(listed.len(), 1);
    }
    let built = figure(&controller, "muster_listings_built_total").await;
    let shared = figure(&controller, "muster_listings_shared_total").await;
    assert_eq!(built + shared, 40.0);
    assert!(built < 40.0, "{built} built, {shared} shared");
    controller.stop().await;
}

#[tokio::test]
async fn whoever_lists_sees_what_was_acknowledged_before_among_many_who_share() {
    let controller = one().await;
    let (alice, bob) = (client(ALICE, &controller), client(BOB, &controller));
    for round in 1..=15 {
        let pollers = join_all((0..10).map(|_| jobs(&bob)));
        let own = async {
            submit(&alice, "next").await;
            jobs(&alice).await.len()
        };
        assert_eq!(futures::join!(own, pollers).0, round);
    }
    controller.stop().await;
}

#[tokio::test]
async fn private_jobs_are_shared_with_nobody() {
    let disk = MemoryDisk::new(1);
    let controller = start_with(Settings { files: private(), ..settings("a", &disk, Vec::new()) }).await;
    found(&controller).await;
    let (root, alice, bob) = (client(0, &controller), client(ALICE, &controller), client(BOB, &controller));
    submit(&alice, "of alice").await;
    submit(&bob, "of bob").await;
    for _ in 0..10 {
        let (all, of_alice, of_bob) = futures::join!(jobs(&root), jobs(&alice), jobs(&bob));
        assert_eq!(owners(&all), [ALICE, BOB]);
        assert_eq!((owners(&of_alice), owners(&of_bob)), (vec![ALICE], vec![BOB]));
    }
    controller.stop().await;
}

#[tokio::test]
async fn what_became_private_is_shown_no_more_once_that_is_acknowledged() {
    let current = Arc::new(Mutex::new(files()));
    let disk = MemoryDisk::new(1);
    let read = current.clone();
    let read_files = Arc::new(move || Ok(read.lock().unwrap().clone()));
    let controller = start_with(Settings { read_files, ..settings("a", &disk, Vec::new()) }).await;
    found(&controller).await;
    let (root, alice, bob) = (client(0, &controller), client(ALICE, &controller), client(BOB, &controller));
    submit(&alice, "of alice").await;
    assert_eq!(jobs(&bob).await.len(), 1);
    *current.lock().unwrap() = private();
    let pollers = join_all((0..10).map(|_| jobs(&alice)));
    let change = call(&root, request::Body::Reconfigure(Reconfigure::default()));
    assert!(matches!(futures::join!(change, pollers).0, reply::Body::Done(_)));
    assert!(jobs(&bob).await.is_empty());
    assert_eq!(jobs(&alice).await.len(), 1);
    controller.stop().await;
}

#[tokio::test]
async fn a_brief_row_has_what_squeue_shows_and_little_else() {
    let controller = one().await;
    let alice = client(ALICE, &controller);
    submit(&alice, "short").await;
    let full = jobs(&alice).await.remove(0);
    let asked = ListJobs { brief: true, ..ListJobs::default() };
    let reply::Body::Jobs(mut list) = call(&alice, request::Body::ListJobs(asked)).await else { panic!("no jobs") };
    let brief = list.jobs.remove(0);
    let (full_row, brief_row) = (full.row.clone().unwrap(), brief.row.clone().unwrap());
    let (full_spec, brief_spec) = (full_row.spec.unwrap(), brief_row.spec.unwrap());
    assert_eq!((brief_spec.name, brief_spec.user_name), (full_spec.name, full_spec.user_name));
    assert_eq!((brief_row.state, brief_row.reason), (full_row.state, full_row.reason));
    assert_eq!((brief.num_cpus, &brief.effective_partition), (full.num_cpus, &full.effective_partition));
    assert!(brief_spec.work_dir.is_empty() && brief_spec.script.is_none() && brief_spec.request.is_none());
    controller.stop().await;
}

//! The life of a job, from `sbatch` to its end.

use muster_dialect::state::JobState;
use muster_proto::durable::{CancelJobs, JobTarget, RecordHeld};
use muster_proto::wire::{ListHistory, Order, ReadScript, WaitJob, order, reply, report, request, to_node, wait_job};

use crate::stage::{ALICE, BOB, FakeNode, call, client, jobs, one, refused, submit};

fn ended(job_id: u32) -> request::Body {
    request::Body::WaitJob(WaitJob {
        job_id,
        until: wait_job::Until::Ended.into(),
        patience_ms: 20_000,
        ..WaitJob::default()
    })
}

#[tokio::test]
async fn a_batch_job_is_placed_held_launched_and_completed() {
    let controller = one().await;
    let alice = client(ALICE, &controller);
    let job_id = submit(&alice, "first").await;
    let mut node = FakeNode::open(&controller, "n1").await.unwrap();
    node.obey(0, |order| matches!(order.body, Some(order::Body::EndAttempt(_)))).await;
    let launch = node.orders.iter().find_map(|order| match &order.body {
        Some(order::Body::LaunchStep(launch)) => Some(launch.clone()),
        _ => None,
    });
    let launch = launch.expect("the batch script was launched");
    assert_eq!((&launch.script[..], &launch.environment[..]), (&b"#!/bin/sh\ntrue\n"[..], &b"A=1\0"[..]));
    let facts = launch.facts.unwrap();
    assert_eq!((facts.job_id, facts.nodes, facts.cpus), (job_id, vec!["n1".to_owned()], vec![1]));
    let authority = node.orders[0].authority.clone().unwrap();
    assert!(authority.term > 0 && authority.generation == 1 && authority.cluster_id.len() == 16);
    let reply::Body::JobNow(now) = call(&alice, ended(job_id)).await else { panic!("no JobNow") };
    assert!(now.reached);
    let job = now.job.unwrap();
    assert_eq!(job.row.as_ref().unwrap().state, JobState::Completed.code());
    assert_eq!((job.nodes.as_str(), job.batch_host.as_str(), job.num_cpus), ("n1", "n1", 1));
    controller.stop().await;
}

#[tokio::test]
async fn the_exit_status_of_the_script_is_the_jobs() {
    let controller = one().await;
    let alice = client(ALICE, &controller);
    let mut node = FakeNode::open(&controller, "n1").await.unwrap();
    let job_id = submit(&alice, "fails").await;
    node.obey(7 << 8, |order| matches!(order.body, Some(order::Body::EndAttempt(_)))).await;
    let reply::Body::JobNow(now) = call(&alice, ended(job_id)).await else { panic!("no JobNow") };
    let row = now.job.unwrap().row.unwrap();
    assert_eq!((row.state, row.exit_status), (JobState::Failed.code(), 7 << 8));
    let reply::Body::Jobs(past) = call(&alice, request::Body::ListHistory(ListHistory::default())).await else {
        panic!("no history")
    };
    assert_eq!(past.jobs.len(), 1);
    assert_eq!(past.jobs[0].row.as_ref().unwrap().steps.len(), 1);
    controller.stop().await;
}

#[tokio::test]
async fn a_job_that_was_submitted_before_any_node_came_waits() {
    let controller = one().await;
    let alice = client(ALICE, &controller);
    submit(&alice, "waits").await;
    let listed = jobs(&alice).await;
    assert_eq!(listed.len(), 1);
    let row = listed[0].row.as_ref().unwrap();
    assert_eq!(row.state, JobState::Pending.code());
    let spec = row.spec.as_ref().unwrap();
    assert_eq!((spec.uid, spec.user_name.as_str(), spec.home.as_str()), (ALICE, "alice", "/home/alice"));
    assert_eq!(listed[0].tres, "cpu=1,node=1,billing=1");
    controller.stop().await;
}

#[tokio::test]
async fn a_stale_report_is_acknowledged_as_such() {
    let controller = one().await;
    let mut node = FakeNode::open(&controller, "n1").await.unwrap();
    let registered = node.registered.clone().unwrap();
    let held = RecordHeld { uid: 99, attempt: 1, node: registered.node, epoch: registered.epoch, launched: false };
    node.report(report::Body::Held(held)).await;
    let foreign =
        RecordHeld { uid: 99, attempt: 1, node: registered.node + 1, epoch: registered.epoch, launched: false };
    node.report(report::Body::Held(foreign)).await;
    while node.acks.len() < 2 {
        if let Some(muster_proto::wire::to_node::Body::Ack(ack)) = node.next().await {
            node.acks.push((ack.seq, ack.stale));
        }
    }
    assert_eq!(node.acks.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), vec![1, 2]);
    assert!(node.acks.iter().all(|(_, stale)| !stale.is_empty()));
    controller.stop().await;
}

#[tokio::test]
async fn a_script_is_shown_to_its_owner_and_to_root_only() {
    let controller = one().await;
    let job_id = submit(&client(ALICE, &controller), "mine").await;
    let read = || {
        let target = Some(JobTarget { job_id, ..JobTarget::default() });
        request::Body::ReadScript(ReadScript { target })
    };
    for uid in [ALICE, 0] {
        let reply::Body::Script(script) = call(&client(uid, &controller), read()).await else { panic!("no script") };
        assert_eq!(&script.text[..], b"#!/bin/sh\ntrue\n");
    }
    assert_eq!(refused(&client(BOB, &controller), read()).await.1, "Invalid user id");
    controller.stop().await;
}

#[tokio::test]
async fn a_cancelled_job_is_ended_on_its_node_and_a_pending_one_at_once() {
    let controller = one().await;
    let alice = client(ALICE, &controller);
    let waiting = submit(&alice, "waiting").await;
    let cancel = |job_id| {
        let targets = vec![JobTarget { job_id, ..JobTarget::default() }];
        request::Body::CancelJobs(CancelJobs { targets, ..CancelJobs::default() })
    };
    assert_eq!(refused(&client(BOB, &controller), cancel(waiting)).await.1, "Access/permission denied");
    call(&alice, cancel(waiting)).await;
    let mut node = FakeNode::open(&controller, "n1").await.unwrap();
    let running = submit(&alice, "running").await;
    // Held, and then nothing: the script runs on.
    loop {
        match node.next().await {
            Some(to_node::Body::Order(order)) if matches!(order.body, Some(order::Body::Hold(_))) => {
                let Order { uid, attempt, node: at, epoch, .. } = order;
                node.report(report::Body::Held(RecordHeld { uid, attempt, node: at, epoch, launched: false })).await;
            }
            Some(to_node::Body::Order(order)) if matches!(order.body, Some(order::Body::LaunchStep(_))) => break,
            Some(_) => {}
            None => panic!("the session ended"),
        }
    }
    call(&alice, cancel(running)).await;
    node.obey(0, |order| matches!(order.body, Some(order::Body::EndAttempt(_)))).await;
    for job_id in [waiting, running] {
        let reply::Body::JobNow(now) = call(&alice, ended(job_id)).await else { panic!("no JobNow") };
        assert_eq!(now.job.unwrap().row.unwrap().state, JobState::Cancelled.code());
    }
    controller.stop().await;
}

#[tokio::test]
async fn a_node_that_comes_back_is_told_again_what_it_has_not_confirmed() {
    let controller = one().await;
    let alice = client(ALICE, &controller);
    submit(&alice, "once").await;
    let mut first = FakeNode::open(&controller, "n1").await.unwrap();
    let is_hold = |order: &Order| matches!(order.body, Some(order::Body::Hold(_)));
    loop {
        match first.next().await {
            Some(to_node::Body::Order(order)) if is_hold(&order) => break,
            Some(_) => {}
            None => panic!("the session ended"),
        }
    }
    // The order was lost on the way, say: nothing is reported, and the node dials again.
    let mut second = FakeNode::open(&controller, "n1").await.unwrap();
    assert!(first.next().await.is_none(), "the newer session ends the older one");
    second.obey(0, is_hold).await;
    second.obey(0, |order| matches!(order.body, Some(order::Body::EndAttempt(_)))).await;
    assert_eq!(second.registered.unwrap().epoch, first.registered.unwrap().epoch);
    controller.stop().await;
}

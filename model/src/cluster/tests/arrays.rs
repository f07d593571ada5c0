//! Arrays: one record until a task starts.

use muster_proto::durable::{CancelJobs, JobTarget, TaskRange, command::Body};

use crate::cluster::testing::*;
use crate::cluster::*;

#[test]
fn a_starting_task_gets_a_record_and_the_last_one_takes_the_arrays_id() {
    let mut scene = Scene::up();
    let uid = scene.submit(array(1, 3, 0));
    assert_eq!(scene.cluster.job_count(), 1);
    scene.place_task(uid, Some(1), &[(0, 1)]).unwrap();
    scene.place_task(uid, Some(2), &[(0, 2)]).unwrap();
    scene.place_task(uid, Some(3), &[(0, 4)]).unwrap();
    let label = |task| scene.cluster.job_by_label(1, Some(task)).unwrap().row.job_id;
    assert_eq!([label(1), label(2), label(3)], [2, 3, 1]);
    assert_eq!(scene.cluster.job_count(), 3);
    assert_eq!(scene.cluster.array_running(1), 3);
}

#[test]
fn a_task_runs_once() {
    let mut scene = Scene::up();
    let uid = scene.submit(array(1, 3, 0));
    scene.place_task(uid, Some(2), &[(0, 1)]).unwrap();
    assert!(scene.place_task(uid, Some(2), &[(0, 2)]).is_err());
    assert!(scene.place_task(uid, None, &[(0, 2)]).is_err());
}

#[test]
fn the_limit_of_running_tasks_holds_whatever_a_plan_says() {
    let mut scene = Scene::up();
    let uid = scene.submit(array(1, 5, 1));
    scene.place_task(uid, Some(1), &[(0, 1)]).unwrap();
    assert!(scene.place_task(uid, Some(2), &[(0, 2)]).unwrap_err().contains("limit"));
    let first = scene.cluster.job_by_label(1, Some(1)).unwrap().uid();
    scene.held(first, 0);
    scene.exit(first, 0, BATCH, 0);
    scene.place_task(uid, Some(2), &[(0, 2)]).unwrap();
}

#[test]
fn some_tasks_of_an_array_can_be_cancelled() {
    let mut scene = Scene::up();
    let uid = scene.submit(array(1, 5, 0));
    let tasks = vec![TaskRange { first: 2, last: 3, step: 1 }];
    let targets = vec![JobTarget { job_id: 1, tasks, ..JobTarget::default() }];
    let outcome = scene.client(ALICE, Body::CancelJobs(CancelJobs { targets, ..CancelJobs::default() }));
    assert!(matches!(outcome, Outcome::Done(answer) if answer.count == 2));
    assert_eq!(scene.job(uid).pending_task_count(), 3);
    assert_eq!(scene.cluster.job_by_label(1, Some(2)).unwrap().status().long(), "CANCELLED");
    assert!(scene.place_task(uid, Some(2), &[(0, 1)]).is_err());
}

#[test]
fn the_id_of_an_array_cancels_all_of_it() {
    let mut scene = Scene::up();
    let uid = scene.submit(array(1, 5, 0));
    scene.place_task(uid, Some(1), &[(0, 1)]).unwrap();
    scene.cancel(ALICE, 1);
    assert!(scene.cluster.jobs().all(|job| job.state().is_finished()));
}

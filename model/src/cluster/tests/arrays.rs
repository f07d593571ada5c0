//! Arrays: one record until a task starts.

use muster_dialect::state::Reason;
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

fn after_corr(job_id: u32, first: u32, last: u32) -> muster_proto::durable::JobSpec {
    use muster_proto::durable::{Dependency, DependencyTerm, dependency_term::Kind};
    let term = DependencyTerm { kind: Kind::AfterCorr.into(), job_id, ..DependencyTerm::default() };
    let mut spec = array(first, last, 0);
    spec.dependency = Some(Dependency { terms: vec![term], any: false });
    spec
}

/// Runs a task of array 1 to its end on node 0, which leaves it with this status.
fn run_task(scene: &mut Scene, array: u64, task: u32, status: u32) {
    scene.place_task(array, Some(task), &[(0, 1)]).unwrap();
    let uid = scene.cluster.job_by_label(1, Some(task)).unwrap().uid();
    scene.held(uid, 0);
    scene.exit(uid, 0, BATCH, status);
    scene.released(uid, 0);
}

fn reason_of(scene: &Scene, job_id: u32, task: u32) -> Reason {
    scene.cluster.job_by_label(job_id, Some(task)).unwrap().reason()
}

#[test]
fn after_corr_lets_each_task_wait_for_its_own_number() {
    let mut scene = Scene::up();
    let first = scene.submit(array(1, 3, 0));
    let second = scene.submit(after_corr(1, 1, 4));
    let label = scene.job(second).row.job_id;
    assert!(scene.place_task(second, Some(1), &[(1, 1)]).is_err());
    run_task(&mut scene, first, 2, 0x100);
    run_task(&mut scene, first, 1, 0);
    assert_eq!(reason_of(&scene, label, 2), Reason::DependencyNeverSatisfied);
    assert_eq!(scene.job(second).pending_task_count(), 2, "3 waits for 3, and 4 for all of it");
    let free = scene.cluster.job_by_label(label, Some(1)).unwrap().uid();
    scene.place(free, &[(1, 1)]).unwrap();
    assert!(scene.place_task(second, Some(3), &[(1, 2)]).is_err());
    run_task(&mut scene, first, 3, 0);
    let free = scene.cluster.job_by_label(label, Some(3)).unwrap().uid();
    scene.place(free, &[(1, 2)]).unwrap();
    assert_eq!(reason_of(&scene, label, 4), Reason::DependencyNeverSatisfied, "nothing corresponds, and 2 has failed");
}

#[test]
fn after_corr_on_an_array_that_is_over_is_judged_when_it_is_submitted() {
    let mut scene = Scene::up();
    let first = scene.submit(array(1, 3, 0));
    for (task, status) in [(1, 0), (2, 0x100), (3, 0)] {
        run_task(&mut scene, first, task, status);
    }
    let mixed = scene.submit(after_corr(1, 1, 3));
    let label = scene.job(mixed).row.job_id;
    assert_eq!(reason_of(&scene, label, 2), Reason::DependencyNeverSatisfied);
    for (task, core) in [(1, 1), (3, 2)] {
        let free = scene.cluster.job_by_label(label, Some(task)).unwrap().uid();
        scene.place(free, &[(1, core)]).unwrap();
    }
}

#[test]
fn tasks_with_records_of_their_own_count_to_the_arrays_limit() {
    let mut scene = Scene::up();
    let first = scene.submit(array(1, 3, 0));
    let second = scene.submit(muster_proto::durable::JobSpec { array: array(1, 3, 1).array, ..after_corr(1, 1, 3) });
    let label = scene.job(second).row.job_id;
    run_task(&mut scene, first, 1, 0);
    run_task(&mut scene, first, 2, 0);
    let [one, two] = [1, 2].map(|task| scene.cluster.job_by_label(label, Some(task)).unwrap().uid());
    scene.place(one, &[(1, 1)]).unwrap();
    assert!(scene.place(two, &[(1, 2)]).unwrap_err().contains("limit"));
}

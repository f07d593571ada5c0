//! The life of a job, from submit to purge.

use muster_dialect::state::Reason;
use muster_proto::durable::{
    EndAllocation, EndCause, ExpireJobs, JobKind, NodePhase, PurgeJobs, RecordHeld, RecordReleased, RecordStepExit,
    StepNode, StepState, command::Body,
};

use crate::cluster::dispatch::{Wanted, wanted};
use crate::cluster::testing::*;
use crate::cluster::*;

#[test]
fn a_batch_job_is_configured_runs_completes_and_is_over() {
    let mut scene = Scene::up();
    let uid = scene.submit(on_nodes(2));
    assert_eq!(scene.long_state(uid), "PENDING");
    scene.place(uid, &[(0, 1), (1, 1)]).unwrap();
    assert_eq!(scene.long_state(uid), "CONFIGURING");
    assert_eq!(wanted(&scene.cluster, 0), [Wanted::Hold { uid, attempt: 1 }]);
    scene.held(uid, 0);
    assert_eq!(scene.long_state(uid), "CONFIGURING");
    assert_eq!(wanted(&scene.cluster, 0), []);
    scene.held(uid, 1);
    assert_eq!(scene.long_state(uid), "RUNNING");
    assert_eq!(wanted(&scene.cluster, 0)[0], Wanted::LaunchStep { uid, attempt: 1, step: BATCH });
    assert!(matches!(wanted(&scene.cluster, 1)[..], [Wanted::SetTimeLimit { .. }]));
    scene.started(uid, 0, BATCH);
    assert!(matches!(wanted(&scene.cluster, 0)[..], [Wanted::SetTimeLimit { .. }]));
    scene.exit(uid, 0, BATCH, 0);
    assert_eq!(scene.long_state(uid), "COMPLETING");
    let end = Wanted::EndAttempt { uid, attempt: 1, cause: EndCause::Exited, by_uid: 0 };
    assert_eq!(wanted(&scene.cluster, 1), [end]);
    scene.released(uid, 1);
    assert!(scene.cluster.node(1).unwrap().shares.is_empty());
    assert_eq!(scene.long_state(uid), "COMPLETING");
    scene.released(uid, 0);
    assert_eq!(scene.long_state(uid), "COMPLETED");
    assert_eq!(wanted(&scene.cluster, 0), []);
    assert_eq!(scene.disk.keys().filter(|(table, _)| *table == Table::History).count(), 1);
}

#[test]
fn a_node_by_itself_launches_with_the_hold_and_releases_with_the_exit() {
    let mut scene = Scene::up();
    let wide = scene.submit(on_nodes(2));
    scene.place(wide, &[(2, 1), (3, 1)]).unwrap();
    assert_eq!(dispatch::launched_with_hold(scene.job(wide)), None);
    let uid = scene.submit(batch());
    scene.place(uid, &[(0, 1)]).unwrap();
    let (spec, place) = dispatch::launched_with_hold(scene.job(uid)).unwrap();
    let epoch = scene.cluster.node(0).unwrap().row.epoch;
    scene.node(Body::RecordHeld(RecordHeld { uid, attempt: 1, node: 0, epoch, launched: true }));
    let step = scene.job(uid).step(BATCH).unwrap();
    assert_eq!((step.spec.as_ref(), step.state()), (Some(&spec), StepState::Running));
    assert_eq!(step.nodes[0], StepNode { started: true, ..place });
    assert!(matches!(wanted(&scene.cluster, 0)[..], [Wanted::SetTimeLimit { .. }]));
    let exit = Some(RecordStepExit { step_id: BATCH, wait_status: 3 << 8, ..RecordStepExit::default() });
    let released = RecordReleased { uid, attempt: 1, node: 0, epoch, exit, ..RecordReleased::default() };
    scene.node(Body::RecordReleased(released.clone()));
    assert_eq!((scene.long_state(uid), scene.job(uid).row.exit_status), ("FAILED", 3 << 8));
    let before = scene.cluster.job(uid).cloned();
    scene.node(Body::RecordReleased(released));
    assert_eq!(scene.cluster.job(uid).cloned(), before);
}

#[test]
fn an_srun_that_died_before_it_made_a_step_gives_its_nodes_back() {
    let mut scene = Scene::up();
    let mut spec = batch();
    spec.set_kind(JobKind::Run);
    spec.script = None;
    let uid = scene.run(spec, &[(0, 1)]);
    scene.later(STEPLESS_RUN_MS - 1);
    assert_eq!(scene.cluster.due(scene.now_ms, 9), []);
    scene.later(1);
    assert_eq!(scene.cluster.due(scene.now_ms, 9), [uid]);
    scene.lead(Body::ExpireJobs(ExpireJobs { uids: vec![uid] }));
    scene.released(uid, 0);
    assert_eq!((scene.long_state(uid), scene.job(uid).reason()), ("TIMEOUT", Reason::InactiveLimit));
}

#[test]
fn a_failing_script_fails_the_job_with_its_status() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.exit(uid, 0, BATCH, 9 << 8);
    scene.released(uid, 0);
    assert_eq!(scene.long_state(uid), "FAILED");
    assert_eq!(scene.job(uid).reason(), Reason::NonZeroExitCode);
    assert_eq!(scene.job(uid).row.exit_status, 9 << 8);
}

#[test]
fn reports_are_idempotent() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.held(uid, 0);
    scene.started(uid, 0, BATCH);
    scene.exit(uid, 0, BATCH, 0);
    let before = scene.cluster.job(uid).cloned();
    scene.exit(uid, 0, BATCH, 7 << 8);
    assert_eq!(scene.cluster.job(uid).cloned(), before);
    scene.released(uid, 0);
    let before = scene.cluster.job(uid).cloned();
    assert!(matches!(scene.released(uid, 0), Outcome::Done(_)));
    assert_eq!(scene.cluster.job(uid).cloned(), before);
}

#[test]
fn a_cancelled_pending_job_is_over_at_once_and_tells_who() {
    let mut scene = Scene::up();
    let uid = scene.submit(batch());
    scene.cancel(ALICE, 1);
    assert_eq!(scene.long_state(uid), "CANCELLED");
    assert!(scene.job(uid).is_over() && scene.job(uid).row.cancelled_by == ALICE);
}

#[test]
fn a_cancelled_running_job_shows_the_signal_that_its_script_died_of() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.cancel(0, 1);
    assert_eq!(scene.long_state(uid), "COMPLETING");
    scene.exit(uid, 0, BATCH, 15);
    scene.released(uid, 0);
    assert_eq!(scene.long_state(uid), "CANCELLED");
    assert_eq!(scene.job(uid).row.exit_status, 15);
}

#[test]
fn a_job_cancelled_while_placed_waits_for_the_tombstone() {
    let mut scene = Scene::up();
    let uid = scene.submit(batch());
    scene.place(uid, &[(0, 0b1111)]).unwrap();
    scene.cancel(ALICE, 1);
    assert_eq!(scene.long_state(uid), "COMPLETING");
    let other = scene.submit(batch());
    assert!(scene.place(other, &[(0, 1)]).is_err(), "the promise stands until the node refuses it for ever");
    scene.refused(uid, 0, false);
    assert_eq!(scene.long_state(uid), "CANCELLED");
    scene.place(other, &[(0, 1)]).unwrap();
}

#[test]
fn a_hold_that_crosses_a_cancel_has_something_to_release() {
    let mut scene = Scene::up();
    let uid = scene.submit(batch());
    scene.place(uid, &[(0, 1)]).unwrap();
    scene.cancel(ALICE, 1);
    scene.held(uid, 0);
    assert_eq!(scene.job(uid).newest_attempt().unwrap().nodes[0].phase(), NodePhase::Completing);
    scene.released(uid, 0);
    assert_eq!(scene.long_state(uid), "CANCELLED");
}

#[test]
fn salloc_ends_when_it_gives_back() {
    let mut scene = Scene::up();
    let uid = scene.run(salloc(2), &[(0, 1), (1, 1)]);
    assert_eq!(scene.long_state(uid), "RUNNING");
    assert!(scene.job(uid).row.steps.is_empty());
    let end = Body::EndAllocation(EndAllocation { uid, wait_status: 0 });
    scene.client(ALICE, end.clone());
    assert!(matches!(scene.client(ALICE, end), Outcome::Done(_)), "a repeat is done already");
    scene.released(uid, 0);
    scene.released(uid, 1);
    assert_eq!(scene.long_state(uid), "COMPLETED");
}

#[test]
fn a_prolog_that_fails_drains_the_node_and_requeues_held() {
    let mut scene = Scene::up();
    let uid = scene.submit(batch());
    scene.place(uid, &[(0, 1)]).unwrap();
    scene.refused(uid, 0, true);
    let job = scene.job(uid);
    assert_eq!((job.status().long(), job.row.priority, job.row.restarts), ("PENDING", 0, 1));
    assert_eq!(job.row.reason_detail, "launch failed requeued held");
    let node = scene.cluster.node(0).unwrap();
    assert!(node.row.drain && node.row.reason == "Prolog error");
}

#[test]
fn a_node_that_cannot_start_a_batch_step_is_drained_and_the_job_requeued_held() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.not_started(uid, 0, BATCH, "SlurmdSpoolDir is full");
    scene.not_started(uid, 0, BATCH, "SlurmdSpoolDir is full");
    scene.released(uid, 0);
    let job = scene.job(uid);
    assert_eq!((job.status().long(), job.row.priority, job.row.restarts), ("PENDING", 0, 1));
    assert_eq!(job.row.reason_detail, "launch failed requeued held");
    let node = scene.cluster.node(0).unwrap();
    assert!(node.row.drain && node.row.reason == "SlurmdSpoolDir is full");
}

#[test]
fn a_job_that_may_not_run_again_fails_on_such_a_node_and_the_node_is_drained_all_the_same() {
    let mut scene = Scene::up();
    let mut spec = batch();
    spec.requeue = Some(false);
    let uid = scene.run(spec, &[(0, 1)]);
    scene.not_started(uid, 0, BATCH, "SlurmdSpoolDir is full");
    scene.released(uid, 0);
    assert_eq!((scene.long_state(uid), scene.job(uid).row.exit_status), ("FAILED", 1 << 8));
    assert!(scene.cluster.node(0).unwrap().row.drain);
}

#[test]
fn a_batch_step_that_the_job_itself_keeps_from_starting_fails_it_and_spares_the_node() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.not_started(uid, 0, BATCH, "");
    scene.released(uid, 0);
    assert_eq!((scene.long_state(uid), scene.job(uid).reason()), ("FAILED", Reason::JobLaunchFailure));
    assert!(!scene.cluster.node(0).unwrap().row.drain);
}

#[test]
fn a_time_limit_ends_a_job_when_the_stamp_says_so_and_not_before() {
    let mut scene = Scene::up();
    let mut spec = batch();
    spec.time_limit_s = Some(60);
    let uid = scene.run(spec, &[(0, 1)]);
    scene.later(59_999);
    assert!(scene.cluster.due(scene.now_ms, 10).is_empty());
    let expire = Body::ExpireJobs(muster_proto::durable::ExpireJobs { uids: vec![uid] });
    scene.lead(expire.clone());
    assert_eq!(scene.long_state(uid), "RUNNING");
    scene.later(1);
    assert_eq!(scene.cluster.due(scene.now_ms, 10), [uid]);
    scene.lead(expire);
    scene.exit(uid, 0, BATCH, 15);
    scene.released(uid, 0);
    assert_eq!(scene.long_state(uid), "TIMEOUT");
    assert_eq!(scene.job(uid).reason(), Reason::TimeLimit);
}

#[test]
fn a_finished_job_leaves_memory_after_min_job_age_and_its_script_with_it() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.exit(uid, 0, BATCH, 0);
    scene.released(uid, 0);
    let purge = Body::PurgeJobs(PurgeJobs { uids: vec![uid] });
    scene.lead(purge.clone());
    assert!(scene.cluster.job(uid).is_some());
    scene.later(300_000);
    assert_eq!(scene.cluster.purgeable(scene.now_ms, 10), [uid]);
    scene.lead(purge);
    assert!(scene.cluster.job(uid).is_none());
    assert!(!scene.disk.keys().any(|(table, _)| matches!(table, Table::Blobs | Table::BlobBytes | Table::Jobs)));
    assert_eq!(scene.disk.keys().filter(|(table, _)| *table == Table::History).count(), 1);
}

#[test]
fn a_dependent_starts_after_its_job_and_keeps_it_in_memory_until_then() {
    use muster_proto::durable::{Dependency, DependencyTerm, dependency_term::Kind};
    let mut scene = Scene::up();
    let first = scene.run(batch(), &[(0, 1)]);
    let term = |kind: Kind| DependencyTerm { kind: kind.into(), job_id: 1, ..DependencyTerm::default() };
    let after = |kind: Kind| {
        let mut spec = batch();
        spec.dependency = Some(Dependency { terms: vec![term(kind)], any: false });
        spec
    };
    let ok = scene.submit(after(Kind::AfterOk));
    let not_ok = scene.submit(after(Kind::AfterNotOk));
    assert_eq!(scene.job(ok).reason(), Reason::Dependency);
    assert!(scene.place(ok, &[(1, 1)]).is_err());
    scene.exit(first, 0, BATCH, 0);
    assert!(scene.place(ok, &[(1, 1)]).is_err(), "completing is not over");
    scene.released(first, 0);
    assert_eq!(scene.job(not_ok).reason(), Reason::DependencyNeverSatisfied);
    scene.later(300_000);
    assert!(scene.cluster.purgeable(scene.now_ms, 10).is_empty(), "not_ok still waits for it");
    scene.place(ok, &[(1, 1)]).unwrap();
}

#[test]
fn a_job_that_still_waits_at_its_deadline_ends_with_it() {
    let mut scene = Scene::up();
    let mut spec = batch();
    spec.deadline_ms = scene.now_ms + 1_000;
    let uid = scene.submit(spec);
    scene.later(1_000);
    let uids = scene.cluster.due(scene.now_ms, 10);
    scene.lead(Body::ExpireJobs(muster_proto::durable::ExpireJobs { uids }));
    assert_eq!((scene.long_state(uid), scene.job(uid).reason()), ("DEADLINE", Reason::Deadline));
}

#[test]
fn no_time_between_two_instants_lets_nothing_begin() {
    let mut scene = Scene::up();
    scene.submit(on_nodes(1));
    for (after_ms, now_ms) in [(5, 5), (6, 5), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
        assert!(!scene.cluster.begins_between(after_ms, now_ms), "after {after_ms}, at {now_ms}");
    }
}

//! What users and operators may do, in Slurm's error numbers.

use muster_dialect::state::Reason;
use muster_proto::durable::{
    AdmitReplica, CancelJobs, Channel, HoldKind, JobSpec, JobTarget, NotifyJob, RaiseFeatureLevel, RequeueJob,
    RetireReplica, SuspendJob, TaskRange, UpdateJob, UpdateNode, UpdatePartition, command::Body,
};

use crate::cluster::testing::*;
use crate::cluster::*;

fn error(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Rejected(answer) => answer.error,
        Outcome::Done(_) => 0,
        other => panic!("{other:?}"),
    }
}

fn update(job_id: u32, change: impl FnOnce(&mut UpdateJob)) -> Body {
    let mut command = UpdateJob { target: Some(JobTarget { job_id, ..Default::default() }), ..Default::default() };
    change(&mut command);
    Body::UpdateJob(command)
}

#[test]
fn others_jobs_are_not_touched() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    assert_eq!(error(scene.cancel(BOB, 1)), 2002);
    assert_eq!(error(scene.client(BOB, update(1, |u| u.time_limit_s = Some(60)))), 2010);
    let requeue = RequeueJob { target: Some(JobTarget { job_id: 1, ..Default::default() }), ..Default::default() };
    assert_eq!(error(scene.client(BOB, Body::RequeueJob(requeue))), 2002);
    assert_eq!(error(scene.cancel(ALICE, 99)), 2017);
    assert_eq!(scene.long_state(uid), "RUNNING");
}

#[test]
fn users_may_only_lower_a_time_limit() {
    let mut scene = Scene::up();
    let mut spec = batch();
    spec.time_limit_s = Some(600);
    scene.submit(spec);
    assert_eq!(error(scene.client(ALICE, update(1, |u| u.time_limit_s = Some(300)))), 0);
    assert_eq!(error(scene.client(ALICE, update(1, |u| u.time_limit_s = Some(400)))), 2002);
    assert_eq!(error(scene.client(0, update(1, |u| u.time_limit_s = Some(400)))), 0);
}

#[test]
fn a_hold_of_the_administrator_is_not_the_users_to_release() {
    let mut scene = Scene::up();
    let uid = scene.submit(batch());
    scene.client(ALICE, update(1, |u| u.hold = Some(true)));
    assert_eq!((scene.job(uid).reason(), scene.job(uid).row.priority), (Reason::JobHeldUser, 0));
    scene.client(ALICE, update(1, |u| u.hold = Some(false)));
    assert_ne!(scene.job(uid).row.priority, 0);
    scene.client(0, update(1, |u| u.hold = Some(true)));
    assert_eq!(scene.job(uid).reason(), Reason::JobHeldAdmin);
    assert_eq!(error(scene.client(ALICE, update(1, |u| u.hold = Some(false)))), 2002);
    assert_eq!(error(scene.client(ALICE, update(1, |u| u.priority = Some(5)))), 2002);
    assert_eq!(error(scene.client(0, update(1, |u| u.hold = Some(false)))), 0);
}

#[test]
fn what_an_attempt_started_with_does_not_change() {
    let mut scene = Scene::up();
    scene.run(batch(), &[(0, 1)]);
    assert_eq!(error(scene.client(0, update(1, |u| u.partition = Some("short".into())))), 2073);
    assert_eq!(error(scene.client(ALICE, update(1, |u| u.comment = Some("abc".into())))), 0);
}

#[test]
fn a_requeued_job_is_pending_again_after_its_node_released_it_and_waits() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    let requeue = RequeueJob { target: Some(JobTarget { job_id: 1, ..Default::default() }), ..Default::default() };
    assert_eq!(error(scene.client(0, Body::RequeueJob(requeue.clone()))), 0);
    assert_eq!(scene.long_state(uid), "COMPLETING");
    assert_eq!(error(scene.client(0, Body::RequeueJob(requeue))), 2024);
    scene.exit(uid, 0, BATCH, 15);
    scene.released(uid, 0);
    let job = scene.job(uid);
    assert_eq!((job.status().long(), job.reason(), job.row.restarts), ("PENDING", Reason::BeginTime, 1));
    assert_eq!(job.row.eligible_ms, scene.now_ms + 121_000);
    scene.cancel(ALICE, 1);
    let job = scene.job(uid);
    assert!(job.shown_attempt().is_none() && job.run() == 2, "the run that was cancelled had not begun");
    let rows = scene.disk.iter().filter(|((table, _), _)| *table == Table::History);
    let past: Vec<Job> = rows.map(|(_, row)| history_row(row)).collect();
    let shown: Vec<_> = past.iter().map(|job| (job.run(), job.shown_attempt().is_some())).collect();
    assert_eq!(shown, [(1, true), (2, false)], "each has a row of its own");
}

fn history_row(row: &[u8]) -> Job {
    let row = <muster_proto::durable::HistoryRow as prost::Message>::decode(row).unwrap();
    Job::of(row.job.unwrap()).unwrap()
}

#[test]
fn not_even_administrators_requeue_a_job_that_refused_it_before_they_changed_that() {
    let mut scene = Scene::up();
    let spec = JobSpec { requeue: Some(false), ..batch() };
    scene.submit(spec.clone());
    let uid = scene.run(spec, &[(0, 1)]);
    let requeue = |job_id, hold| {
        let target = Some(JobTarget { job_id, ..Default::default() });
        Body::RequeueJob(RequeueJob { target, hold, ..Default::default() })
    };
    assert_eq!(error(scene.client(0, requeue(1, false))), 2037, "a pending one");
    assert_eq!(error(scene.client(0, requeue(2, false))), 2037);
    assert_eq!(error(scene.client(0, requeue(2, true))), 2037);
    assert_eq!(scene.long_state(uid), "RUNNING");
    assert_eq!(error(scene.client(ALICE, update(2, |u| u.requeue = Some(true)))), 0);
    assert_eq!(error(scene.client(ALICE, requeue(2, false))), 0);
    assert_eq!(scene.long_state(uid), "COMPLETING");
}

#[test]
fn suspending_and_notifying_are_refused_in_slurms_words_where_they_could_not_be() {
    let mut scene = Scene::up();
    scene.run(batch(), &[(0, 1)]);
    scene.submit(JobSpec { hold: true, ..batch() });
    let target = |job_id| Some(JobTarget { job_id, ..Default::default() });
    let suspend = |job_id, resume| Body::SuspendJob(SuspendJob { target: target(job_id), resume });
    let notify = |job_id| Body::NotifyJob(NotifyJob { target: target(job_id), ..Default::default() });
    for resume in [false, true] {
        assert_eq!(error(scene.client(0, suspend(9, resume))), 2017);
        assert_eq!(error(scene.client(0, suspend(2, resume))), 2024);
    }
    assert_eq!(error(scene.client(0, suspend(1, true))), 2087);
    assert_eq!((error(scene.client(0, notify(9))), error(scene.client(0, notify(2)))), (2017, 2037));
    scene.cancel(ALICE, 2);
    assert_eq!((error(scene.client(0, suspend(2, true))), error(scene.client(0, notify(2)))), (2021, 2021));
}

#[test]
fn nodes_are_administrators_to_drain_and_need_a_reason() {
    let mut scene = Scene::up();
    let set = |state: &str, reason: Option<&str>| {
        Body::UpdateNode(UpdateNode {
            names: "n[1-2]".into(),
            state: state.into(),
            reason: reason.map(Into::into),
            ..Default::default()
        })
    };
    assert_eq!(error(scene.client(BOB, set("drain", Some("x")))), 2010);
    assert_ne!(error(scene.client(0, set("drain", None))), 0);
    assert_eq!(error(scene.client(0, set("resume", None))), 2028, "already idle");
    assert_eq!(error(scene.client(0, set("drain", Some("x")))), 0);
    assert_eq!(error(scene.client(0, set("resume", None))), 0);
    assert!(scene.cluster.node(0).unwrap().is_usable());
}

#[test]
fn a_node_set_down_ends_its_jobs_and_waits_for_its_report() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    let down = UpdateNode { names: "n1".into(), state: "DOWN".into(), reason: Some("x".into()), ..Default::default() };
    scene.client(0, Body::UpdateNode(down));
    assert_eq!(scene.long_state(uid), "COMPLETING");
    scene.released(uid, 0);
    assert_eq!(scene.long_state(uid), "PENDING");
}

#[test]
fn partitions_are_changed_over_the_configuration() {
    let mut scene = Scene::up();
    let change = |name: &str, create: bool, keys: &[(&str, &str)]| {
        let keys = keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        Body::UpdatePartition(UpdatePartition { name: name.into(), create, delete: false, keys })
    };
    assert_eq!(error(scene.client(BOB, change("debug", false, &[("State", "DOWN")]))), 2010);
    scene.client(0, change("debug", false, &[("State", "DOWN")]));
    let uid = scene.submit(batch());
    assert!(scene.place(uid, &[(0, 1)]).is_err());
    scene.client(0, change("debug", false, &[("State", "UP")]));
    scene.place(uid, &[(0, 1)]).unwrap();
    assert_eq!(error(scene.client(0, change("newp", true, &[("Nodes", "n1")]))), 0);
    assert_eq!(scene.cluster.partition("newp").unwrap().nodes.len(), 1);
    assert_eq!(error(scene.client(0, change("nosuch", false, &[]))), 2000);
}

#[test]
fn a_cancel_of_many_is_stored_and_continued() {
    let mut scene = Scene::up();
    for _ in 0..1_200 {
        scene.cluster.apply(0, &unchecked_submit(&scene), &mut Changes::default());
    }
    let all = CancelJobs { user: Some(ALICE), ..Default::default() };
    let command = muster_proto::durable::Command {
        origin: Some(origin(ALICE, Channel::Client)),
        request: None,
        body: Some(Body::CancelJobs(all)),
    };
    scene.apply(command);
    let left = |scene: &Scene| scene.cluster.jobs().filter(|job| !job.state().is_finished()).count();
    assert_eq!(left(&scene), 200);
    let work = scene.cluster.work().next().unwrap().work;
    scene.lead(Body::ContinueWork(muster_proto::durable::ContinueWork { work }));
    assert_eq!((left(&scene), scene.cluster.work().count()), (0, 0));
}

/// Tasks of an array, as `scancel 12_[0-2499]` names them.
fn tasks_of(scene: &Scene, uid: u64, last: u32) -> JobTarget {
    let tasks = vec![TaskRange { first: 0, last, step: 1 }];
    JobTarget { job_id: scene.job(uid).row.job_id, tasks, ..JobTarget::default() }
}

/// Carries out what is stored, a bounded command at a time; how many that took.
fn go_on(scene: &mut Scene) -> usize {
    let mut commands = 0;
    loop {
        let Some(work) = scene.cluster.work().next().map(|row| row.work) else { return commands };
        scene.lead(Body::ContinueWork(muster_proto::durable::ContinueWork { work }));
        commands += 1;
        assert!(commands < 100, "it never ends");
    }
}

/// An array of 3,000 tasks: one command touches 1,000.
fn with_large_array() -> (Scene, u64) {
    let mut scene = Scene::up_with(&CONF.replace("MaxArraySize=101", "MaxArraySize=4000"));
    let uid = scene.submit(array(0, 2_999, 0));
    (scene, uid)
}

#[test]
fn tasks_of_an_array_are_all_cancelled_also_where_one_command_may_not() {
    let (mut scene, uid) = with_large_array();
    let targets = vec![tasks_of(&scene, uid, 2_499)];
    let cancelled = |scene: &Scene| scene.cluster.jobs().filter(|job| job.state().is_finished()).count();
    // Those that are not meant stay, and nothing is stored for ever.
    let running = CancelJobs { targets: targets.clone(), states: vec!["RUNNING".into()], ..CancelJobs::default() };
    scene.client(ALICE, Body::CancelJobs(running));
    let signal = CancelJobs { targets: targets.clone(), signal: 10, ..CancelJobs::default() };
    assert_eq!(error(scene.client(ALICE, Body::CancelJobs(signal))), 2024);
    assert_eq!((go_on(&mut scene), cancelled(&scene), scene.cluster.jobs().count()), (0, 0, 1));
    scene.client(ALICE, Body::CancelJobs(CancelJobs { targets, ..CancelJobs::default() }));
    assert_eq!(cancelled(&scene), 1_000);
    assert_eq!((go_on(&mut scene), cancelled(&scene)), (2, 2_500));
    assert_eq!(scene.job(uid).pending_task_count(), 500);
    // All of it: 2,500 that are over, and what waits.
    let job_id = scene.job(uid).row.job_id;
    scene.cancel(ALICE, job_id);
    go_on(&mut scene);
    assert!(scene.cluster.jobs().all(|job| job.state().is_finished()));
}

#[test]
fn tasks_of_an_array_are_all_updated_also_where_one_command_may_not() {
    let (mut scene, uid) = with_large_array();
    let target = Some(tasks_of(&scene, uid, 2_499));
    let hold = UpdateJob { target, hold: Some(true), ..UpdateJob::default() };
    assert_ne!(error(scene.client(BOB, Body::UpdateJob(hold.clone()))), 0);
    assert_eq!((go_on(&mut scene), scene.cluster.jobs().count()), (0, 1), "what is refused changes nothing");
    scene.client(ALICE, Body::UpdateJob(hold));
    assert_eq!(go_on(&mut scene), 2);
    let held = scene.cluster.jobs().filter(|job| job.row.hold() != HoldKind::None).count();
    assert_eq!((held, scene.job(uid).pending_task_count()), (2_500, 500));
}

fn unchecked_submit(scene: &Scene) -> muster_proto::durable::Batch {
    let body = Some(Body::SubmitJob(submission(batch())));
    let command = muster_proto::durable::Command { origin: Some(origin(ALICE, Channel::Client)), request: None, body };
    muster_proto::durable::Batch { stamp_ms: scene.now_ms, feature_level: 1, generation: 1, commands: vec![command] }
}

#[test]
fn a_store_is_admitted_once_and_a_retired_one_never_again() {
    let mut scene = Scene::founded();
    let admit = |store: u8| {
        let store_id = vec![store; 16].into();
        Body::AdmitReplica(AdmitReplica { name: "c".into(), address: "c:1".into(), store_id, ..Default::default() })
    };
    let id = |outcome: Outcome| match outcome {
        Outcome::Done(answer) => answer.replica,
        other => panic!("{other:?}"),
    };
    assert_eq!(id(scene.lead(admit(1))), 1);
    assert_eq!(id(scene.lead(admit(2))), 2);
    assert_eq!(id(scene.lead(admit(1))), 1);
    scene.client(0, Body::RetireReplica(RetireReplica { replica: 1 }));
    assert!(matches!(scene.lead(admit(1)), Outcome::Rejected(_)));
    assert_eq!(id(scene.lead(admit(3))), 3);
}

#[test]
fn a_feature_level_is_raised_once_every_replica_knows_it_and_never_falls() {
    let mut scene = Scene::founded();
    scene.cluster = std::mem::take(&mut scene.cluster).of_level(2);
    let admit = |name: &str, store: u8, feature_level| {
        let (name, store_id) = (name.to_owned(), vec![store; 16].into());
        Body::AdmitReplica(AdmitReplica { name, store_id, feature_level, ..Default::default() })
    };
    let raise = |level| Body::RaiseFeatureLevel(RaiseFeatureLevel { level });
    let why = |outcome: Outcome| match outcome {
        Outcome::Rejected(answer) => answer.message,
        other => panic!("{other:?}"),
    };
    scene.lead(admit("a", 1, 2));
    scene.lead(admit("b", 2, 1));
    scene.lead(admit("gone", 3, 1));
    scene.lead(Body::RetireReplica(RetireReplica { replica: 3 }));
    assert_eq!(why(scene.lead(raise(2))), "feature level 2 is beyond b: upgrade there first");
    scene.lead(admit("b", 2, 2));
    assert_eq!(error(scene.lead(raise(2))), 0);
    assert_eq!(scene.cluster.meta().feature_level, 2);
    scene.lead(admit("b", 2, 3));
    scene.lead(admit("a", 1, 3));
    assert!(matches!(scene.lead(raise(3)), Outcome::Halt(_)), "this program knows 2");
    assert_eq!(why(scene.lead(raise(1))), "feature level 2 is in force already");
    assert_eq!(why(scene.lead(admit("c", 4, 1))), "the cluster is at feature level 2: this program is too old for it");
}

#[test]
fn each_command_comes_by_its_door() {
    let mut scene = Scene::up();
    let plan = Body::CommitPlan(muster_proto::durable::CommitPlan::default());
    assert_eq!(error(scene.client(0, plan)), 2002);
    let uid = scene.submit(batch());
    let report = Body::RecordHeld(muster_proto::durable::RecordHeld { uid, ..Default::default() });
    assert_eq!(error(scene.client(0, report)), 2002);
    assert_eq!(error(scene.node(Body::CancelJobs(CancelJobs::default()))), 2002);
}

#[test]
fn a_deleted_partition_starts_afresh_when_it_is_made_again() {
    let mut scene = Scene::up();
    let change = |create: bool, delete: bool, keys: &[(&str, &str)]| {
        let keys = keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        Body::UpdatePartition(UpdatePartition { name: "newp".into(), create, delete, keys })
    };
    scene.client(0, change(true, false, &[("Nodes", "n1"), ("State", "DOWN")]));
    assert_eq!(error(scene.client(0, change(false, true, &[]))), 0);
    assert!(scene.cluster.partition("newp").is_none());
    scene.client(0, change(true, false, &[("Nodes", "n2")]));
    assert!(scene.cluster.partition("newp").is_some_and(|partition| partition.state.starts_jobs()));
}

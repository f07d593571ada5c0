//! Steps inside of an allocation.

use muster_proto::durable::{CancelJobs, JobTarget};
use muster_proto::durable::{CreateStep, EndCause, JobKind, SignalStep, StepNode, StepSpec, command::Body};

use crate::cluster::dispatch::{Wanted, wanted};
use crate::cluster::testing::*;
use crate::cluster::*;

fn create(scene: &mut Scene, uid: u64, spec: StepSpec) -> Result<u32, u32> {
    let spec = StepSpec { step_id: u32::MAX, ..spec };
    let command = CreateStep { uid, spec: Some(spec), ..CreateStep::default() };
    match scene.client(ALICE, Body::CreateStep(command)) {
        Outcome::Done(answer) => Ok(answer.step_id),
        Outcome::Rejected(answer) => Err(answer.error),
        other => panic!("{other:?}"),
    }
}

fn parts(scene: &Scene, uid: u64, step: u32) -> Vec<StepNode> {
    scene.job(uid).step(step).unwrap().nodes.clone()
}

fn tasks(scene: &Scene, uid: u64, step: u32) -> Vec<Vec<u32>> {
    parts(scene, uid, step).into_iter().map(|part| part.task_ids).collect()
}

/// Two nodes with four cores each.
fn two_nodes(scene: &mut Scene) -> u64 {
    let mut spec = salloc(2);
    spec.request.as_mut().unwrap().ntasks = 8;
    scene.run(spec, &[(0, 0b1111), (1, 0b1111)])
}

#[test]
fn block_fills_nodes_cyclic_deals_plane_deals_in_runs() {
    let mut scene = Scene::up();
    let uid = two_nodes(&mut scene);
    let spec = |distribution: &str| StepSpec {
        ntasks: 6,
        min_nodes: 2,
        overlap: true,
        distribution: distribution.to_owned(),
        ..StepSpec::default()
    };
    let block = create(&mut scene, uid, spec("block")).unwrap();
    assert_eq!(tasks(&scene, uid, block), [vec![0, 1, 2, 3], vec![4, 5]]);
    let cyclic = create(&mut scene, uid, spec("cyclic")).unwrap();
    assert_eq!(tasks(&scene, uid, cyclic), [vec![0, 2, 4], vec![1, 3, 5]]);
    let plane = create(&mut scene, uid, spec("plane=2")).unwrap();
    assert_eq!(tasks(&scene, uid, plane), [vec![0, 1, 4], vec![2, 3, 5]]);
    assert_eq!((block, cyclic, plane), (0, 1, 2));
}

#[test]
fn cores_of_one_step_are_not_anothers() {
    let mut scene = Scene::up();
    let uid = two_nodes(&mut scene);
    let exact = |ntasks: u32| StepSpec { ntasks, min_nodes: 1, max_nodes: 1, exact: true, ..StepSpec::default() };
    let one = create(&mut scene, uid, exact(3)).unwrap();
    assert_eq!(parts(&scene, uid, one)[0].cores, vec![0b0111]);
    let other = create(&mut scene, uid, exact(3)).unwrap();
    assert_eq!(parts(&scene, uid, other)[0].node, 1);
    let third = create(&mut scene, uid, exact(1)).unwrap();
    assert_eq!((parts(&scene, uid, third)[0].node, parts(&scene, uid, third)[0].cores.to_vec()), (0, vec![0b1000]));
    assert_eq!(create(&mut scene, uid, exact(3)), Err(2016), "busy: srun tries again");
    assert_eq!(create(&mut scene, uid, exact(5)), Err(2014), "never");
    let overlap = StepSpec { overlap: true, ..exact(3) };
    create(&mut scene, uid, overlap).unwrap();
    scene.started(uid, 0, one);
    scene.exit(uid, 0, one, 0);
    create(&mut scene, uid, exact(3)).unwrap();
}

#[test]
fn without_exact_a_step_has_all_cores_of_its_nodes() {
    let mut scene = Scene::up();
    let uid = two_nodes(&mut scene);
    let plain = StepSpec { ntasks: 1, ..StepSpec::default() };
    let first = create(&mut scene, uid, plain.clone()).unwrap();
    assert_eq!(parts(&scene, uid, first)[0].cores, vec![0b1111]);
    create(&mut scene, uid, plain.clone()).unwrap();
    assert_eq!(create(&mut scene, uid, plain), Err(2016));
}

#[test]
fn a_step_waits_for_its_job_to_run() {
    let mut scene = Scene::up();
    let uid = scene.submit(salloc(1));
    let spec = StepSpec { ntasks: 1, ..StepSpec::default() };
    assert_eq!(create(&mut scene, uid, spec.clone()), Err(2024));
    scene.place(uid, &[(0, 1)]).unwrap();
    assert_eq!(create(&mut scene, uid, spec.clone()), Err(2061));
    scene.held(uid, 0);
    assert_eq!(create(&mut scene, uid, spec.clone()), Ok(0));
    scene.cancel(ALICE, 1);
    assert_eq!(create(&mut scene, uid, spec), Err(2021));
}

#[test]
fn a_direct_srun_ends_with_its_step() {
    let mut scene = Scene::up();
    let mut spec = salloc(1);
    spec.kind = JobKind::Run.into();
    let uid = scene.run(spec, &[(0, 1)]);
    let step = create(&mut scene, uid, StepSpec { ntasks: 1, ..StepSpec::default() }).unwrap();
    assert!(wanted(&scene.cluster, 0).contains(&Wanted::LaunchStep { uid, attempt: 1, step }));
    scene.started(uid, 0, step);
    scene.exit(uid, 0, step, 7 << 8);
    scene.released(uid, 0);
    assert_eq!((scene.long_state(uid), scene.job(uid).row.exit_status), ("FAILED", 7 << 8));
}

#[test]
fn a_step_ends_when_all_its_nodes_have_and_shows_the_highest_status() {
    let mut scene = Scene::up();
    let uid = two_nodes(&mut scene);
    let step = create(&mut scene, uid, StepSpec { ntasks: 2, min_nodes: 2, ..StepSpec::default() }).unwrap();
    scene.started(uid, 0, step);
    scene.started(uid, 1, step);
    scene.exit(uid, 0, step, 3 << 8);
    scene.exit(uid, 1, step, 0);
    let record = scene.job(uid).step(step).unwrap();
    assert_eq!((record.wait_status, record.cause()), (3 << 8, EndCause::Exited));
    assert_eq!(scene.job(uid).row.derived_exit, 3 << 8);
    assert_eq!(scene.long_state(uid), "RUNNING");
}

#[test]
fn a_signal_is_wanted_until_each_node_has_delivered_it() {
    let mut scene = Scene::up();
    let uid = two_nodes(&mut scene);
    let step_id = create(&mut scene, uid, StepSpec { ntasks: 2, min_nodes: 2, ..StepSpec::default() }).unwrap();
    scene.started(uid, 0, step_id);
    scene.started(uid, 1, step_id);
    scene.client(ALICE, Body::SignalStep(SignalStep { uid, step_id, signal: 10, end: false }));
    let signals = |scene: &Scene, node| {
        wanted(&scene.cluster, node).into_iter().filter(|want| matches!(want, Wanted::Signal { .. })).count()
    };
    assert_eq!((signals(&scene, 0), signals(&scene, 1)), (1, 1));
    let signal_id = scene.job(uid).step(step_id).unwrap().signals[0].id;
    let epoch = scene.cluster.node(0).unwrap().row.epoch;
    let done = muster_proto::durable::RecordSignalled { uid, node: 0, epoch, step_id, signal_id };
    scene.node(Body::RecordSignalled(done));
    assert_eq!((signals(&scene, 0), signals(&scene, 1)), (0, 1));
    scene.client(ALICE, Body::SignalStep(SignalStep { uid, step_id, signal: 9, end: true }));
    assert_eq!(ended_at_once(&scene), Some(true));
}

/// Whether the first node is to end a step, and how.
fn ended_at_once(scene: &Scene) -> Option<bool> {
    wanted(&scene.cluster, 0).into_iter().find_map(|want| match want {
        Wanted::EndStep { at_once, .. } => Some(at_once),
        _ => None,
    })
}

#[test]
fn a_step_that_is_cancelled_by_itself_is_killed_at_once_unless_term_is_asked_for() {
    let cancel = |signal| {
        move |uid, step_id| {
            let target = JobTarget { uid, ..JobTarget::default() };
            Body::CancelJobs(CancelJobs {
                targets: vec![target],
                step_id: Some(step_id),
                signal,
                ..CancelJobs::default()
            })
        }
    };
    let end = |signal| move |uid, step_id| Body::SignalStep(SignalStep { uid, step_id, signal, end: true });
    type Ending = Box<dyn Fn(u64, u32) -> Body>;
    let cases: [(Ending, Option<bool>); 5] = [
        (Box::new(cancel(0)), Some(true)),
        (Box::new(cancel(9)), Some(true)),
        (Box::new(cancel(15)), None),
        (Box::new(end(9)), Some(true)),
        (Box::new(end(15)), Some(false)),
    ];
    for (command, at_once) in cases {
        let mut scene = Scene::up();
        let uid = two_nodes(&mut scene);
        let step_id = create(&mut scene, uid, StepSpec { ntasks: 2, min_nodes: 2, ..StepSpec::default() }).unwrap();
        scene.client(ALICE, command(uid, step_id));
        assert_eq!(ended_at_once(&scene), at_once);
    }
}

#[test]
fn an_extern_step_is_made_where_the_site_contains_jobs() {
    let mut scene = Scene::up_with(&format!("PrologFlags=Contain\n{CONF}"));
    let uid = scene.run(salloc(2), &[(0, 1), (1, 1)]);
    assert_eq!(scene.job(uid).row.steps.len(), 1);
    assert!(!wanted(&scene.cluster, 0).iter().any(|want| matches!(want, Wanted::LaunchStep { .. })));
    scene.cancel(ALICE, 1);
    scene.released(uid, 0);
    scene.released(uid, 1);
    assert_eq!(scene.long_state(uid), "CANCELLED");
}

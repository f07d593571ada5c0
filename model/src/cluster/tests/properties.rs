//! Whatever is proposed, in whatever order: invariants hold, and equal logs make equal states.

use muster_proto::durable::{
    CancelFence, CancelJobs, ConfirmNodeDead, CreateStep, EndAllocation, EndFenceCall, ExpireJobs, JobTarget,
    NotifyJob, PurgeJobs, PurgeRequests, RequestFence, RequeueJob, ReturnNode, SettleFence, SignalStep, StepSpec,
    SuspectNode, UpdateJob, UpdateNode, command::Body,
};
use proptest::prelude::*;

use crate::cluster::testing::*;
use crate::cluster::*;

/// What may happen to the small cluster. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Move {
    Submit(u8),
    Place { job: u8, node: u8, cores: u8 },
    PlaceWide { job: u8, cores: u8 },
    PlaceTask { job: u8, task: u8, node: u8, cores: u8 },
    Held { job: u8, node: u8 },
    Refused { job: u8, node: u8 },
    Started { job: u8, node: u8 },
    Exit { job: u8, node: u8, status: u8 },
    StepExit { job: u8, node: u8, step: u8 },
    Released { job: u8, node: u8 },
    Cancel { job: u8, user: bool },
    CancelAll,
    Requeue(u8),
    EndAllocation(u8),
    Step { job: u8, ntasks: u8, exact: bool },
    SignalStep { job: u8, step: u8, end: bool },
    Update { job: u8, what: u8 },
    Node { node: u8, what: u8 },
    Lose(u8),
    Suspect(u8),
    Return(u8),
    Dead(u8),
    ProveDead(u8),
    Register { node: u8, boot: u8, spool: u8 },
    Fence { node: u8, force: bool },
    FenceDuty { which: u8, off: bool, alone: bool },
    FenceEnd { which: u8, off: bool },
    CallOff(u8),
    Later(u16),
    Expire,
    Purge,
}

fn moves() -> impl Strategy<Value = Move> {
    let any8 = any::<u8>;
    prop_oneof![
        7 => any8().prop_map(Move::Submit),
        6 => (any8(), any8(), 1..16u8).prop_map(|(job, node, cores)| Move::Place { job, node, cores }),
        3 => (any8(), 1..16u8).prop_map(|(job, cores)| Move::PlaceWide { job, cores }),
        3 => (any8(), any8(), any8(), 1..16u8).prop_map(|(job, task, node, cores)| Move::PlaceTask { job, task, node, cores }),
        9 => (any8(), any8()).prop_map(|(job, node)| Move::Held { job, node }),
        1 => (any8(), any8()).prop_map(|(job, node)| Move::Refused { job, node }),
        5 => (any8(), any8()).prop_map(|(job, node)| Move::Started { job, node }),
        4 => (any8(), any8(), any8()).prop_map(|(job, node, status)| Move::Exit { job, node, status }),
        2 => (any8(), any8(), any8()).prop_map(|(job, node, step)| Move::StepExit { job, node, step }),
        7 => (any8(), any8()).prop_map(|(job, node)| Move::Released { job, node }),
        2 => (any8(), any::<bool>()).prop_map(|(job, user)| Move::Cancel { job, user }),
        1 => any8().prop_map(Move::Requeue),
        1 => any8().prop_map(Move::EndAllocation),
        3 => (any8(), 0..9u8, any::<bool>()).prop_map(|(job, ntasks, exact)| Move::Step { job, ntasks, exact }),
        1 => (any8(), any8(), any::<bool>()).prop_map(|(job, step, end)| Move::SignalStep { job, step, end }),
        2 => (any8(), any8()).prop_map(|(job, what)| Move::Update { job, what }),
        2 => (any8(), any8()).prop_map(|(node, what)| Move::Node { node, what }),
        1 => any8().prop_map(Move::Lose),
        1 => any8().prop_map(Move::Suspect),
        1 => any8().prop_map(Move::Return),
        1 => any8().prop_map(Move::Dead),
        1 => any8().prop_map(Move::ProveDead),
        4 => (any8(), 0..8u8, 0..8u8).prop_map(|(node, boot, spool)| Move::Register { node, boot, spool }),
        2 => any::<u16>().prop_map(Move::Later),
        1 => (any8(), any::<bool>()).prop_map(|(node, force)| Move::Fence { node, force }),
        4 => (any8(), any::<bool>(), any::<bool>()).prop_map(|(which, off, alone)| Move::FenceDuty { which, off, alone }),
        1 => (any8(), any::<bool>()).prop_map(|(which, off)| Move::FenceEnd { which, off }),
        1 => any8().prop_map(Move::CallOff),
        1 => Just(Move::Expire),
        1 => Just(Move::Purge),
    ]
}

fn pick(all: &[u64], number: u8) -> u64 {
    all.get(usize::from(number) % all.len().max(1)).copied().unwrap_or(99)
}

fn play(scene: &mut Scene, a_move: &Move) {
    let uids: Vec<u64> = scene.cluster.jobs().map(|job| job.uid()).collect();
    let uid = |job: u8| pick(&uids, job);
    // Mostly something that can happen, now and then something that cannot.
    let likely = |all: Vec<u64>, job: u8| if job % 16 == 15 { pick(&uids, job) } else { pick(&all, job) };
    let waiting = |scene: &Scene, job: u8| likely(scene.cluster.startable_jobs().map(|job| job.uid()).collect(), job);
    let live = |scene: &Scene, job: u8| likely(scene.cluster.active_jobs().map(|job| job.uid()).collect(), job);
    let node_of = |scene: &Scene, uid: u64, node: u8| {
        let attempt = scene.cluster.job(uid).and_then(|job| job.newest_attempt());
        let nodes: Vec<u64> =
            attempt.map_or_else(Vec::new, |a| a.nodes.iter().map(|part| u64::from(part.node)).collect());
        if node % 16 == 15 || nodes.is_empty() { u32::from(node) % 4 } else { pick(&nodes, node) as u32 }
    };
    let target = |scene: &Scene, job: u8| {
        let job_id = scene.cluster.job(uid(job)).map_or(99, |job| job.row.job_id);
        Some(JobTarget { job_id, ..Default::default() })
    };
    let index = |node: u8| u32::from(node) % 4;
    let epoch = |scene: &Scene, node: u8| scene.cluster.node(index(node)).map_or(0, |node| node.row.epoch);
    match a_move.clone() {
        Move::Submit(kind) => {
            let mut spec = match kind % 5 {
                0 => batch(),
                1 => array(1, 4, u32::from(kind % 3)),
                2 => salloc(2),
                3 => on_nodes(2),
                _ => batch(),
            };
            spec.time_limit_s = (kind % 2 == 0).then_some(60);
            spec.no_kill = kind % 7 == 0;
            spec.mail_types = u32::from(kind);
            spec.hold = kind % 11 == 0;
            if let Some(on) = uids.last().and_then(|uid| scene.cluster.job(*uid)).filter(|_| kind % 6 == 0) {
                use muster_proto::durable::{Dependency, DependencyTerm};
                let term = DependencyTerm { kind: i32::from(kind % 4), job_id: on.row.job_id, ..Default::default() };
                spec.dependency = Some(Dependency { terms: vec![term], any: kind % 4 == 0 });
            }
            scene.try_submit(spec);
        }
        Move::Place { job, node, cores } => drop(scene.place(waiting(scene, job), &[(index(node), cores)])),
        Move::PlaceWide { job, cores } => drop(scene.place(waiting(scene, job), &[(0, cores), (1, cores)])),
        Move::PlaceTask { job, task, node, cores } => {
            drop(scene.place_task(waiting(scene, job), Some(u32::from(task % 5)), &[(index(node), cores)]));
        }
        Move::Held { job, node } => {
            let uid = live(scene, job);
            scene.held(uid, node_of(scene, uid, node));
        }
        Move::Refused { job, node } => {
            let uid = live(scene, job);
            scene.refused(uid, node_of(scene, uid, node), job % 8 == 0);
        }
        Move::Started { job, node } => {
            let uid = live(scene, job);
            scene.started(uid, node_of(scene, uid, node), BATCH);
        }
        Move::Exit { job, node, status } => {
            let uid = live(scene, job);
            scene.exit(uid, node_of(scene, uid, node), BATCH, u32::from(status % 3) << 8);
        }
        Move::StepExit { job, node, step } => {
            let uid = live(scene, job);
            scene.exit(uid, node_of(scene, uid, node), u32::from(step % 3), 0);
        }
        Move::Released { job, node } => {
            let uid = live(scene, job);
            scene.released(uid, node_of(scene, uid, node));
        }
        Move::Cancel { job, user } => {
            let targets = target(scene, job).into_iter().collect();
            let by = if user { ALICE } else { BOB };
            if job == 77 {
                return play(scene, &Move::CancelAll);
            }
            scene.client(by, Body::CancelJobs(CancelJobs { targets, ..Default::default() }));
        }
        Move::CancelAll => {
            scene.client(ALICE, Body::CancelJobs(CancelJobs { user: Some(ALICE), ..Default::default() }));
        }
        Move::Requeue(job) => {
            let target = target(scene, job);
            scene.client(0, Body::RequeueJob(RequeueJob { target, hold: job % 3 == 0, special_exit: false }));
        }
        Move::EndAllocation(job) => {
            scene.client(ALICE, Body::EndAllocation(EndAllocation { uid: uid(job), wait_status: 0 }));
        }
        Move::Step { job, ntasks, exact } => {
            let ntasks = u32::from(ntasks);
            let spec = Some(StepSpec { step_id: u32::MAX, ntasks, exact, overlap: ntasks == 2, ..Default::default() });
            let uid = live(scene, job);
            scene.client(ALICE, Body::CreateStep(CreateStep { uid, spec, ..Default::default() }));
        }
        Move::SignalStep { job, step, end } => {
            let step_id = if step % 4 == 3 { BATCH } else { u32::from(step % 4) };
            let uid = live(scene, job);
            scene.client(ALICE, Body::SignalStep(SignalStep { uid, step_id, signal: 10, end }));
        }
        Move::Update { job, what } => {
            let mut command = UpdateJob { target: target(scene, job), ..Default::default() };
            match what % 5 {
                0 => command.hold = Some(true),
                1 => command.hold = Some(false),
                2 => command.time_limit_s = Some(30),
                3 => command.priority = Some(u32::from(what)),
                _ => command.comment = Some("c".to_owned()),
            }
            scene.client(0, Body::UpdateJob(command));
        }
        Move::Node { node, what } => {
            let states = ["DRAIN", "RESUME", "RESUME", "UNDRAIN", "DOWN", "RESUME", "NORESP"];
            let state = states[usize::from(what) % states.len()].to_owned();
            let names = format!("n{}", index(node) + 1);
            let reason = (what % 2 == 0).then(|| "r".to_owned());
            scene.client(0, Body::UpdateNode(UpdateNode { names, state, reason, ..Default::default() }));
        }
        Move::Lose(node) => drop(scene.lose(index(node))),
        Move::Suspect(node) => {
            let epoch = epoch(scene, node);
            scene.lead(Body::SuspectNode(SuspectNode { node: index(node), epoch, since_ms: 1 }));
        }
        Move::Return(node) => {
            let epoch = epoch(scene, node);
            scene.lead(Body::ReturnNode(ReturnNode { node: index(node), epoch }));
        }
        Move::Dead(node) => {
            let name = format!("n{}", index(node) + 1);
            scene.client(0, Body::ConfirmNodeDead(ConfirmNodeDead { name, why: "w".to_owned() }));
        }
        Move::Register { node, boot, spool } => {
            let row = &scene.cluster.node(index(node)).expect("configured").row;
            let last: u32 = row.boot_id.trim_start_matches("boot-").parse().unwrap_or(1);
            let gone = row.superseded_boots.len() as u32;
            let spool = if spool == 0 { row.spool_id.first().map_or(1, |spool| spool % 2 + 1) } else { 1 };
            // Boot 0: the next one. A confirmed death has no boot any more, and needs the one after all that were.
            let boot = if boot == 0 || row.boot_id.is_empty() { last.max(gone + 1) + 1 } else { last };
            scene.register(index(node), &format!("boot-{boot}"), spool);
        }
        Move::Fence { node, force } => {
            let name = format!("n{}", index(node) + 1);
            let why = "w".to_owned();
            scene.client(0, Body::RequestFence(RequestFence { name, why, force, epoch: 0 }));
        }
        Move::FenceDuty { which, off, alone } => {
            let duties = scene.cluster.fence_duties(scene.now_ms + u64::from(which), 100);
            let duty = duties.get(usize::from(which) % duties.len().max(1)).cloned();
            if let Some(duty) = duty {
                scene.on_fence_duty(duty, (!alone).then_some(off));
            }
        }
        Move::FenceEnd { which, off } => {
            let rows: Vec<_> = scene.cluster.fences().map(|row| (row.fence, row.call)).collect();
            if let Some((fence, call)) = rows.get(usize::from(which) % rows.len().max(1)).copied() {
                let call = call.saturating_sub(u32::from(which % 5 == 0));
                scene.lead(Body::EndFenceCall(EndFenceCall { fence, call, off, word: "late".to_owned() }));
                scene.lead(Body::SettleFence(SettleFence { fence, powered_on: which % 2 == 0, word: String::new() }));
            }
        }
        Move::ProveDead(node) => drop(scene.prove_dead(index(node))),
        Move::CallOff(node) => {
            let name = format!("n{}", index(node) + 1);
            scene.client(0, Body::CancelFence(CancelFence { name, why: "w".to_owned() }));
        }
        Move::Later(ms) => scene.later(u64::from(ms) * 4),
        Move::Expire => {
            let uids = scene.cluster.due(scene.now_ms, 100);
            scene.lead(Body::ExpireJobs(ExpireJobs { uids }));
            scene.client(0, Body::NotifyJob(NotifyJob::default()));
        }
        Move::Purge => {
            let uids = scene.cluster.purgeable(scene.now_ms, 100);
            scene.lead(Body::PurgeJobs(PurgeJobs { uids }));
            scene.lead(Body::PurgeRequests(PurgeRequests { max_rows: 100 }));
        }
    }
}

/// Before what all sites have that can fence; the first cannot.
const FENCES: [&str; 4] = ["", "FenceAuto=yes\n", "ProofOfDeath=lease LeaseSec=60\n", "ProofOfDeath=timeout\n"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// `Scene` checks every invariant after each command; with fence.conf and without, for each proof.
    #[test]
    fn invariants_hold_and_equal_logs_make_equal_states(moves in proptest::collection::vec(moves(), 1..160), fence in 0..FENCES.len()) {
        let conf = CONF.replace("ReturnToService=1", "ReturnToService=2");
        let mut scene = match FENCES[fence] {
            "" => Scene::up_with(&conf),
            fence => Scene::up_fenced(&conf, &format!("{fence}{FENCE}")),
        };
        for a_move in &moves {
            play(&mut scene, a_move);
        }
        let digest = scene.cluster.digest();
        prop_assert_eq!(scene.replayed().digest(), digest, "replay is not the live state");
        let reloaded = scene.reloaded();
        prop_assert_eq!(reloaded.digest(), digest, "what was stored is not the live state");
        prop_assert_eq!(reloaded.check(), vec![]);
        prop_assert!(reloaded.index == scene.cluster.index);
        prop_assert!(reloaded.nodes == scene.cluster.nodes);
        prop_assert!(reloaded.jobs == scene.cluster.jobs);
    }
}

#[test]
fn a_snapshot_installs_with_its_history_and_one_that_lacks_some_is_refused() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.exit(uid, 0, BATCH, 0);
    scene.released(uid, 0);
    let other = scene.submit(batch());
    scene.cancel(ALICE, 2);
    assert!(scene.job(other).is_over());
    let install = |skip: usize| {
        let mut cluster = Cluster::new();
        let history = scene.disk.keys().filter(|(table, _)| *table == Table::History);
        let skipped: Vec<_> = history.take(skip).cloned().collect();
        for ((table, key), value) in scene.disk.iter().filter(|(key, _)| !skipped.contains(key)) {
            cluster.load(Row { table: *table, key: key.clone(), value: Some(value.clone()) }).unwrap();
        }
        cluster.loaded().map(|()| cluster.digest())
    };
    assert_eq!(install(0), Ok(scene.cluster.digest()));
    assert!(install(1).is_err());
}

#[test]
fn a_command_of_a_newer_version_halts() {
    let mut scene = Scene::up();
    let unknown = muster_proto::durable::Command::default();
    assert!(matches!(scene.apply(unknown), Outcome::Halt(_)));
}

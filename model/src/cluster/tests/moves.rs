//! What may happen to a small cluster, in any order, and how it is brought about.

use muster_proto::durable::{
    CancelFence, CancelJobs, ConfirmNodeDead, CreateStep, Dependency, DependencyTerm, EndAllocation, EndFenceCall,
    ExpireJobs, JobTarget, NotifyJob, PurgeJobs, PurgeRequests, RequestFence, RequeueJob, ReturnNode, SettleFence,
    SignalStep, StepSpec, SuspectNode, UpdateJob, UpdateNode, command::Body,
};
use proptest::prelude::*;

use crate::cluster::testing::*;

/// What may happen to the small cluster. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
pub(super) enum Move {
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

pub(super) fn moves() -> impl Strategy<Value = Move> {
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

/// Carries it out, on what there is.
pub(super) fn play(scene: &mut Scene, a_move: &Move) {
    match a_move.clone() {
        Move::Submit(kind) => submit(scene, kind),
        Move::Place { job, node, cores } => drop(scene.place(waiting(scene, job), &[(index(node), cores)])),
        Move::PlaceWide { job, cores } => drop(scene.place(waiting(scene, job), &[(0, cores), (1, cores)])),
        Move::PlaceTask { job, task, node, cores } => {
            drop(scene.place_task(waiting(scene, job), Some(u32::from(task % 5)), &[(index(node), cores)]));
        }
        Move::Held { job, node } => on_part(scene, job, node, |scene, uid, node| drop(scene.held(uid, node))),
        Move::Refused { job, node } => {
            on_part(scene, job, node, |scene, uid, node| drop(scene.refused(uid, node, job.is_multiple_of(8))));
        }
        Move::Started { job, node } => {
            on_part(scene, job, node, |scene, uid, node| drop(scene.started(uid, node, BATCH)));
        }
        Move::Exit { job, node, status } => {
            let status = u32::from(status % 3) << 8;
            on_part(scene, job, node, |scene, uid, node| drop(scene.exit(uid, node, BATCH, status)));
        }
        Move::StepExit { job, node, step } => {
            on_part(scene, job, node, |scene, uid, node| drop(scene.exit(uid, node, u32::from(step % 3), 0)));
        }
        Move::Released { job, node } => on_part(scene, job, node, |scene, uid, node| drop(scene.released(uid, node))),
        // All of a user at once.
        Move::Cancel { job: 77, .. } => {
            scene.client(ALICE, Body::CancelJobs(CancelJobs { user: Some(ALICE), ..Default::default() }));
        }
        Move::Cancel { job, user } => cancel(scene, job, if user { ALICE } else { BOB }),
        Move::Requeue(job) => {
            let target = target(scene, job);
            scene.client(0, Body::RequeueJob(RequeueJob { target, hold: job.is_multiple_of(3), special_exit: false }));
        }
        Move::EndAllocation(job) => {
            let uid = any_job(scene, job);
            scene.client(ALICE, Body::EndAllocation(EndAllocation { uid, wait_status: 0 }));
        }
        Move::Step { job, ntasks, exact } => create_step(scene, job, u32::from(ntasks), exact),
        Move::SignalStep { job, step, end } => {
            let step_id = if step % 4 == 3 { BATCH } else { u32::from(step % 4) };
            let uid = live(scene, job);
            scene.client(ALICE, Body::SignalStep(SignalStep { uid, step_id, signal: 10, end }));
        }
        Move::Update { job, what } => update_job(scene, job, what),
        Move::Node { node, what } => update_node(scene, node, what),
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
            scene.client(0, Body::ConfirmNodeDead(ConfirmNodeDead { name: name(node), why: why() }));
        }
        Move::ProveDead(node) => drop(scene.prove_dead(index(node))),
        Move::Register { node, boot, spool } => register(scene, node, boot, spool),
        Move::Fence { node, force } => {
            let command = RequestFence { name: name(node), why: why(), force, epoch: 0 };
            scene.client(0, Body::RequestFence(command));
        }
        Move::FenceDuty { which, off, alone } => fence_duty(scene, which, (!alone).then_some(off)),
        Move::FenceEnd { which, off } => end_fence(scene, which, off),
        Move::CallOff(node) => {
            scene.client(0, Body::CancelFence(CancelFence { name: name(node), why: why() }));
        }
        Move::Later(ms) => scene.later(u64::from(ms) * 4),
        Move::Expire => expire(scene),
        Move::Purge => purge(scene),
    }
}

fn pick(all: &[u64], number: u8) -> u64 {
    all.get(usize::from(number) % all.len().max(1)).copied().unwrap_or(99)
}

fn any_job(scene: &Scene, job: u8) -> u64 {
    pick(&scene.cluster.jobs().map(|job| job.uid()).collect::<Vec<_>>(), job)
}

/// Mostly one of `all`, where something can happen; now and then one where it cannot.
fn likely(scene: &Scene, all: Vec<u64>, job: u8) -> u64 {
    if job % 16 == 15 { any_job(scene, job) } else { pick(&all, job) }
}

fn waiting(scene: &Scene, job: u8) -> u64 {
    likely(scene, scene.cluster.startable_jobs().map(|job| job.uid()).collect(), job)
}

fn live(scene: &Scene, job: u8) -> u64 {
    likely(scene, scene.cluster.active_jobs().map(|job| job.uid()).collect(), job)
}

fn target(scene: &Scene, job: u8) -> Option<JobTarget> {
    let job_id = scene.cluster.job(any_job(scene, job)).map_or(99, |job| job.row.job_id);
    Some(JobTarget { job_id, ..Default::default() })
}

fn index(node: u8) -> u32 {
    u32::from(node) % 4
}

fn name(node: u8) -> String {
    format!("n{}", index(node) + 1)
}

fn why() -> String {
    "w".to_owned()
}

fn epoch(scene: &Scene, node: u8) -> u64 {
    scene.cluster.node(index(node)).map_or(0, |node| node.row.epoch)
}

/// A live job, and mostly one of its nodes.
fn on_part(scene: &mut Scene, job: u8, node: u8, act: impl FnOnce(&mut Scene, u64, u32)) {
    let uid = live(scene, job);
    let attempt = scene.cluster.job(uid).and_then(|job| job.newest_attempt());
    let nodes: Vec<u64> = attempt.map_or_else(Vec::new, |a| a.nodes.iter().map(|part| u64::from(part.node)).collect());
    let node = if node % 16 == 15 || nodes.is_empty() { index(node) } else { pick(&nodes, node) as u32 };
    act(scene, uid, node);
}

fn submit(scene: &mut Scene, kind: u8) {
    let mut spec = match kind % 5 {
        0 => batch(),
        1 => array(1, 4, u32::from(kind % 3)),
        2 => salloc(2),
        3 => on_nodes(2),
        _ => batch(),
    };
    spec.time_limit_s = kind.is_multiple_of(2).then_some(60);
    spec.no_kill = kind.is_multiple_of(7);
    spec.mail_types = u32::from(kind);
    spec.hold = kind.is_multiple_of(11);
    if let Some(on) = scene.cluster.jobs().last().filter(|_| kind.is_multiple_of(6)) {
        let term = DependencyTerm { kind: i32::from(kind % 4), job_id: on.row.job_id, ..Default::default() };
        spec.dependency = Some(Dependency { terms: vec![term], any: kind.is_multiple_of(4) });
    }
    scene.try_submit(spec);
}

fn cancel(scene: &mut Scene, job: u8, by: u32) {
    let targets = target(scene, job).into_iter().collect();
    scene.client(by, Body::CancelJobs(CancelJobs { targets, ..Default::default() }));
}

fn create_step(scene: &mut Scene, job: u8, ntasks: u32, exact: bool) {
    let spec = Some(StepSpec { step_id: u32::MAX, ntasks, exact, overlap: ntasks == 2, ..Default::default() });
    let uid = live(scene, job);
    scene.client(ALICE, Body::CreateStep(CreateStep { uid, spec, ..Default::default() }));
}

fn update_job(scene: &mut Scene, job: u8, what: u8) {
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

fn update_node(scene: &mut Scene, node: u8, what: u8) {
    let states = ["DRAIN", "RESUME", "RESUME", "UNDRAIN", "DOWN", "RESUME", "NORESP"];
    let state = states[usize::from(what) % states.len()].to_owned();
    let reason = what.is_multiple_of(2).then(|| "r".to_owned());
    scene.client(0, Body::UpdateNode(UpdateNode { names: name(node), state, reason, ..Default::default() }));
}

fn register(scene: &mut Scene, node: u8, boot: u8, spool: u8) {
    let row = &scene.cluster.node(index(node)).expect("configured").row;
    let last: u32 = row.boot_id.trim_start_matches("boot-").parse().unwrap_or(1);
    let gone = row.superseded_boots.len() as u32;
    let spool = if spool == 0 { row.spool_id.first().map_or(1, |spool| spool % 2 + 1) } else { 1 };
    // Boot 0: the next one. A confirmed death has no boot any more, and needs the one after all that were.
    let boot = if boot == 0 || row.boot_id.is_empty() { last.max(gone + 1) + 1 } else { last };
    scene.register(index(node), &format!("boot-{boot}"), spool);
}

/// `off`: what the agent says. `None`: the leader is alone, and none is called.
fn fence_duty(scene: &mut Scene, which: u8, off: Option<bool>) {
    let duties = scene.cluster.fence_duties(scene.now_ms + u64::from(which), 100);
    let duty = duties.get(usize::from(which) % duties.len().max(1)).cloned();
    if let Some(duty) = duty {
        scene.on_fence_duty(duty, off);
    }
}

/// What an agent says late, also of a call that is not the newest.
fn end_fence(scene: &mut Scene, which: u8, off: bool) {
    let rows: Vec<_> = scene.cluster.fences().map(|row| (row.fence, row.call)).collect();
    if let Some((fence, call)) = rows.get(usize::from(which) % rows.len().max(1)).copied() {
        let call = call.saturating_sub(u32::from(which.is_multiple_of(5)));
        scene.lead(Body::EndFenceCall(EndFenceCall { fence, call, off, word: "late".to_owned() }));
        scene.lead(Body::SettleFence(SettleFence { fence, powered_on: which.is_multiple_of(2), word: String::new() }));
    }
}

fn expire(scene: &mut Scene) {
    let uids = scene.cluster.due(scene.now_ms, 100);
    scene.lead(Body::ExpireJobs(ExpireJobs { uids }));
    scene.client(0, Body::NotifyJob(NotifyJob::default()));
}

fn purge(scene: &mut Scene) {
    let uids = scene.cluster.purgeable(scene.now_ms, 100);
    scene.lead(Body::PurgeJobs(PurgeJobs { uids }));
    scene.lead(Body::PurgeRequests(PurgeRequests { max_rows: 100 }));
}

//! Somebody who says what no right client says: bytes that mean nothing, at every door, and requests that cannot be meant.

use std::time::Duration;

use muster_channel::CallError;
use muster_proto::durable::{
    ArraySpec, CancelJobs, ConfirmNodeDead, JobSpec, JobTarget, RequestFence, TaskRange, UpdateJob, UpdateNode,
};
use muster_proto::wire::change_replica::Change;
use muster_proto::wire::{
    ChangeReplica, FinishUpgrade, InitCluster, JoinCluster, PutBlob, Reconfigure, Submit, TransferLeader, request,
};
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};
use turmoil::net::TcpStream;

use super::{patient, wishes};
use crate::sim::chance::Dice;
use crate::sim::clock::now_ms;
use crate::sim::site::{CLIENT_PORT, FIRST_UID, NODE_PORT, REPLICA_PORT};
use crate::sim::world::World;

/// Between two deeds, ms.
const PAUSE_MS: (u64, u64) = (50, 600);
/// A connection with noise on it is left after this.
const NOISE: Duration = Duration::from_millis(500);
/// Longest noise, bytes.
const NOISE_BYTES_MAX: u64 = 4_000;
/// A name longer than any limit.
const LONG: usize = 300_000;

/// Acts while faults happen.
pub(super) async fn run(world: World) {
    if !world.shape.changes {
        return;
    }
    let until_ms = now_ms() + world.shape.safety_ms;
    let mut dice = Dice::new(world.seed, "hostile");
    let client = patient(&world, FIRST_UID + 1, "hostile");
    let mut requests = poison().into_iter().cycle();
    while now_ms() < until_ms {
        sleep(Duration::from_millis(dice.between(PAUSE_MS.0, PAUSE_MS.1))).await;
        make_noise(&world, &mut dice).await;
        let Some((what, body)) = requests.next() else { return };
        let came = match client.call(body).await {
            Err(CallError::Refused(_)) => None,
            Ok(_) => Some("it was carried out".to_owned()),
            Err(why) => Some(why.to_string()),
        };
        world.trace.event(&format!("poison, {what}: {}", came.as_deref().unwrap_or("refused")));
        world.oracle.seen().poison.push((what.to_owned(), came));
    }
}

/// At some door.
async fn make_noise(world: &World, dice: &mut Dice) {
    let hosts = [world.shape.controllers(), world.shape.node_names()].concat();
    let host = &hosts[dice.index(hosts.len())];
    let ports: &[u16] = if host.starts_with('c') { &[CLIENT_PORT, REPLICA_PORT] } else { &[NODE_PORT] };
    let port = ports[dice.index(ports.len())];
    let length = dice.between(1, NOISE_BYTES_MAX);
    let mut bytes: Vec<u8> = (0..length).map(|_| dice.between(0, 256) as u8).collect();
    if dice.once_in(2) {
        // It begins as HTTP/2 does.
        bytes.splice(..0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".iter().copied());
    }
    let noise = async {
        // Whoever is down or cut off hears nothing.
        let Ok(mut stream) = TcpStream::connect(format!("{host}:{port}")).await else { return };
        let _ = stream.write_all(&bytes).await;
        sleep(NOISE).await;
    };
    let _ = timeout(NOISE * 2, noise).await;
}

/// Each must be refused: a user asks, who is no administrator.
fn poison() -> Vec<(&'static str, request::Body)> {
    let spec = || wishes::waiting("poison".to_owned(), FIRST_UID + 1, 0);
    let submit = |spec: JobSpec| {
        let (script, environment) = ("#!/bin/sh\n".into(), "A=b\0".into());
        request::Body::Submit(Submit { spec: Some(spec), script, environment, test_only: false })
    };
    let array = |last, step| ArraySpec { ranges: vec![TaskRange { first: 0, last, step }], ..ArraySpec::default() };
    let target = JobTarget { job_id: u32::MAX, ..JobTarget::default() };
    vec![
        ("a submit without a job", request::Body::Submit(Submit::default())),
        ("an array of four billion tasks", submit(JobSpec { array: Some(array(u32::MAX, 1)), ..spec() })),
        ("a name of 300,000 bytes", submit(JobSpec { name: "x".repeat(LONG), ..spec() })),
        ("a partition that is none", submit(JobSpec { partitions: "\u{0}../x".into(), ..spec() })),
        (
            "an update of no job",
            request::Body::UpdateJob(UpdateJob {
                target: Some(target),
                priority: Some(u32::MAX),
                ..UpdateJob::default()
            }),
        ),
        (
            "a cancel of no job",
            request::Body::CancelJobs(CancelJobs { targets: vec![target_of_none()], ..CancelJobs::default() }),
        ),
        (
            "a user's update of a node",
            request::Body::UpdateNode(UpdateNode {
                names: "n[1-99999]".into(),
                state: "DOWN".into(),
                ..UpdateNode::default()
            }),
        ),
        (
            "a user's word that a node is dead",
            request::Body::ConfirmNodeDead(ConfirmNodeDead { name: "n1".into(), ..ConfirmNodeDead::default() }),
        ),
        ("a user's fence", request::Body::RequestFence(RequestFence { name: "n1".into(), ..RequestFence::default() })),
        ("a user's slurm.conf", request::Body::Reconfigure(Reconfigure::default())),
        ("a user's hand-over", request::Body::TransferLeader(TransferLeader::default())),
        (
            "a user's removal of a replica",
            request::Body::ChangeReplica(ChangeReplica { name: "c1".into(), change: Change::Remove.into() }),
        ),
        ("a user's end of an upgrade", request::Body::FinishUpgrade(FinishUpgrade {})),
        ("a second founding", request::Body::InitCluster(InitCluster::default())),
        (
            "a user who would be a replica",
            request::Body::JoinCluster(JoinCluster {
                name: "c1".into(),
                store_id: vec![7; 16].into(),
                ..JoinCluster::default()
            }),
        ),
        (
            "a blob that is another",
            request::Body::PutBlob(PutBlob {
                hash: vec![1; 32].into(),
                size: u64::MAX,
                offset: u64::MAX - 1,
                data: vec![0; 9].into(),
            }),
        ),
    ]
}

fn target_of_none() -> JobTarget {
    JobTarget { uid: u64::MAX, job_id: u32::MAX, ..JobTarget::default() }
}

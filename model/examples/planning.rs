//! What pending jobs cost: memory of each, applying its submit, and a scheduling pass over all of them on a full cluster.
//!
//!     cargo run --release -p muster-model --example planning -- [NODES [PENDING]]

// It measures: what is banned is banned from deciding.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use muster_model::cluster::{Changes, Cluster, Outcome};
use muster_model::sched::{Limits, View, plan};
use muster_proto::durable::{
    Batch, BlobRef, Channel, Command, ConfigFile, ConfigFiles, FoundCluster, Hardware, JobKind, JobSpec, Origin,
    RegisterNode, Request, RequestKey, SubmitJob, command::Body,
};
use sha2::{Digest, Sha256};

const CORES: u32 = 16;
/// Commands in one log entry.
const TOGETHER: usize = 256;

struct World {
    cluster: Cluster,
    index: u64,
    now_ms: u64,
}

impl World {
    fn apply(&mut self, commands: Vec<Command>) {
        self.index += 1;
        let batch = Batch { stamp_ms: self.now_ms, feature_level: 1, generation: 1, commands };
        for outcome in self.cluster.apply(self.index, &batch, &mut Changes::default()) {
            assert!(matches!(outcome, Outcome::Done(_) | Outcome::Planned { .. }), "{outcome:?}");
        }
    }

    fn lead(&mut self, body: Body) {
        let origin = Origin { channel: Channel::Leader.into(), admin: true, ..Origin::default() };
        self.apply(vec![Command { origin: Some(origin), request: None, body: Some(body) }]);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<u32>().ok());
    let (nodes, pending) = (arguments.next().unwrap_or(1_000), arguments.next().unwrap_or(10_000));
    let mut world = found(nodes);
    // Two jobs fill a node: the cluster is full with half of them, and their limits differ.
    submit(&mut world, 2 * nodes, CORES / 2);
    let filled = Instant::now();
    while let placed @ 1.. = pass(&mut world, &Limits::default()).1 {
        assert!(placed > 0);
    }
    println!("{nodes} nodes filled in {} ms", filled.elapsed().as_millis());
    let (before, began) = (resident_bytes(), Instant::now());
    submit(&mut world, pending, CORES);
    println!(
        "{pending} submits: {:.1} us each to apply, {} B each in memory",
        began.elapsed().as_secs_f64() * 1e6 / f64::from(pending),
        (resident_bytes() - before) / u64::from(pending)
    );
    for round in 1..=3 {
        world.now_ms += 1_000;
        let (took, placed) = pass(&mut world, &Limits { estimates: round == 1, ..Limits::default() });
        println!("pass {round} over {pending} pending jobs: {:.1} ms, {placed} placed", took.as_secs_f64() * 1e3);
    }
}

fn found(nodes: u32) -> World {
    let text = format!(
        "ClusterName=bench\nSlurmctldHost=c1\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n\
         MaxJobCount=100000000\nPriorityType=priority/basic\nNodeName=n[1-{nodes}] CPUs={CORES} CoresPerSocket={CORES} RealMemory=1\n\
         PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE\n"
    );
    let config = ConfigFiles { files: vec![ConfigFile { path: "slurm.conf".into(), text }] };
    let mut world = World { cluster: Cluster::new(), index: 0, now_ms: 1_800_000_000_000 };
    let cluster_id = vec![1; 16].into();
    let found = FoundCluster {
        cluster_id,
        cluster_name: "bench".into(),
        generation: 1,
        config: Some(config),
        feature_level: 1,
    };
    world.lead(Body::FoundCluster(found));
    for node in 1..=nodes {
        world.lead(Body::RegisterNode(RegisterNode {
            name: format!("n{node}"),
            machine: Sha256::digest(node.to_le_bytes()).to_vec().into(),
            boot_id: "boot".into(),
            spool_id: vec![1; 16].into(),
            hardware: Some(Hardware {
                cpus: CORES,
                sockets: 1,
                cores_per_socket: CORES,
                threads_per_core: 1,
                boards: 1,
                real_memory_mib: 4_000,
                ..Hardware::default()
            }),
            journal_complete: true,
            ..RegisterNode::default()
        }));
    }
    world
}

fn submit(world: &mut World, count: u32, cpus: u32) {
    let script = bytes::Bytes::from_static(b"#!/bin/sh\ntrue\n");
    let reference = BlobRef { hash: Sha256::digest(&script).to_vec().into(), size: script.len() as u64 };
    for first in (0..count).step_by(TOGETHER) {
        let commands = (first..count.min(first + TOGETHER as u32)).map(|number| {
            let spec = JobSpec {
                kind: JobKind::Batch.into(),
                name: "wrap".into(),
                uid: 1000 + number % 20,
                user_name: "alice".into(),
                group_name: "users".into(),
                home: "/home/alice".into(),
                work_dir: "/home/alice/project".into(),
                std_out: "/dev/null".into(),
                submit_line: "sbatch -o /dev/null --wrap true".into(),
                time_limit_s: Some(3_600 + number % 100 * 60),
                request: Some(Request { min_nodes: 1, ntasks: 1, cpus_per_task: cpus, ..Request::default() }),
                script: Some(reference.clone()),
                ..JobSpec::default()
            };
            let origin = Origin { uid: spec.uid, channel: Channel::Client.into(), ..Origin::default() };
            let id = &Sha256::digest((number, cpus).0.to_le_bytes())[..16];
            let id = id.iter().map(|byte| byte ^ cpus as u8).collect::<Vec<u8>>();
            let hash = Sha256::digest(&id).to_vec().into();
            let key = RequestKey { id: id.into(), hash, valid_until_ms: world.now_ms + 60_000 };
            let submit = SubmitJob { spec: Some(spec), script: script.clone(), ..SubmitJob::default() };
            Command { origin: Some(origin), request: Some(key), body: Some(Body::SubmitJob(submit)) }
        });
        let commands = commands.collect();
        world.apply(commands);
    }
}

/// How long planning took, and how many were placed.
fn pass(world: &mut World, limits: &Limits) -> (Duration, usize) {
    let began = Instant::now();
    let view = View::of(&world.cluster, world.index);
    let read = began.elapsed();
    let wanted = plan(&view, limits);
    let took = began.elapsed();
    let (placed, told) = (wanted.placements.len(), wanted.verdicts.len());
    let applied = Instant::now();
    world.lead(Body::CommitPlan(wanted));
    eprintln!(
        "  read {read:?}, planned {:?}, applied {:?}: {placed} placed, {told} told",
        took - read,
        applied.elapsed()
    );
    (took, placed)
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

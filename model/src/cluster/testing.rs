//! A small cluster for tests: four nodes of four cores, driven command by command. Invariants are checked after each.

use std::collections::BTreeMap;

use muster_proto::durable::{
    Allocation, ApplyConfig, ArraySpec, Batch, BeginFenceCall, BlobRef, CancelJobs, Channel, Command, CommitPlan,
    ConfigFile, ConfigFiles, EndFenceCall, FoundCluster, Hardware, HeldAttempt, JobKind, JobSpec, JobTarget, LoseNode,
    NodeShare, Origin, Placement, ProveNodeDead, RaiseFeatureLevel, RecordHeld, RecordRefused, RecordReleased,
    RecordStepExit, RecordStepStarted, RegisterNode, Request, RequestFence, RequestKey, SettleFence, SubmitJob,
    TaskRange, Usage, command::Body,
};
use sha2::{Digest as _, Sha256};

use super::*;

pub(crate) const ALICE: u32 = 1001;
pub(crate) const BOB: u32 = 1002;
pub(crate) const BATCH: u32 = 0xffff_fffb;

pub(crate) const CONF: &str = "ClusterName=base
SlurmctldHost=vm
SlurmUser=slurm
StateSaveLocation=/var/spool/muster
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
Licenses=matlab:2
PriorityType=priority/basic
MaxArraySize=101
MaxJobCount=5000
ReturnToService=1
NodeName=n[1-2] CPUs=4 Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=4000 Gres=gpu:2 Features=fast State=UNKNOWN
NodeName=n[3-4] CPUs=4 Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=4000 Features=slow State=UNKNOWN
PartitionName=debug Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=n[1-2] MaxTime=30 DefaultTime=10 State=UP
PartitionName=root Nodes=n[3-4] MaxTime=60 AllowGroups=root State=UP
PartitionName=down Nodes=n4 MaxTime=60 State=DOWN
";

/// Two levels for n1 to n3, none for n4; quick.
pub(crate) const FENCE: &str = "MaxFences=2 FenceWindow=600\nFenceDelay=30\nFenceRetry=60\n
NodeName=n[1-3] Agent=fence_bmc Parameters=\"ip=bmc-%n\" Timeout=10\n
NodeName=n[1-2] Level=2 Agent=fence_pdu Timeout=5 Action=reboot\n";

/// Rows as a store would hold them.
pub(crate) type Disk = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) log: Vec<Batch>,
    pub(crate) disk: Disk,
    pub(crate) now_ms: u64,
    requests: u64,
}

impl Scene {
    /// Founded; no node has registered.
    pub(crate) fn founded() -> Self {
        Self::with(CONF)
    }

    pub(crate) fn with(conf: &str) -> Self {
        let mut scene =
            Self { cluster: Cluster::new(), log: Vec::new(), disk: Disk::new(), now_ms: 1_000_000, requests: 0 };
        let outcome = scene.lead(Body::FoundCluster(FoundCluster {
            cluster_id: vec![7; 16].into(),
            cluster_name: "base".to_owned(),
            generation: 1,
            config: Some(files(conf)),
            feature_level: 1,
        }));
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        scene
    }

    /// Founded, and n1 to n4 have registered.
    pub(crate) fn up() -> Self {
        Self::up_with(CONF)
    }

    pub(crate) fn up_with(conf: &str) -> Self {
        let mut scene = Self::with(conf);
        for index in 0..4 {
            scene.register(index, "boot-1", 1);
        }
        scene
    }

    /// With a fence.conf beside slurm.conf, at the newest feature level where it needs that.
    pub(crate) fn up_fenced(conf: &str, fence: &str) -> Self {
        let mut scene = Self::with(conf);
        if fence.contains("ProofOfDeath") {
            scene.lead(Body::RaiseFeatureLevel(RaiseFeatureLevel { level: FEATURE_LEVEL_MAX }));
        }
        let mut files = files(conf);
        files.files.push(ConfigFile { path: "/etc/slurm/fence.conf".to_owned(), text: fence.to_owned() });
        let outcome = scene.client(0, Body::ApplyConfig(ApplyConfig { files: Some(files), base_version: 0 }));
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        (0..4).for_each(|index| drop(scene.register(index, "boot-1", 1)));
        scene
    }

    /// As a leader does it that has waited long enough.
    pub(crate) fn prove_dead(&mut self, node: u32) -> Outcome {
        let epoch = self.cluster.node(node).map_or(0, |node| node.row.epoch);
        self.lead(Body::ProveNodeDead(ProveNodeDead { node, epoch }))
    }

    /// As the leader does it; `off`: what the agents say; `None`: the leader dies before they say anything.
    pub(crate) fn on_fence_duty(&mut self, duty: FenceDuty, off: Option<bool>) -> Outcome {
        match duty {
            FenceDuty::Request { name, epoch } => {
                let why = "Not responding".to_owned();
                self.lead(Body::RequestFence(RequestFence { name, why, epoch, force: false }))
            }
            FenceDuty::Call { fence, call } => {
                let begun = self.begin_call(fence, call);
                let goes = matches!(&begun, Outcome::Done(answer) if answer.count == 1);
                match off.filter(|_| goes) {
                    Some(off) => {
                        let word = if off { "off" } else { "on" }.to_owned();
                        self.lead(Body::EndFenceCall(EndFenceCall { fence, call, off, word }))
                    }
                    None => begun,
                }
            }
            FenceDuty::Settle { fence } => self.lead(Body::SettleFence(SettleFence { fence, ..Default::default() })),
            FenceDuty::PowerOn { fence } => {
                self.lead(Body::SettleFence(SettleFence { fence, powered_on: true, word: "on".to_owned() }))
            }
        }
    }

    /// Three controllers, all well, on hosts of their own.
    pub(crate) fn begin_call(&mut self, fence: u64, call: u32) -> Outcome {
        let all = vec![1, 2, 3];
        self.lead(Body::BeginFenceCall(BeginFenceCall { fence, call, leader: 1, voters: all.clone(), answering: all }))
    }

    pub(crate) fn apply(&mut self, command: Command) -> Outcome {
        let batch = Batch { stamp_ms: self.now_ms, feature_level: 1, generation: 1, commands: vec![command] };
        let mut changes = Changes::default();
        let index = self.log.len() as u64 + 1;
        let before = self.cluster.clone();
        let outcome = self.cluster.apply(index, &batch, &mut changes).remove(0);
        self.log.push(batch);
        store(&mut self.disk, &changes);
        let mut violations = self.cluster.check();
        violations.extend(self.cluster.check_since(&before));
        assert!(violations.is_empty(), "{violations:?} after {:?}", self.log.last());
        outcome
    }

    /// By the leader itself.
    pub(crate) fn lead(&mut self, body: Body) -> Outcome {
        self.by(origin(0, Channel::Leader), body)
    }

    pub(crate) fn by(&mut self, origin: Origin, body: Body) -> Outcome {
        self.apply(Command { origin: Some(origin), request: None, body: Some(body) })
    }

    pub(crate) fn client(&mut self, user: u32, body: Body) -> Outcome {
        self.by(origin(user, Channel::Client), body)
    }

    pub(crate) fn node(&mut self, body: Body) -> Outcome {
        self.by(origin(0, Channel::Node), body)
    }

    pub(crate) fn later(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    /// A request key as a client mints it; `number` stands for its random id.
    pub(crate) fn key(&self, number: u64, content: &str) -> RequestKey {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        RequestKey {
            id: id.to_vec().into(),
            hash: Sha256::digest(content).to_vec().into(),
            valid_until_ms: self.now_ms + 60_000,
        }
    }

    pub(crate) fn submit(&mut self, spec: JobSpec) -> u64 {
        match self.try_submit(spec) {
            Outcome::Done(answer) => answer.uid,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn try_submit(&mut self, spec: JobSpec) -> Outcome {
        let user = spec.uid;
        self.requests += 1;
        let key = self.key(self.requests << 32, "submit");
        let body = Some(Body::SubmitJob(submission(spec)));
        self.apply(Command { origin: Some(origin(user, Channel::Client)), request: Some(key), body })
    }

    /// Registers as the machine `index`, with this boot and spool.
    pub(crate) fn register(&mut self, index: u32, boot: &str, spool: u8) -> Outcome {
        self.register_holding(index, boot, spool, Vec::new())
    }

    pub(crate) fn register_holding(&mut self, index: u32, boot: &str, spool: u8, holds: Vec<HeldAttempt>) -> Outcome {
        let lease_ms = self.cluster.lease_wanted_ms();
        self.node(Body::RegisterNode(RegisterNode { lease_ms, ..registration(index, boot, spool, holds) }))
    }

    /// Tries to place on (node, cores as bits); memory 100 MiB each.
    pub(crate) fn place(&mut self, uid: u64, nodes: &[(u32, u8)]) -> Result<(), String> {
        self.place_task(uid, None, nodes)
    }

    pub(crate) fn place_task(&mut self, uid: u64, array_task: Option<u32>, nodes: &[(u32, u8)]) -> Result<(), String> {
        let placement = Placement { uid, array_task, allocation: Some(allocation("debug", nodes)), backfill: false };
        let plan = CommitPlan { placements: vec![placement], ..CommitPlan::default() };
        match self.lead(Body::CommitPlan(plan)) {
            Outcome::Planned { accepted: 1, .. } => Ok(()),
            Outcome::Planned { refused, .. } => Err(refused[0].1.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn fence(&self, uid: u64, node: u32) -> (u32, u64) {
        let attempt = self.cluster.job(uid).and_then(|job| job.newest_attempt()).map_or(0, |attempt| attempt.number);
        (attempt, self.cluster.node(node).map_or(0, |node| node.row.epoch))
    }

    pub(crate) fn held(&mut self, uid: u64, node: u32) -> Outcome {
        let (attempt, epoch) = self.fence(uid, node);
        self.node(Body::RecordHeld(RecordHeld { uid, attempt, node, epoch, launched: false }))
    }

    pub(crate) fn refused(&mut self, uid: u64, node: u32, prolog_failed: bool) -> Outcome {
        let (attempt, epoch) = self.fence(uid, node);
        let why = "refused".to_owned();
        self.node(Body::RecordRefused(RecordRefused { uid, attempt, node, epoch, why, tombstone: true, prolog_failed }))
    }

    pub(crate) fn started(&mut self, uid: u64, node: u32, step_id: u32) -> Outcome {
        let (attempt, epoch) = self.fence(uid, node);
        self.node(Body::RecordStepStarted(RecordStepStarted { uid, attempt, node, epoch, step_id }))
    }

    pub(crate) fn exit(&mut self, uid: u64, node: u32, step_id: u32, wait_status: u32) -> Outcome {
        let (attempt, epoch) = self.fence(uid, node);
        let usage = Some(Usage::default());
        let report = RecordStepExit { uid, attempt, node, epoch, step_id, wait_status, usage, ..Default::default() };
        self.node(Body::RecordStepExit(report))
    }

    pub(crate) fn not_started(&mut self, uid: u64, node: u32, step_id: u32, drain_reason: &str) -> Outcome {
        let (attempt, epoch) = self.fence(uid, node);
        let (error, drain_reason) = ("not started".to_owned(), drain_reason.to_owned());
        let report = RecordStepExit {
            uid,
            attempt,
            node,
            epoch,
            step_id,
            wait_status: 1 << 8,
            error,
            drain_reason,
            ..Default::default()
        };
        self.node(Body::RecordStepExit(report))
    }

    pub(crate) fn released(&mut self, uid: u64, node: u32) -> Outcome {
        let (attempt, epoch) = self.fence(uid, node);
        self.node(Body::RecordReleased(RecordReleased { uid, attempt, node, epoch, ..Default::default() }))
    }

    pub(crate) fn lose(&mut self, node: u32) -> Outcome {
        let epoch = self.cluster.node(node).map_or(0, |node| node.row.epoch);
        self.lead(Body::LoseNode(LoseNode { node, epoch, why: String::new() }))
    }

    pub(crate) fn cancel(&mut self, user: u32, job_id: u32) -> Outcome {
        let targets = vec![JobTarget { job_id, ..JobTarget::default() }];
        self.client(user, Body::CancelJobs(CancelJobs { targets, ..CancelJobs::default() }))
    }

    /// Placed on nodes, held by all, and its batch step started.
    pub(crate) fn run(&mut self, spec: JobSpec, nodes: &[(u32, u8)]) -> u64 {
        let kind = spec.kind();
        let uid = self.submit(spec);
        self.place(uid, nodes).expect("resources are free");
        for (node, _) in nodes {
            self.held(uid, *node);
        }
        if kind == JobKind::Batch {
            self.started(uid, nodes[0].0, BATCH);
        }
        uid
    }

    pub(crate) fn job(&self, uid: u64) -> &Job {
        self.cluster.job(uid).expect("the job is in memory")
    }

    pub(crate) fn long_state(&self, uid: u64) -> &'static str {
        self.job(uid).status().long()
    }

    /// What a restart makes of the rows on disk.
    pub(crate) fn reloaded(&self) -> Cluster {
        let mut cluster = Cluster::new();
        for ((table, key), value) in self.disk.iter().filter(|((table, _), _)| table.in_memory()) {
            let row = Row { table: *table, key: key.clone(), value: Some(value.clone()) };
            cluster.load(row).expect("a stored row loads");
        }
        cluster.loaded().expect("stored rows fit together");
        cluster
    }

    /// The whole log again, from nothing.
    pub(crate) fn replayed(&self) -> Cluster {
        let mut cluster = Cluster::new();
        for (index, batch) in (1..).zip(&self.log) {
            cluster.apply(index, batch, &mut Changes::default());
        }
        cluster
    }
}

pub(crate) fn store(disk: &mut Disk, changes: &Changes) {
    for row in &changes.rows {
        let key = (row.table, row.key.clone());
        match &row.value {
            Some(value) => disk.insert(key, value.clone()),
            None => disk.remove(&key),
        };
    }
}

pub(crate) fn files(conf: &str) -> ConfigFiles {
    ConfigFiles { files: vec![ConfigFile { path: "/etc/slurm/slurm.conf".to_owned(), text: conf.to_owned() }] }
}

pub(crate) fn origin(uid: u32, channel: Channel) -> Origin {
    Origin { uid, gid: uid, host: "login".to_owned(), channel: channel.into(), ..Origin::default() }
}

pub(crate) fn submission(mut spec: JobSpec) -> SubmitJob {
    let (mut script, mut environment) = (bytes::Bytes::new(), bytes::Bytes::new());
    if spec.kind() == JobKind::Batch {
        script = "#!/bin/sh\ntrue\n".into();
        environment = "A=1\0".into();
        spec.script = Some(reference(&script));
        spec.environment = Some(reference(&environment));
    }
    SubmitJob { spec: Some(spec), script, environment }
}

pub(crate) fn reference(bytes: &[u8]) -> BlobRef {
    BlobRef { hash: muster_proto::blob::name(bytes).to_vec().into(), size: bytes.len() as u64 }
}

/// A batch job of alice's: one task, no limit.
pub(crate) fn batch() -> JobSpec {
    let request = Some(Request { min_nodes: 1, ntasks: 1, cpus_per_task: 1, ..Request::default() });
    JobSpec {
        kind: JobKind::Batch.into(),
        name: "wrap".to_owned(),
        uid: ALICE,
        gid: ALICE,
        user_name: "alice".to_owned(),
        group_name: "alice".to_owned(),
        request,
        ..JobSpec::default()
    }
}

pub(crate) fn salloc(nodes: u32) -> JobSpec {
    let request = Some(Request { min_nodes: nodes, ntasks: nodes, cpus_per_task: 1, ..Request::default() });
    JobSpec { kind: JobKind::Alloc.into(), request, ..batch() }
}

pub(crate) fn array(first: u32, last: u32, max_running: u32) -> JobSpec {
    let ranges = vec![TaskRange { first, last, step: 1 }];
    JobSpec { array: Some(ArraySpec { ranges, max_running, text: format!("{first}-{last}") }), ..batch() }
}

pub(crate) fn on_nodes(nodes: u32) -> JobSpec {
    let request = Some(Request { min_nodes: nodes, ntasks: nodes, cpus_per_task: 1, ..Request::default() });
    JobSpec { request, ..batch() }
}

pub(crate) fn allocation(partition: &str, nodes: &[(u32, u8)]) -> Allocation {
    let nodes = nodes.iter().map(|(node, cores)| NodeShare {
        node: *node,
        cores: vec![*cores].into(),
        cpus: cores.count_ones(),
        mem_mib: 100,
        tasks: 1,
        ..NodeShare::default()
    });
    Allocation { partition: partition.to_owned(), nodes: nodes.collect(), whole_nodes: false }
}

pub(crate) fn registration(index: u32, boot: &str, spool: u8, holds: Vec<HeldAttempt>) -> RegisterNode {
    let hardware = Hardware {
        cpus: 4,
        boards: 1,
        sockets: 1,
        cores_per_socket: 4,
        threads_per_core: 1,
        real_memory_mib: 4_000,
        tmp_disk_mib: 1_000,
        ..Hardware::default()
    };
    RegisterNode {
        name: format!("n{}", index + 1),
        machine: vec![index as u8 + 1; 32].into(),
        boot_id: boot.to_owned(),
        spool_id: vec![spool; 16].into(),
        hardware: Some(hardware),
        version: "0.1.0".to_owned(),
        address: format!("n{}:6818", index + 1),
        holds,
        ..RegisterNode::default()
    }
}

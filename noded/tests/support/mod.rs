//! A leader that does what the test says, and a node daemon on real processes.
#![allow(dead_code, unreachable_pub)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_channel::{Credentials, NoAuth, Outside, seal, serve};
use muster_model::agent::AgentOptions;
use muster_noded::journal::FileJournal;
use muster_noded::real::{self, Hooks, RealSteps, Spool, SpoolError, StepSettings};
use muster_noded::{Noded, Settings, Steps};
use muster_proto::durable::{
    ConfigFile, ConfigFiles, JobSpec, RecordHeld, RecordReleased, RecordStepExit, RecordStepStarted, StepNode, StepSpec,
};
use muster_proto::wire::controller_server::{Controller, ControllerServer};
use muster_proto::wire::*;
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request as Rq, Response as Rs, Status, Streaming};

pub const BATCH: u32 = 0xffff_fffb;
pub const EPOCH: u64 = 7;
pub const NODE: u32 = 3;
/// Nothing here takes that long; a test that waits longer is broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const CONFIG_VERSION: u64 = 4;

pub fn config() -> ConfigFiles {
    ConfigFiles { files: vec![ConfigFile { path: "slurm.conf".into(), text: "ClusterName=test\n".into() }] }
}

pub fn authority(term: u64) -> Authority {
    Authority { cluster_id: vec![9; 16].into(), generation: 1, term }
}

/// A leader on port 0.
pub struct Leader {
    pub address: String,
    pub reports: mpsc::UnboundedReceiver<Report>,
    pub inventories: mpsc::UnboundedReceiver<Inventory>,
    pub hellos: mpsc::UnboundedReceiver<Hello>,
    pub lease: Arc<Lease>,
    released: Option<RecordReleased>,
    session: watch::Receiver<Option<mpsc::Sender<Result<NodeDown, Status>>>>,
}

/// What this leader wants of nodes, and whether its quorum answers.
#[derive(Default)]
pub struct Lease {
    pub wanted_ms: AtomicU64,
    pub renews: AtomicBool,
    /// What the node said when it registered last.
    pub recorded_ms: AtomicU64,
}

#[derive(Clone)]
struct Door {
    lease: Arc<Lease>,
    reports: mpsc::UnboundedSender<Report>,
    inventories: mpsc::UnboundedSender<Inventory>,
    hellos: mpsc::UnboundedSender<Hello>,
    session: Arc<watch::Sender<Option<mpsc::Sender<Result<NodeDown, Status>>>>>,
}

fn down(body: to_node::Body) -> Result<NodeDown, Status> {
    Ok(NodeDown { frame: ToNode { body: Some(body) }.encode_to_vec().into() })
}

#[tonic::async_trait]
impl Controller for Door {
    type SessionStream = ReceiverStream<Result<NodeDown, Status>>;
    type SaveSnapshotStream = ReceiverStream<Result<SnapshotPiece, Status>>;

    type WatchStream = ReceiverStream<Result<Watched, Status>>;

    async fn watch(&self, _: Rq<Signed>) -> Result<Rs<Self::WatchStream>, Status> {
        Err(Status::unimplemented("a leader for nodes only"))
    }

    async fn save_snapshot(&self, _: Rq<Signed>) -> Result<Rs<Self::SaveSnapshotStream>, Status> {
        Err(Status::unimplemented("a leader for nodes only"))
    }

    async fn call(&self, _: Rq<Signed>) -> Result<Rs<Reply>, Status> {
        Err(Status::unimplemented("a leader for nodes only"))
    }

    async fn session(&self, request: Rq<Streaming<NodeUp>>) -> Result<Rs<Self::SessionStream>, Status> {
        let mut up = request.into_inner();
        let (sender, receiver) = mpsc::channel(64);
        let door = self.clone();
        tokio::spawn(async move {
            while let Some(Ok(frame)) = up.next().await {
                match FromNode::decode(&frame.frame[..]).unwrap().body.unwrap() {
                    from_node::Body::Hello(signed) => {
                        let hello = Hello::decode(&signed.request[..]).unwrap();
                        let registration = hello.registration.clone().unwrap();
                        assert_eq!(registration.name, "n1");
                        let registered = Registered {
                            authority: Some(authority(1)),
                            node: NODE,
                            epoch: EPOCH,
                            heartbeat_ms: if door.lease.wanted_ms() == 0 { 1_000 } else { 100 },
                            cluster: "test".into(),
                            config_version: CONFIG_VERSION,
                            config: hello.held_config.is_none().then(config),
                            lease_ms: registration.lease_ms,
                            lease_wanted_ms: door.lease.wanted_ms(),
                        };
                        let _ = door.hellos.send(hello);
                        sender.send(down(to_node::Body::Registered(registered))).await.unwrap();
                        door.session.send_replace(Some(sender.clone()));
                        door.lease.recorded_ms.store(registration.lease_ms, Ordering::SeqCst);
                    }
                    from_node::Body::Report(report) => {
                        let ack = ReportAck { seq: report.seq, stale: String::new() };
                        let _ = door.reports.send(report);
                        let _ = sender.send(down(to_node::Body::Ack(ack))).await;
                    }
                    from_node::Body::Heartbeat(beat) => {
                        let ack = HeartbeatAck {
                            seq: beat.seq,
                            authority: Some(authority(1)),
                            renews: door.lease.renews.load(Ordering::SeqCst),
                            lease_wanted_ms: door.lease.wanted_ms(),
                        };
                        let _ = sender.send(down(to_node::Body::HeartbeatAck(ack))).await;
                    }
                    from_node::Body::Inventory(inventory) => drop(door.inventories.send(inventory)),
                }
            }
        });
        Ok(Rs::new(ReceiverStream::new(receiver)))
    }
}

impl Lease {
    fn wanted_ms(&self) -> u64 {
        self.wanted_ms.load(Ordering::SeqCst)
    }
}

impl Leader {
    pub async fn start() -> Self {
        let (reports_tx, reports) = mpsc::unbounded_channel();
        let (inventories_tx, inventories) = mpsc::unbounded_channel();
        let (hellos_tx, hellos) = mpsc::unbounded_channel();
        let (session_tx, session) = watch::channel(None);
        let (session_tx, lease) = (Arc::new(session_tx), Arc::<Lease>::default());
        let door = Door {
            reports: reports_tx,
            inventories: inventories_tx,
            hellos: hellos_tx,
            session: session_tx,
            lease: lease.clone(),
        };
        let listener = Outside::real().net.listen("127.0.0.1:0").await.unwrap();
        let address = listener.address().unwrap();
        tokio::spawn(serve(listener, Routes::new(ControllerServer::new(door)), std::future::pending()));
        Self { address, reports, inventories, hellos, lease, released: None, session }
    }

    pub async fn order(&mut self, uid: u64, attempt: u32, body: order::Body) {
        let session = self.session.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        let (authority, body) = (Some(authority(1)), Some(body));
        let order = Order { authority, epoch: EPOCH, node: NODE, uid, attempt, body };
        session.send(down(to_node::Body::Order(order))).await.unwrap();
    }

    pub async fn report(&mut self) -> report::Body {
        let report = tokio::time::timeout(PATIENCE, self.reports.recv()).await.expect("a report in time");
        report.unwrap().body.unwrap()
    }

    pub async fn held(&mut self) -> RecordHeld {
        match self.report().await {
            report::Body::Held(held) => held,
            other => panic!("not held: {other:?}"),
        }
    }

    pub async fn started(&mut self) -> RecordStepStarted {
        match self.report().await {
            report::Body::StepStarted(started) => started,
            other => panic!("not started: {other:?}"),
        }
    }

    pub async fn exit(&mut self) -> RecordStepExit {
        loop {
            match self.report().await {
                report::Body::StepExit(exit) => return exit,
                // Without an epilog the last exit comes with the release.
                report::Body::Released(RecordReleased { exit: Some(exit), .. }) => {
                    let released = RecordReleased { uid: exit.uid, attempt: exit.attempt, ..RecordReleased::default() };
                    self.released = Some(released);
                    return exit;
                }
                report::Body::StepStarted(_) | report::Body::Signalled(_) => {}
                other => panic!("not an exit: {other:?}"),
            }
        }
    }

    pub async fn released(&mut self) -> RecordReleased {
        if let Some(released) = self.released.take() {
            return released;
        }
        loop {
            match self.report().await {
                report::Body::Released(released) => return released,
                report::Body::StepExit(_) => {}
                other => panic!("not released: {other:?}"),
            }
        }
    }
}

/// A node's spool and work directory.
pub struct Place {
    pub dir: tempfile::TempDir,
    pub hooks: Hooks,
    pub resume_wait_ms: u64,
    pub attach_wait_ms: u64,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("work")).unwrap();
        Self { dir, hooks: Hooks::default(), resume_wait_ms: 30_000, attach_wait_ms: 60_000 }
    }

    pub fn spool(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub async fn start(&self, leader: &Leader) -> Node {
        let outside = Outside::real();
        // A program that another test is about to start has the daemon's files for a moment, and with them the lock of one that ended.
        let mut opened = None;
        until("the spool is let go", || {
            opened = match Spool::open(&self.spool(), &outside.random) {
                Err(SpoolError::Locked(_)) => None,
                other => Some(other.unwrap()),
            };
            opened.is_some()
        })
        .await;
        let spool = opened.expect("that was waited for");
        let settings = Settings {
            cluster: "test".into(),
            node_name: "n1".into(),
            controllers: vec![leader.address.clone()],
            listen: "127.0.0.1:0".into(),
            advertise: None,
            machine: real::machine_hash(&spool.key, "n1"),
            boot_id: real::boot_id(),
            spool_id: spool.id.clone(),
            journal_complete: true,
            conf_hash: 0,
            hardware: real::discover("/tmp"),
            boot_ms: 1,
            version: "test".into(),
            agent: AgentOptions {
                kill_wait_s: 30,
                over_time_limit_s: 0,
                prolog: true,
                epilog: !self.hooks.epilog.is_empty(),
            },
            config_store: Arc::new(FileJournal::open(&spool.config()).unwrap()),
            admins: vec![0],
            boot_clock_ms: real::boot_clock(),
        };
        let steps = StepSettings {
            node_name: "n1".into(),
            slurm_conf: "/etc/slurm/slurm.conf".into(),
            program: env!("CARGO_BIN_EXE_muster-noded").into(),
            hooks: self.hooks.clone(),
            attach_wait_ms: self.attach_wait_ms,
            resume_wait_ms: self.resume_wait_ms,
            unkillable_s: 60,
        };
        let journal = Arc::new(FileJournal::open(&spool.journal()).unwrap());
        let steps: Arc<dyn Steps> = Arc::new(RealSteps::new(&spool, steps));
        let noded = Noded::start(settings, outside, keeper(), steps, journal).await.unwrap();
        Node { noded, _spool: spool }
    }
}

pub struct Node {
    pub noded: Noded,
    _spool: Spool,
}

impl Node {
    pub async fn stop(self) {
        self.noded.stop().await.unwrap();
    }
}

pub fn keeper() -> Arc<dyn Credentials> {
    keeper_of(rustix::process::getuid().as_raw())
}

pub fn keeper_of(uid: u32) -> Arc<dyn Credentials> {
    Arc::new(NoAuth::new(uid, uid))
}

pub fn job(work: &Path) -> JobSpec {
    JobSpec {
        name: "job".into(),
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        user_name: "me".into(),
        home: "/".into(),
        work_dir: work.to_str().unwrap().into(),
        umask: 0o022,
        ..JobSpec::default()
    }
}

pub fn facts() -> AttemptFacts {
    AttemptFacts {
        job_id: 12,
        cluster: "test".into(),
        partition: "debug".into(),
        nodes: vec!["n1".into()],
        cpus: vec![2],
        tasks: vec![1],
        ..AttemptFacts::default()
    }
}

pub fn hold(work: &Path) -> order::Body {
    order::Body::Hold(Hold { spec: Some(job(work)), facts: Some(facts()), time_limit_s: u32::MAX, ..Hold::default() })
}

pub fn batch(work: &Path, script: &str) -> LaunchStep {
    LaunchStep {
        spec: Some(StepSpec { step_id: BATCH, ntasks: 1, ..StepSpec::default() }),
        place: Some(StepNode { node: NODE, tasks: 1, task_ids: vec![0], ..StepNode::default() }),
        job: Some(job(work)),
        facts: Some(facts()),
        script: script.as_bytes().to_vec().into(),
        environment: b"PATH=/usr/bin:/bin\0HOME=/\0"[..].into(),
        step_nodes: vec!["n1".into()],
        step_tasks: vec![1],
        ..LaunchStep::default()
    }
}

pub fn step(work: &Path, step_id: u32, tasks: u32, args: &[&str]) -> LaunchStep {
    let args = args.iter().map(ToString::to_string).collect();
    let umask = 0o022;
    let spec = StepSpec { step_id, ntasks: tasks, args, attached: true, umask, ..StepSpec::default() };
    let place = StepNode { node: NODE, tasks, task_ids: (0..tasks).collect(), ..StepNode::default() };
    LaunchStep { spec: Some(spec), place: Some(place), step_tasks: vec![tasks], ..batch(work, "") }
}

pub async fn sealed(node: &Node, uid: u32, request: Vec<u8>) -> Signed {
    let _ = node;
    let claim = Claim { cluster: "test".into(), audience: "node:n1".into(), ..Claim::default() };
    seal(&keeper_of(uid), request, claim).await.unwrap()
}

/// Waits for a fact of the outside world that no message tells.
pub async fn until(what: &str, mut fact: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !fact() {
        assert!(begun.elapsed() < PATIENCE, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn shared<T>(value: T) -> Arc<Mutex<T>> {
    Arc::new(Mutex::new(value))
}

/// A node that holds an attempt, and the leader that had it do so.
pub async fn held(place: &Place) -> (Leader, Node) {
    let mut leader = Leader::start().await;
    let node = place.start(&leader).await;
    leader.order(100, 1, hold(&place.work())).await;
    leader.held().await;
    (leader, node)
}

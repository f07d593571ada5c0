//! What the stories need: controllers, clients, and nodes that play noded.

use std::sync::Arc;
use std::time::Duration;

use muster_channel::{Client, ClientOptions, Credentials, MESSAGE_BYTES_MAX, NoAuth, Outside, dial, seal};
use muster_controller::{Controller, Group, NoAgents, NoMail, Settings, Timers, User, UserTable};
use muster_proto::durable::{
    ConfigFile, ConfigFiles, Hardware, JobKind, JobSpec, RecordHeld, RecordReleased, RecordStepExit, RecordStepStarted,
    RegisterNode, Request as Ask,
};
use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::{
    Claim, FromNode, Heartbeat, Hello, InitCluster, JobInfo, Joined, ListJobs, NodeUp, Order, Registered, Report,
    Submit, ToNode, from_node, order, reply, report, request, to_node,
};
use muster_raft_store::{MemoryDisk, StoreKind};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

pub(crate) const ALICE: u32 = 1001;
pub(crate) const BOB: u32 = 1002;
pub(crate) const SLURM: u32 = 64030;
/// Longer than anything here takes, so that a story that hangs fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn conf() -> String {
    "ClusterName=test\nSlurmctldHost=a(127.0.0.1)\nSlurmctldHost=b(127.0.0.1)\nSlurmctldHost=c(127.0.0.1)\n\
     AuthType=auth/none\nSlurmUser=slurm\nStateSaveLocation=/nowhere\n\
     SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n\
     NodeName=n[1-2] NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000\n\
     PartitionName=debug Nodes=ALL Default=YES State=UP\n"
        .to_owned()
}

pub(crate) fn files() -> ConfigFiles {
    ConfigFiles { files: vec![ConfigFile { path: "/etc/slurm/slurm.conf".into(), text: conf() }] }
}

pub(crate) fn users() -> UserTable {
    let user = |name: &str, uid| User {
        uid,
        name: name.into(),
        gid: uid,
        groups: vec![Group { gid: uid, name: name.into() }],
        home: format!("/home/{name}"),
        shell: "/bin/sh".into(),
    };
    UserTable(vec![user("root", 0), user("alice", ALICE), user("bob", BOB), user("slurm", SLURM)])
}

/// How a controller of a story is started.
pub(crate) fn settings(name: &str, disk: &MemoryDisk, controllers: Vec<String>) -> Settings {
    Settings {
        name: name.into(),
        client_listen: "127.0.0.1:0".into(),
        replica_listen: "127.0.0.1:0".into(),
        advertise: None,
        store: StoreKind::Memory(disk.clone()),
        files: files(),
        read_files: Arc::new(|| Ok(files())),
        controllers,
        mailer: Arc::new(NoMail),
        fence_agents: Arc::new(NoAgents),
        own_uid: SLURM,
        timers: Timers { ask_to_join: Duration::from_millis(20), ..Timers::default() },
        raft_runtime: None,
        listing_runtime: None,
        random_seed: None,
        snapshot_every: None,
        feature_level_max: None,
    }
}

pub(crate) async fn start(name: &str, disk: &MemoryDisk, controllers: Vec<String>) -> Controller {
    start_with(settings(name, disk, controllers)).await
}

pub(crate) async fn start_with(settings: Settings) -> Controller {
    let keeper = Arc::new(NoAuth::new(SLURM, SLURM));
    Controller::start(settings, Outside::real(), keeper, Arc::new(users())).await.expect("a controller starts")
}

/// A founded cluster of one.
pub(crate) async fn one() -> Controller {
    let controller = start("a", &MemoryDisk::new(1), Vec::new()).await;
    found(&controller).await;
    controller
}

pub(crate) async fn found(controller: &Controller) -> Joined {
    match call(&client(0, controller), request::Body::InitCluster(InitCluster::default())).await {
        reply::Body::Joined(joined) => joined,
        other => panic!("not founded: {other:?}"),
    }
}

pub(crate) fn keeper(uid: u32) -> Arc<dyn Credentials> {
    Arc::new(NoAuth::new(uid, uid))
}

/// A command of `uid` that knows one controller.
pub(crate) fn client(uid: u32, controller: &Controller) -> Client {
    client_of(uid, vec![controller.client_address().to_owned()])
}

pub(crate) fn client_of(uid: u32, controllers: Vec<String>) -> Client {
    let options = ClientOptions {
        cluster: "test".into(),
        controllers,
        host: "login".into(),
        program: "test".into(),
        one_try: Duration::from_secs(10),
        give_up: Duration::from_secs(25),
    };
    Client::new(Outside::real(), keeper(uid), options)
}

pub(crate) async fn call(client: &Client, body: request::Body) -> reply::Body {
    soon(client.call(body)).await.unwrap_or_else(|why| panic!("refused: {why:?}"))
}

/// The text of a refusal.
pub(crate) async fn refused(client: &Client, body: request::Body) -> (u32, String) {
    match soon(client.call(body)).await {
        Err(muster_channel::CallError::Refused(failure)) => (failure.error, failure.message),
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it takes no longer than this")
}

/// `sbatch` of one task.
pub(crate) fn batch(name: &str) -> request::Body {
    let spec = JobSpec {
        kind: JobKind::Batch.into(),
        name: name.into(),
        request: Some(Ask { min_nodes: 1, ntasks: 1, cpus_per_task: 1, ..Ask::default() }),
        work_dir: "/tmp".into(),
        ..JobSpec::default()
    };
    let (script, environment) = ("#!/bin/sh\ntrue\n".into(), "A=1\0".into());
    request::Body::Submit(Submit { spec: Some(spec), script, environment, test_only: false })
}

pub(crate) async fn submit(client: &Client, name: &str) -> u32 {
    match call(client, batch(name)).await {
        reply::Body::Submitted(submitted) => submitted.job_id,
        other => panic!("not submitted: {other:?}"),
    }
}

pub(crate) async fn jobs(client: &Client) -> Vec<JobInfo> {
    match call(client, request::Body::ListJobs(ListJobs::default())).await {
        reply::Body::Jobs(list) => list.jobs,
        other => panic!("no list of jobs: {other:?}"),
    }
}

/// Waits until the first job of all is as `is_so` says.
pub(crate) async fn until_job(controller: &Controller, is_so: impl Fn(&JobInfo) -> bool) -> JobInfo {
    let alice = client(ALICE, controller);
    soon(async {
        loop {
            let job = jobs(&alice).await.remove(0);
            if is_so(&job) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

/// One attempt of it is over, and the next is to come.
pub(crate) fn restarted(job: &JobInfo) -> bool {
    job.row.as_ref().is_some_and(|row| row.restarts == 1)
}

pub(crate) fn registration(name: &str) -> RegisterNode {
    RegisterNode {
        name: name.into(),
        machine: vec![name.len() as u8; 32].into(),
        boot_id: format!("boot-of-{name}"),
        spool_id: vec![7; 16].into(),
        hardware: Some(Hardware {
            cpus: 4,
            boards: 1,
            sockets: 4,
            cores_per_socket: 1,
            threads_per_core: 1,
            real_memory_mib: 4000,
            ..Hardware::default()
        }),
        address: "127.0.0.1:1".into(),
        journal_complete: true,
        ..RegisterNode::default()
    }
}

/// A node's side of its session.
pub(crate) struct FakeNode {
    up: mpsc::Sender<NodeUp>,
    down: Streaming<muster_proto::wire::NodeDown>,
    pub(crate) registered: Option<Registered>,
    seq: u64,
    /// Every order in the order in which it came.
    pub(crate) orders: Vec<Order>,
    pub(crate) acks: Vec<(u64, String)>,
}

impl FakeNode {
    /// Opens the session of `name`, or says what was answered instead.
    pub(crate) async fn open(controller: &Controller, name: &str) -> Result<Self, to_node::Body> {
        Self::open_as(controller.client_address(), SLURM, &format!("node:{name}"), registration(name)).await
    }

    pub(crate) async fn open_as(
        address: &str,
        uid: u32,
        sender: &str,
        node: RegisterNode,
    ) -> Result<Self, to_node::Body> {
        let hello = Hello { registration: Some(node), cluster: "test".into(), ..Hello::default() };
        Self::open_with(address, uid, sender, hello).await
    }

    pub(crate) async fn open_with(address: &str, uid: u32, sender: &str, hello: Hello) -> Result<Self, to_node::Body> {
        let outside = Outside::real();
        let claim = Claim {
            cluster: "test".into(),
            audience: "controller".into(),
            sender: sender.into(),
            request_id: outside.random.id().to_vec().into(),
            ..Claim::default()
        };
        let signed = seal(&keeper(uid), hello.encode_to_vec(), claim).await.expect("auth/none always works");
        let (up, frames) = mpsc::channel(64);
        let channel = dial(&outside, address, Duration::from_secs(5));
        let mut client = ControllerClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        up.send(frame(from_node::Body::Hello(signed))).await.expect("the receiver is here");
        let down = soon(client.session(ReceiverStream::new(frames))).await.expect("a session opens").into_inner();
        let mut node = Self { up, down, registered: None, seq: 0, orders: Vec::new(), acks: Vec::new() };
        match node.next().await {
            Some(to_node::Body::Registered(registered)) => {
                node.registered = Some(registered);
                Ok(node)
            }
            Some(other) => Err(other),
            None => panic!("the session ended without a word"),
        }
    }

    /// The next frame; `None`: the session is over.
    pub(crate) async fn next(&mut self) -> Option<to_node::Body> {
        let frame = soon(self.down.message()).await.ok().flatten()?;
        ToNode::decode(&frame.frame[..]).expect("a frame of the contract").body
    }

    async fn say(&self, body: from_node::Body) {
        // A session that is over is noticed by the reader.
        let _ = self.up.send(frame(body)).await;
    }

    pub(crate) async fn beat(&self, seq: u64) {
        self.say(from_node::Body::Heartbeat(Heartbeat { seq, ..Heartbeat::default() })).await;
    }

    pub(crate) async fn report(&mut self, body: report::Body) {
        self.seq += 1;
        self.say(from_node::Body::Report(Report { seq: self.seq, body: Some(body) })).await;
    }

    /// Does what it is told, as if every step exited at once with `wait_status`, until `until` has come.
    pub(crate) async fn obey(&mut self, wait_status: u32, mut until: impl FnMut(&Order) -> bool) {
        loop {
            match self.next().await.expect("the session lives") {
                to_node::Body::Order(order) => {
                    self.orders.push(order.clone());
                    self.carry_out(&order, wait_status).await;
                    if until(&order) {
                        return;
                    }
                }
                to_node::Body::Ack(ack) => self.acks.push((ack.seq, ack.stale)),
                _ => {}
            }
        }
    }

    async fn carry_out(&mut self, order: &Order, wait_status: u32) {
        let Order { uid, attempt, node, epoch, .. } = *order;
        match &order.body {
            Some(order::Body::Hold(_)) => {
                self.report(report::Body::Held(RecordHeld { uid, attempt, node, epoch, launched: false })).await;
            }
            Some(order::Body::LaunchStep(launch)) => {
                let step_id = launch.spec.as_ref().expect("a step has a spec").step_id;
                let started = RecordStepStarted { uid, attempt, node, epoch, step_id };
                self.report(report::Body::StepStarted(started)).await;
                let exit =
                    RecordStepExit { uid, attempt, node, epoch, step_id, wait_status, ..RecordStepExit::default() };
                self.report(report::Body::StepExit(exit)).await;
            }
            Some(order::Body::EndAttempt(_)) => {
                let released = RecordReleased { uid, attempt, node, epoch, ..RecordReleased::default() };
                self.report(report::Body::Released(released)).await;
            }
            _ => {}
        }
    }
}

fn frame(body: from_node::Body) -> NodeUp {
    NodeUp { frame: FromNode { body: Some(body) }.encode_to_vec().into() }
}

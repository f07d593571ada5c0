//! Proposals a second: three replicas on RocksDB in one process, each with a Raft runtime of its own, no network between.
//!
//! `propose_rate DIRECTORY [CLIENTS [SECONDS]]`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use muster_proto::durable::{
    AdmitReplica, Batch, Channel, Command, ConfigFile, ConfigFiles, FoundCluster, Origin, command::Body,
};
use muster_raft_store::{Identity, Options, Peer, RaftKind, Replica, StoreKind, Talk, Transport, Unreachable, peek};

#[derive(Clone, Default)]
struct Direct {
    from: u64,
    replicas: Arc<Mutex<BTreeMap<u64, Replica>>>,
}

impl Direct {
    fn to(&self, peer: &Peer) -> Result<Replica, Unreachable> {
        let replicas = self.replicas.lock().expect("no holder panics");
        replicas.get(&peer.replica).cloned().ok_or_else(|| Unreachable("not there".into()))
    }
}

struct Door(Replica, u64);

impl Talk for Door {
    fn ask(&self, kind: RaftKind, body: Bytes, _: Duration) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let (to, from) = (self.0.clone(), self.1);
        async move { to.handle(from, kind, body).await.map_err(Unreachable) }.boxed()
    }
}

impl Transport for Direct {
    fn talk(&self, to: &Peer, _: Duration) -> BoxFuture<'static, Result<Arc<dyn Talk>, Unreachable>> {
        let door = self.to(to).map(|to| Arc::new(Door(to, self.from)) as Arc<dyn Talk>);
        std::future::ready(door).boxed()
    }

    fn call(
        &self,
        to: &Peer,
        kind: RaftKind,
        body: Bytes,
        _: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let (to, from) = (self.to(to), self.from);
        async move { to?.handle(from, kind, body).await.map_err(Unreachable) }.boxed()
    }

    fn stream(
        &self,
        to: &Peer,
        kind: RaftKind,
        chunks: BoxStream<'static, Bytes>,
        _: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let (to, from) = (self.to(to), self.from);
        async move { to?.handle_stream(from, kind, chunks).await.map_err(Unreachable) }.boxed()
    }
}

fn batch(body: Body) -> Batch {
    let origin = Origin { channel: Channel::Leader as i32, admin: true, ..Origin::default() };
    let command = Command { origin: Some(origin), request: None, body: Some(body) };
    Batch { stamp_ms: 1_000, feature_level: 1, generation: 1, commands: vec![command] }
}

fn founding() -> Batch {
    let text = "ClusterName=bench\nSlurmctldHost=a\nNodeName=n1 CPUs=1\nPartitionName=p Nodes=n1 Default=YES\n".into();
    let config = ConfigFiles { files: vec![ConfigFile { path: "slurm.conf".into(), text }] };
    batch(Body::FoundCluster(FoundCluster {
        cluster_id: vec![1; 16].into(),
        cluster_name: "bench".into(),
        generation: 1,
        config: Some(config),
        feature_level: 1,
    }))
}

/// About 256 bytes that change little in the state.
fn work() -> Batch {
    batch(Body::AdmitReplica(AdmitReplica {
        name: "x".repeat(200),
        address: "a:1".into(),
        store_id: vec![2; 16].into(),
        client_address: "a:2".into(),
        ..AdmitReplica::default()
    }))
}

async fn open(directory: PathBuf, replica: u64, runtime: &tokio::runtime::Runtime, wires: &Direct) -> Replica {
    let store = StoreKind::Disk(directory.join(replica.to_string()));
    let store_id = peek(&store).expect("an empty directory").store_id;
    let identity = Identity { cluster_id: [1; 16], generation: 1, replica, store_id, name: format!("r{replica}") };
    let mut options = Options::new(store);
    options.runtime = Some(runtime.handle().clone());
    let wire = Direct { from: replica, ..wires.clone() };
    let opened = Replica::open(options, identity, Arc::new(wire)).await.expect("opens");
    wires.replicas.lock().expect("no holder panics").insert(replica, opened.clone());
    opened
}

fn peer(replica: u64) -> Peer {
    Peer { replica, address: format!("r{replica}:1") }
}

async fn client(leader: Replica, until: Instant) -> Vec<u64> {
    let mut took_us = Vec::new();
    while Instant::now() < until {
        let asked = Instant::now();
        leader.propose(work()).await.expect("the leader stays");
        took_us.push(asked.elapsed().as_micros() as u64);
    }
    took_us
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().expect("a directory"));
    let clients: usize = arguments.next().map_or(64, |number| number.parse().expect("a number of clients"));
    let seconds: u64 = arguments.next().map_or(5, |number| number.parse().expect("a number of seconds"));
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let runtimes: Vec<_> = (0..3).map(|_| runtime()).collect();
    runtime().block_on(async {
        let wires = Direct::default();
        let mut replicas = Vec::new();
        for (at, runtime) in runtimes.iter().enumerate() {
            replicas.push(open(directory.clone(), at as u64 + 1, runtime, &wires).await);
        }
        let leader = &replicas[0];
        leader.found(founding(), peer(1).address).await.expect("founds");
        for replica in [2, 3] {
            leader.add_learner(peer(replica)).await.expect("follows");
            leader.promote(replica).await.expect("votes");
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        let before = leader.metrics();
        let running: Vec<_> = (0..clients).map(|_| tokio::spawn(client(leader.clone(), until))).collect();
        let mut took_us = Vec::new();
        for client in running {
            took_us.extend(client.await.expect("a client ends"));
        }
        took_us.sort_unstable();
        let syncs = leader.metrics().syncs - before.syncs;
        let at = |percent: usize| took_us[(took_us.len() - 1) * percent / 100] as f64 / 1_000.0;
        println!(
            "{clients} clients: {} proposals/s, {} syncs/s, p50 {} ms, p99 {} ms",
            took_us.len() as u64 / seconds,
            syncs / seconds,
            at(50),
            at(99)
        );
        // The process ends here, as by a power cut.
        std::process::exit(0);
    });
}

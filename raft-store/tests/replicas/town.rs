//! A cluster of replicas whose network is a map, and what tests say to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::{mpsc, oneshot};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use muster_model::cluster::FEATURE_LEVEL_MAX;
use muster_proto::blob::name;
use muster_proto::durable::{
    Batch, Channel, Command, ConfigFile, ConfigFiles, FoundCluster, Origin, PutBlobChunk, RaiseFeatureLevel,
    command::Body,
};
use muster_raft_store::{
    Identity, MemoryDisk, Options, Peer, ProposeError, Proposed, RaftKind, Replica, StoreKind, Talk, Transport,
    Unreachable, peek,
};
use tokio::time::Instant;

pub(crate) const CLUSTER_ID: [u8; 16] = [9; 16];

const SLURM_CONF: &str =
    "ClusterName=test\nSlurmctldHost=ctl1\nNodeName=n1 CPUs=1\nPartitionName=p Nodes=n1 Default=YES\n";

/// Who can be reached, and which roads are cut.
#[derive(Clone, Default)]
pub(crate) struct Town {
    roads: Arc<Mutex<Roads>>,
}

#[derive(Default)]
struct Roads {
    replicas: BTreeMap<u64, Replica>,
    cut: BTreeSet<u64>,
}

impl Town {
    /// Nobody reaches `replica` any more, and it nobody.
    pub(crate) fn cut_off(&self, replica: u64) {
        self.roads.lock().unwrap().cut.insert(replica);
    }

    pub(crate) fn heal(&self) {
        self.roads.lock().unwrap().cut.clear();
    }

    pub(crate) fn enter(&self, replica: &Replica) {
        self.roads.lock().unwrap().replicas.insert(replica.identity().replica, replica.clone());
    }

    pub(crate) fn leave(&self, replica: u64) {
        self.roads.lock().unwrap().replicas.remove(&replica);
    }

    fn road(&self, from: u64, to: u64) -> Result<Replica, Unreachable> {
        let roads = self.roads.lock().unwrap();
        if roads.cut.contains(&from) || roads.cut.contains(&to) {
            return Err(Unreachable("cut off".into()));
        }
        roads.replicas.get(&to).cloned().ok_or_else(|| Unreachable("nobody is there".into()))
    }

    /// The transport of one replica.
    pub(crate) fn wire(&self, from: u64) -> Arc<dyn Transport> {
        Arc::new(Wire { town: self.clone(), from, lanes: Mutex::default() })
    }
}

struct Wire {
    town: Town,
    from: u64,
    lanes: Mutex<BTreeMap<u64, Arc<Lane>>>,
}

/// A frame on the way.
struct Travelling {
    sent: Instant,
    kind: RaftKind,
    body: Bytes,
    answer: oneshot::Sender<Result<Bytes, Unreachable>>,
}

/// Frames that travel in order.
struct Lane {
    frames: mpsc::UnboundedSender<Travelling>,
}

/// How long a frame travels; without it virtual time would not move between two answers.
const TRAVEL: Duration = Duration::from_millis(1);

impl Lane {
    fn open(town: Town, from: u64, to: u64) -> Lane {
        let (frames, arriving) = mpsc::unbounded::<Travelling>();
        tokio::spawn(async move {
            let arrived = arriving.then(|frame| async move {
                tokio::time::sleep_until(frame.sent + TRAVEL).await;
                frame
            });
            let handled = arrived.map(|Travelling { kind, body, answer, .. }| {
                let town = town.clone();
                async move {
                    let handled = async { town.road(from, to)?.handle(from, kind, body).await.map_err(Unreachable) };
                    let handled = handled.await;
                    let _ = answer.send(town.road(from, to).and(handled));
                }
            });
            handled.buffer_unordered(64).collect::<()>().await;
        });
        Lane { frames }
    }
}

impl Talk for Lane {
    fn ask(&self, kind: RaftKind, body: Bytes, _: Duration) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let (answer, answered) = oneshot::channel();
        let _ = self.frames.unbounded_send(Travelling { sent: Instant::now(), kind, body, answer });
        async move { answered.await.unwrap_or_else(|_| Err(Unreachable("nobody is there".into()))) }.boxed()
    }
}

impl Transport for Wire {
    fn talk(&self, to: &Peer, _: Duration) -> BoxFuture<'static, Result<Arc<dyn Talk>, Unreachable>> {
        let mut lanes = self.lanes.lock().unwrap();
        let lane =
            lanes.entry(to.replica).or_insert_with(|| Arc::new(Lane::open(self.town.clone(), self.from, to.replica)));
        let lane: Arc<dyn Talk> = lane.clone();
        std::future::ready(Ok(lane)).boxed()
    }

    fn call(
        &self,
        to: &Peer,
        kind: RaftKind,
        body: Bytes,
        _: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let (town, from, to) = (self.town.clone(), self.from, to.replica);
        async move {
            tokio::time::sleep(TRAVEL).await;
            let answer = town.road(from, to)?.handle(from, kind, body).await.map_err(Unreachable)?;
            town.road(from, to).map(|_| answer)
        }
        .boxed()
    }

    fn stream(
        &self,
        to: &Peer,
        kind: RaftKind,
        chunks: BoxStream<'static, Bytes>,
        _: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let (town, from, to) = (self.town.clone(), self.from, to.replica);
        async move { town.road(from, to)?.handle_stream(from, kind, chunks).await.map_err(Unreachable) }.boxed()
    }
}

pub(crate) fn address(replica: u64) -> String {
    format!("ctl{replica}:6820")
}

pub(crate) fn peer(replica: u64) -> Peer {
    Peer { replica, address: address(replica) }
}

pub(crate) fn identity(replica: u64, store: &StoreKind) -> Identity {
    let store_id = peek(store).unwrap().store_id;
    Identity { cluster_id: CLUSTER_ID, generation: 1, replica, store_id, name: format!("ctl{replica}") }
}

pub(crate) fn options(store: StoreKind, replica: u64) -> Options {
    Options { random_seed: Some(replica), ..Options::new(store) }
}

/// A replica on the simulated disk, reachable.
pub(crate) async fn open(town: &Town, disk: &MemoryDisk, replica: u64) -> Replica {
    open_with(town, options(StoreKind::Memory(disk.clone()), replica), replica).await
}

pub(crate) async fn open_with(town: &Town, options: Options, replica: u64) -> Replica {
    let identity = identity(replica, &options.store);
    let opened = Replica::open(options, identity, town.wire(replica)).await.unwrap();
    town.enter(&opened);
    opened
}

/// Three founded replicas on simulated disks, replica 1 leading.
pub(crate) struct Three {
    pub(crate) town: Town,
    pub(crate) disks: BTreeMap<u64, MemoryDisk>,
    pub(crate) replicas: BTreeMap<u64, Replica>,
}

impl Three {
    pub(crate) async fn found() -> Three {
        let town = Town::default();
        let disks: BTreeMap<u64, MemoryDisk> = (1..=3).map(|replica| (replica, MemoryDisk::new(replica))).collect();
        let mut replicas = BTreeMap::new();
        for (replica, disk) in &disks {
            replicas.insert(*replica, open(&town, disk, *replica).await);
        }
        let first = &replicas[&1];
        first.found(founding(), address(1)).await.unwrap();
        for replica in [2, 3] {
            first.add_learner(peer(replica)).await.unwrap();
            first.promote(replica).await.unwrap();
        }
        Three { town, disks, replicas }
    }

    /// The process of one replica dies, its disk with a power cut.
    pub(crate) fn kill(&mut self, replica: u64) {
        self.town.leave(replica);
        self.disks[&replica].crash();
        self.replicas.remove(&replica);
    }

    pub(crate) async fn restart(&mut self, replica: u64) {
        let opened = open(&self.town, &self.disks[&replica], replica).await;
        self.replicas.insert(replica, opened);
    }

    /// Whoever leads with a quorum, among those that are reachable.
    pub(crate) async fn leader(&self) -> &Replica {
        let waits = self.replicas.values().map(|replica| {
            let mut leadership = replica.leadership();
            async move {
                leadership.wait_for(|now| now.leads()).await.unwrap();
                replica
            }
            .boxed()
        });
        futures::future::select_all(waits).await.0
    }

    /// Every replica agrees with every other at the newest index.
    pub(crate) async fn agree(&self) {
        let index = self.leader().await.barrier().await.unwrap();
        let mut digests = BTreeMap::new();
        for (id, replica) in &self.replicas {
            replica.applied().wait_for(|applied| applied.index >= index).await.unwrap();
            digests.insert(*id, replica.digest());
        }
        let first = digests.values().next().unwrap();
        assert!(digests.values().all(|digest| digest == first), "{digests:?}");
    }
}

fn batch(body: Body) -> Batch {
    let origin = Origin { channel: Channel::Leader as i32, admin: true, ..Origin::default() };
    let command = Command { origin: Some(origin), request: None, body: Some(body) };
    Batch { stamp_ms: 1_000, feature_level: 1, generation: 1, commands: vec![command] }
}

pub(crate) fn founding() -> Batch {
    let config = ConfigFiles { files: vec![ConfigFile { path: "slurm.conf".into(), text: SLURM_CONF.into() }] };
    batch(Body::FoundCluster(FoundCluster {
        cluster_id: CLUSTER_ID.to_vec().into(),
        cluster_name: "test".into(),
        generation: 1,
        config: Some(config),
        feature_level: 1,
    }))
}

/// The command that puts the newest feature level in force.
pub(crate) fn raise_level() -> Batch {
    batch(Body::RaiseFeatureLevel(RaiseFeatureLevel { level: FEATURE_LEVEL_MAX }))
}

fn note_text(number: u64) -> String {
    format!("note {number}")
}

/// The name of note number `number`.
pub(crate) fn note_hash(number: u64) -> Vec<u8> {
    name(note_text(number).as_bytes()).to_vec()
}

/// A command that leaves a mark: a small blob under a hash of its own.
pub(crate) fn note(number: u64) -> Batch {
    let data = note_text(number);
    batch(Body::PutBlobChunk(PutBlobChunk {
        hash: note_hash(number).into(),
        size: data.len() as u64,
        offset: 0,
        data: data.into_bytes().into(),
    }))
}

pub(crate) async fn write(replica: &Replica, number: u64) -> Result<Proposed, ProposeError> {
    replica.propose(note(number)).await
}

/// Which of `numbers` this replica does not hold.
pub(crate) fn missing(replica: &Replica, numbers: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let state = replica.state();
    let state = state.read().unwrap();
    numbers.into_iter().filter(|number| state.blob(&note_hash(*number)).is_none()).collect()
}

//! The road to the other replicas: one lazily connecting channel each, opened with proof of who we are. What Raft says many
//! times a second goes over a stream that stays open (`talk`), the rest by single calls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use muster_channel::tls::Wanted;
use muster_channel::{Credentials, Outside, dial, seal};
use muster_proto::wire::replica_client::ReplicaClient;
use muster_proto::wire::{Claim, OpenReplica, RaftFrame};
use muster_raft_store::{Identity, Peer, Unreachable};
use prost::Message;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::dialled::{Dialled, Willing};
use super::frame;
use super::link::{Line, Link, unreachable};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_millis(500);
/// Longest wait for the answer to proof of who we are.
pub(super) const OPEN: Duration = Duration::from_secs(2);
/// A peer that could not be opened is not tried again for so long: heartbeats ask 20 times a second.
const OPEN_REST: Duration = Duration::from_millis(50);
/// Frames of a snapshot that wait for the network.
const FRAMES_AHEAD_MAX: usize = 4;
/// Longest wait for a peer's clock.
const CLOCK: Duration = Duration::from_millis(500);

/// Carries raft-store's frames through the replica doors.
pub(crate) struct PeerTransport {
    outside: Outside,
    keeper: Arc<dyn Credentials>,
    cluster: String,
    identity: Identity,
    /// Where connections live: with Raft, so that no thread lies between it and its peers. `None`: where they are made.
    raft: Option<Handle>,
    links: Mutex<BTreeMap<u64, Arc<Link>>>,
    /// What the state says of replicas: newer than what Raft was told when it began to speak to a peer.
    places: Mutex<BTreeMap<u64, Place>>,
    /// Some replica has refused this one: it may have been removed, or be of an older generation.
    refused: AtomicBool,
}

/// Where a replica is, and the name that its certificate bears.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) address: String,
    pub(crate) name: String,
}

impl PeerTransport {
    pub(crate) fn new(
        outside: Outside,
        keeper: Arc<dyn Credentials>,
        cluster: String,
        identity: Identity,
        raft: Option<Handle>,
    ) -> Arc<Self> {
        let (links, places) = (Mutex::default(), Mutex::default());
        let refused = AtomicBool::new(false);
        Arc::new(Self { outside, keeper, cluster, identity, raft, links, places, refused })
    }

    /// The wall clock of a peer, if it answers at once.
    pub(crate) async fn wall_clock(&self, peer: &Peer) -> Option<u64> {
        let link = self.link(peer.replica, &peer.address);
        let body = self.exchange(peer.replica, &link, frame::WALL_CLOCK, Bytes::new(), CLOCK).await.ok()?;
        frame::wall_ms(&body)
    }

    /// Whether some replica refused this one since the last call.
    pub(crate) fn take_refused(&self) -> bool {
        self.refused.swap(false, Ordering::Relaxed)
    }

    /// How long ago a peer answered; `None`: never since this process, or the peer's address, is new.
    pub(crate) fn silent_for(&self, replica: u64) -> Option<Duration> {
        let link = self.links.lock().expect("no holder of this lock panics").get(&replica).cloned()?;
        link.heard().answered.map(|at| at.elapsed())
    }

    /// How often a peer refused this replica, was refused by it, or closed a connection before it answered.
    pub(crate) fn refusals(&self, replica: u64) -> u64 {
        let links = self.links.lock().expect("no holder of this lock panics");
        links.get(&replica).map_or(0, |link| link.willing.refusals())
    }

    /// The state says that replicas are here.
    pub(crate) fn learn(&self, places: BTreeMap<u64, Place>) {
        *self.places.lock().expect("no holder of this lock panics") = places;
    }

    pub(super) fn link(&self, replica: u64, told: &str) -> Arc<Link> {
        let known = self.places.lock().expect("no holder of this lock panics").get(&replica).cloned();
        let name = known.as_ref().map(|place| place.name.clone());
        let address = known.as_ref().map_or(told, |place| &place.address);
        let mut links = self.links.lock().expect("no holder of this lock panics");
        if let Some(link) = links.get(&replica).filter(|link| link.address == address && link.name == name) {
            return link.clone();
        }
        let willing = Willing::new(replica);
        let link = Arc::new(Link {
            address: address.to_owned(),
            heard: Mutex::default(),
            line: Mutex::new(self.dial(address, name.as_deref(), &willing)),
            willing,
            name,
            token: tokio::sync::Mutex::default(),
            talking: tokio::sync::Mutex::default(),
            road: Mutex::default(),
        });
        links.insert(replica, link.clone());
        link
    }

    fn dial(&self, address: &str, name: Option<&str>, willing: &Willing) -> Line {
        let _there = self.raft.as_ref().map(Handle::enter);
        let wanted = name.map_or_else(Wanted::any_replica, Wanted::replica);
        let (outside, alive) = (self.outside.wanting(&wanted), Arc::new(()));
        let net = Dialled { inner: outside.net.clone(), willing: willing.clone(), alive: Arc::downgrade(&alive) };
        let channel = dial(&Outside { net: Arc::new(net), ..outside }, address, CONNECT);
        Line { channel, _alive: alive }
    }

    pub(super) async fn exchange(
        &self,
        to: u64,
        link: &Link,
        kind: u32,
        body: Bytes,
        limit: Duration,
    ) -> Result<Bytes, Unreachable> {
        // Heartbeats come this way, and Raft gives each of them up before its limit.
        if link.heard().is_silent(Instant::now()) {
            tracing::debug!(replica = to, "silent: another connection is made");
            self.reconnect(link);
        }
        link.heard().ask(Instant::now());
        let work = async {
            let token = self.token(to, link).await?;
            let sent = link.client().raft(self.frame(to, kind, token.clone(), body)).await;
            let answer = sent.map_err(|status| unreachable(status.message()))?.into_inner();
            self.understood(link, &token, answer).await
        };
        match timeout(limit, work).await {
            Ok(done) => done,
            Err(_) => {
                // The connection may hang for good: the next call makes another one.
                self.reconnect(link);
                Err(unreachable("no answer in time"))
            }
        }
    }

    pub(super) async fn exchange_stream(
        self: Arc<Self>,
        to: u64,
        link: Arc<Link>,
        kind: u32,
        chunks: BoxStream<'static, Bytes>,
        limit: Duration,
    ) -> Result<Bytes, Unreachable> {
        let deadline = Instant::now() + limit;
        let late = |_| unreachable("no answer in time");
        // Boxed with what they use: the compiler cannot see through borrows beside a boxed stream.
        let token = timeout_at(deadline, self.clone().owned_token(to, link.clone())).await.map_err(late)??;
        let template = self.frame(to, kind, token.clone(), Bytes::new());
        let sent = timeout_at(deadline, send_all(link.client(), template, chunks)).await.map_err(late)?;
        let answer = sent.map_err(|status| unreachable(status.message()))?.into_inner();
        self.owned_understood(link, token, answer).await
    }

    fn owned_token(self: Arc<Self>, to: u64, link: Arc<Link>) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        async move { self.token(to, &link).await }.boxed()
    }

    fn owned_understood(
        self: Arc<Self>,
        link: Arc<Link>,
        token: Bytes,
        answer: RaftFrame,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        async move { self.understood(&link, &token, answer).await }.boxed()
    }

    pub(super) async fn understood(&self, link: &Link, token: &Bytes, answer: RaftFrame) -> Result<Bytes, Unreachable> {
        let Some(failure) = answer.failure else {
            link.heard().answer(Instant::now());
            link.willing.good();
            return Ok(answer.body);
        };
        // The peer restarted, or knows us no more: the next call proves anew who we are.
        let mut held = link.token.lock().await;
        if held.value.as_ref() == Some(token) {
            held.value = None;
        }
        Err(unreachable(&failure.message))
    }

    pub(super) fn frame(&self, to: u64, kind: u32, token: Bytes, body: Bytes) -> RaftFrame {
        RaftFrame {
            token,
            kind,
            body,
            failure: None,
            cluster_id: Bytes::copy_from_slice(&self.identity.cluster_id),
            generation: self.identity.generation,
            from: self.identity.replica,
            to,
            request: 0,
        }
    }

    /// The token of this peer, asked for if there is none.
    pub(super) async fn token(&self, to: u64, link: &Link) -> Result<Bytes, Unreachable> {
        if let Some(why) = link.willing.rests() {
            return Err(unreachable(&why));
        }
        let mut held = link.token.lock().await;
        if let Some(token) = &held.value {
            return Ok(token.clone());
        }
        if held.not_before.is_some_and(|at| Instant::now() < at) {
            return Err(unreachable("it did not answer a moment ago"));
        }
        // Set first: a caller that gives up in between counts as a failure.
        held.not_before = Some(Instant::now() + OPEN_REST);
        let token = timeout(OPEN, self.open(to, link)).await.map_err(|_| unreachable("no answer in time"))??;
        held.value = Some(token.clone());
        Ok(token)
    }

    async fn open(&self, to: u64, link: &Link) -> Result<Bytes, Unreachable> {
        let identity = &self.identity;
        let asked = OpenReplica {
            cluster_id: Bytes::copy_from_slice(&identity.cluster_id),
            generation: identity.generation,
            from: identity.replica,
            to,
            store_id: Bytes::copy_from_slice(&identity.store_id),
        };
        let claim = Claim {
            cluster: self.cluster.clone(),
            cluster_id: asked.cluster_id.clone(),
            request_id: self.outside.random.id().to_vec().into(),
            audience: frame::audience(to),
            sender: frame::audience(identity.replica),
            ..Claim::default()
        };
        let signed = seal(&self.keeper, asked.encode_to_vec(), claim).await;
        let signed = signed.map_err(|why| unreachable(&why.to_string()))?;
        let opened = link.client().open(signed).await.map_err(|status| unreachable(status.message()))?.into_inner();
        match opened.failure {
            Some(failure) => {
                link.willing.refused_in_words(&failure.message);
                self.refused.store(true, Ordering::Relaxed);
                Err(unreachable(&failure.message))
            }
            None => {
                link.willing.good();
                Ok(opened.token)
            }
        }
    }

    /// Whoever waits on the old connection hears that it broke.
    pub(super) fn reconnect(&self, link: &Link) {
        let fresh = self.dial(&link.address, link.name.as_deref(), &link.willing);
        *link.line.lock().expect("no holder of this lock panics") = fresh;
        link.heard().begin_anew();
        if let Some(waiting) = link.road.lock().expect("no holder of this lock panics").take() {
            waiting.end();
        }
    }
}

/// Through a channel: a boxed stream inside of a call hides from the compiler that all of it may move between threads.
fn send_all(
    mut client: ReplicaClient<Channel>,
    template: RaftFrame,
    mut chunks: BoxStream<'static, Bytes>,
) -> BoxFuture<'static, Result<tonic::Response<RaftFrame>, tonic::Status>> {
    let (put, frames) = mpsc::channel(FRAMES_AHEAD_MAX);
    tokio::spawn(async move {
        while let Some(body) = chunks.next().await {
            if put.send(RaftFrame { body, ..template.clone() }).await.is_err() {
                return;
            }
        }
    });
    async move { client.snapshot(ReceiverStream::new(frames)).await }.boxed()
}

//! The replica door: Raft's frames, from those that proved to be root or SlurmUser and a replica of this cluster.
//!
//! A channel opens with a credential bound to the cluster and to both replica ids; from then on each frame carries the
//! token that it was given, which ends with this process and goes with the certificate that was shown, and says cluster, generation and both ids. Raft's own thread
//! serves this door, so that nothing lies between its socket and Raft. What is inside of a frame is raft-store's affair.

mod dialled;
mod frame;
mod hearing;
mod link;
mod patience;
mod road;
mod talk;
mod tokens;
mod transport;
mod waiting;

pub(crate) use road::Road;
pub(crate) use transport::{PeerTransport, Place};

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use muster_channel::Peer;
use muster_channel::tls::Role;
use muster_dialect::errno;
use muster_model::cluster::Cluster;
use muster_proto::wire::replica_server::Replica;
use muster_proto::wire::{Failure, OpenReplica, RaftFrame, ReplicaOpened, Signed};
use muster_raft_store::RaftKind;
use prost::Message;
use tokio::runtime::Handle;
use tonic::{Request, Response, Status, Streaming};

use self::tokens::Tokens;
use super::peer;
use crate::counters::add_one;
use crate::member::Member;
use crate::seat::Seat;

/// Frames of one open road that are answered at once; the rest waits in the network.
const FRAMES_AT_ONCE_MAX: usize = 64;

/// Serves the other replicas. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ReplicaDoor {
    seat: Arc<Seat>,
    tokens: Arc<Tokens>,
    /// Where snapshots are taken in: not on Raft's own thread, which serves everything else here.
    aside: Handle,
}

impl ReplicaDoor {
    /// A door that takes in snapshots on the current runtime.
    pub(crate) fn new(seat: Arc<Seat>) -> Self {
        Self { seat, tokens: Arc::default(), aside: Handle::current() }
    }

    async fn opened(&self, signed: &Signed, peer: &Peer) -> Result<Bytes, Failure> {
        may_be_replica(peer, None)?;
        let member = self.seat.member().ok_or_else(|| refused("not a replica of any cluster yet"))?;
        let audience = frame::audience(member.core.identity.replica);
        let speaker = self.seat.verify(signed, &audience).await.map_err(|why| refused(&why.to_string()))?;
        if !self.seat.is_admin(speaker.uid) {
            return Err(refused("only root and SlurmUser speak for a replica"));
        }
        let asked = OpenReplica::decode(&signed.request[..]).map_err(|_| refused("not an OpenReplica"))?;
        check(&member, &asked)?;
        let name = member.core.read(|cluster| cluster.replica(asked.from).map(|row| row.name.clone()));
        may_be_replica(peer, name.as_deref())?;
        Ok(self.tokens.mint(asked.from, peer.name(), self.seat.outside.random.id()))
    }

    /// The member, when `frame` comes from whom it says, and is for us.
    fn admit(&self, frame: &RaftFrame, peer: &Peer) -> Result<Arc<Member>, Failure> {
        let member = self.seat.member().ok_or_else(|| refused("not a replica of any cluster yet"))?;
        let identity = &member.core.identity;
        if !self.tokens.holds(&frame.token, frame.from, peer.name()) {
            add_one(&self.seat.counters.refused_frames);
            return Err(refused("unknown token"));
        }
        let ours = frame.cluster_id[..] == identity.cluster_id && frame.generation == identity.generation;
        if !ours || frame.to != identity.replica {
            add_one(&self.seat.counters.refused_frames);
            return Err(refused("a frame for another replica, cluster or generation"));
        }
        if was_removed(&member, frame.from) {
            add_one(&self.seat.counters.refused_frames);
            return Err(refused("a retired replica"));
        }
        member.heard.note(frame.from);
        Ok(member)
    }

    async fn handled(&self, frame: RaftFrame, peer: &Peer) -> Result<Bytes, Failure> {
        let member = self.admit(&frame, peer)?;
        if frame.kind == frame::WALL_CLOCK {
            return Ok(Bytes::copy_from_slice(&(self.seat.outside.wall_ms)().to_be_bytes()));
        }
        let kind =
            RaftKind::from_number(frame.kind).ok_or_else(|| refused("a kind of frame that is not known here"))?;
        member.core.replica.handle(frame.from, kind, frame.body).await.map_err(|why| refused(&why))
    }

    async fn numbered(self, frame: RaftFrame, peer: Arc<Peer>) -> RaftFrame {
        let request = frame.request;
        RaftFrame { request, ..frame::answer(self.handled(frame, &peer).await) }
    }

    async fn snapshot_handled(self, peer: Peer, mut frames: Streaming<RaftFrame>) -> Result<Bytes, Failure> {
        let first = frames.message().await.ok().flatten().ok_or_else(|| refused("no frame"))?;
        let member = self.admit(&first, &peer)?;
        let kind =
            RaftKind::from_number(first.kind).ok_or_else(|| refused("a kind of frame that is not known here"))?;
        let (token, first_from) = (first.token.clone(), first.from);
        // A cut or strange stream ends early; raft-store sees by its checksums that it is not whole.
        let rest = frames.take_while(move |frame| {
            let same = frame.as_ref().is_ok_and(|frame| frame.token == token);
            async move { same }
        });
        let rest = rest.filter_map(|frame| async move { frame.ok().map(|frame| frame.body) });
        let chunks = futures::stream::once(async move { first.body }).chain(rest).boxed();
        member.core.replica.handle_stream(first_from, kind, chunks).await.map_err(|why| refused(&why))
    }
}

fn check(member: &Member, asked: &OpenReplica) -> Result<(), Failure> {
    let identity = &member.core.identity;
    if asked.cluster_id[..] != identity.cluster_id {
        return Err(refused("a replica of another cluster"));
    }
    if asked.generation != identity.generation {
        return Err(refused(&format!("generation {}, here it is {}", asked.generation, identity.generation)));
    }
    if asked.to != identity.replica {
        return Err(refused("meant for another replica"));
    }
    member.core.read(|cluster| match cluster.replica(asked.from) {
        Some(row) if row.retired => Err(refused("a retired replica")),
        Some(row) if row.store_id != asked.store_id => Err(refused("its store is not the one that was admitted")),
        Some(_) => Ok(()),
        // Admitted, perhaps, by entries that have not come here yet.
        None if asked.from >= cluster.meta().next_replica => Ok(()),
        None => Err(refused("not a replica of this cluster")),
    })
}

/// A token outlives the membership that it was given in. Until the others go on without this replica its vote may be needed.
fn was_removed(member: &Member, replica: u64) -> bool {
    let retired = |cluster: &Cluster| cluster.replica(replica).is_some_and(|row| row.retired);
    !member.core.replica.is_member(replica) && member.core.read(retired)
}

/// A certificate of a replica, where the site has them; of the one that is named.
fn may_be_replica(peer: &Peer, name: Option<&str>) -> Result<(), Failure> {
    peer.check(Role::Replica, name).map_err(|why| refused(&why.to_string()))
}

fn refused(why: &str) -> Failure {
    Failure { error: errno::SLURM_COMMUNICATIONS_REJECTED.code, message: why.to_owned(), ..Failure::default() }
}

#[tonic::async_trait]
impl Replica for ReplicaDoor {
    async fn open(&self, request: Request<Signed>) -> Result<Response<ReplicaOpened>, Status> {
        let peer = peer(&request)?;
        let opened = match self.opened(request.get_ref(), &peer).await {
            Ok(token) => ReplicaOpened { token, failure: None },
            Err(failure) => {
                // An empty seat hears from a leader that has admitted it before it knows that itself.
                match self.seat.member() {
                    Some(_) => tracing::warn!(why = failure.message, "a replica was refused"),
                    None => tracing::debug!(why = failure.message, "a replica was refused"),
                }
                ReplicaOpened { token: Bytes::new(), failure: Some(failure) }
            }
        };
        Ok(Response::new(opened))
    }

    async fn raft(&self, request: Request<RaftFrame>) -> Result<Response<RaftFrame>, Status> {
        let peer = peer(&request)?;
        Ok(Response::new(frame::answer(self.handled(request.into_inner(), &peer).await)))
    }

    type ConverseStream = BoxStream<'static, Result<RaftFrame, Status>>;

    /// Frames reach Raft in the order in which they came. The road ends with the first that is refused.
    async fn converse(&self, request: Request<Streaming<RaftFrame>>) -> Result<Response<Self::ConverseStream>, Status> {
        let (door, peer) = (self.clone(), Arc::new(peer(&request)?));
        let frames = request.into_inner().scan((), |(), frame| std::future::ready(frame.ok()));
        let answers =
            frames.map(move |frame| door.clone().numbered(frame, peer.clone())).buffer_unordered(FRAMES_AT_ONCE_MAX);
        let answers = answers.scan(false, |ended, answer| {
            let goes_out = !std::mem::replace(ended, answer.failure.is_some());
            std::future::ready(goes_out.then_some(Ok(answer)))
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn snapshot(&self, request: Request<Streaming<RaftFrame>>) -> Result<Response<RaftFrame>, Status> {
        let peer = peer(&request)?;
        let handled = self.aside.spawn(self.clone().snapshot_handled(peer, request.into_inner())).await;
        let handled = handled.unwrap_or_else(|_| Err(refused("stopping")));
        Ok(Response::new(frame::answer(handled)))
    }
}

//! The doors: everything that reaches this controller from outside comes through one of them.
//!
//! - [`client`]: requests of users and operators, on SlurmctldPort; [`limits`] says how many.
//! - [`node`]: the session of each node with the leader, on the same port.
//! - [`replica`]: Raft's frames, on a port of its own.
//!
//! A door bounds, believes and translates; what may be done is decided by `model`, in apply.

pub(crate) mod client;
pub(crate) mod limits;
pub(crate) mod node;
pub(crate) mod replica;

use std::sync::Arc;

use muster_channel::{MESSAGE_BYTES_MAX, Peer, REPLY_BYTES_MAX};
use muster_proto::wire::controller_server::{Controller, ControllerServer};
use muster_proto::wire::replica_server::ReplicaServer;
use muster_proto::wire::{NodeDown, NodeUp, Reply, Signed, SnapshotPiece, Watched};
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::listing::Sharing;
use crate::seat::Seat;

/// Serves clients and nodes.
struct ControllerDoor {
    seat: Arc<Seat>,
    client: client::ClientDoor,
}

#[tonic::async_trait]
impl Controller for ControllerDoor {
    type SessionStream = ReceiverStream<Result<NodeDown, Status>>;

    async fn call(&self, request: Request<Signed>) -> Result<Response<Reply>, Status> {
        let peer = peer(&request)?;
        self.client.call(request.into_inner(), &peer).await
    }

    type SaveSnapshotStream = ReceiverStream<Result<SnapshotPiece, Status>>;

    async fn save_snapshot(&self, request: Request<Signed>) -> Result<Response<Self::SaveSnapshotStream>, Status> {
        let peer = peer(&request)?;
        self.client.save_snapshot(request.into_inner(), &peer).await.map(Response::new)
    }

    type WatchStream = ReceiverStream<Result<Watched, Status>>;

    async fn watch(&self, request: Request<Signed>) -> Result<Response<Self::WatchStream>, Status> {
        let peer = peer(&request)?;
        self.client.watch(request.into_inner(), &peer).await.map(Response::new)
    }

    async fn session(&self, request: Request<Streaming<NodeUp>>) -> Result<Response<Self::SessionStream>, Status> {
        let peer = peer(&request)?;
        Ok(Response::new(node::open(self.seat.clone(), peer, request.into_inner())))
    }
}

/// Who opened the connection that a request came on.
fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    Peer::of(request).map_err(|why| Status::unauthenticated(why.to_string()))
}

/// What is served on the client door.
pub(crate) fn client_routes(seat: Arc<Seat>) -> Routes {
    let door = ControllerDoor { client: client::ClientDoor::new(seat.clone()), seat: seat.clone() };
    let server = ControllerServer::new(door)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(REPLY_BYTES_MAX);
    crate::http::beside(Routes::new(Sharing(server)), seat)
}

/// What is served on the replica door.
pub(crate) fn replica_routes(seat: Arc<Seat>) -> Routes {
    let server = ReplicaServer::new(replica::ReplicaDoor::new(seat))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    Routes::new(server)
}

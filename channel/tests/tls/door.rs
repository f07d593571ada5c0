//! A server that answers what it makes of its peer, and a client of it.

use std::sync::Arc;
use std::time::Duration;

use muster_channel::tls::{Role, Tls, TlsNet, Wanted};
use muster_channel::{Net, Outside, Peer, Tcp, dial, serve};
use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::controller_server::{Controller, ControllerServer};
use muster_proto::wire::{NodeDown, NodeUp, Pong, Reply, Signed, SnapshotPiece, Watched, reply};
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

struct Told;

#[tonic::async_trait]
impl Controller for Told {
    type SessionStream = ReceiverStream<Result<NodeDown, Status>>;
    type WatchStream = ReceiverStream<Result<Watched, Status>>;
    type SaveSnapshotStream = ReceiverStream<Result<SnapshotPiece, Status>>;

    async fn watch(&self, _: Request<Signed>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn save_snapshot(&self, _: Request<Signed>) -> Result<Response<Self::SaveSnapshotStream>, Status> {
        Err(Status::unimplemented(""))
    }

    /// As node n1, as a replica, as a client: three lines.
    async fn call(&self, request: Request<Signed>) -> Result<Response<Reply>, Status> {
        let peer = Peer::of(&request).unwrap();
        let line = |checked: Result<String, String>| checked.unwrap_or_else(|why| why);
        let node = peer.check(Role::Node, Some("n1")).map(|()| "ok".to_owned()).map_err(|why| why.to_string());
        let replica = peer.check(Role::Replica, None).map(|()| "ok".to_owned()).map_err(|why| why.to_string());
        let client = peer.check_client().map(|user| user.unwrap_or("ok").to_owned()).map_err(|why| why.to_string());
        let name = [line(node), line(replica), line(client)].join("\n");
        let pong = Pong { name, ..Pong::default() };
        Ok(Response::new(Reply { body: Some(reply::Body::Pong(pong)), age: None }))
    }

    async fn session(&self, _: Request<Streaming<NodeUp>>) -> Result<Response<Self::SessionStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// Serves until the test ends; the address.
pub(crate) async fn open(tls: Option<Arc<Tls>>) -> String {
    let listener = outside(tls).net.listen("127.0.0.1:0").await.unwrap();
    let address = listener.address().unwrap();
    tokio::spawn(serve(listener, Routes::new(ControllerServer::new(Told)), std::future::pending()));
    address
}

fn outside(tls: Option<Arc<Tls>>) -> Outside {
    let net: Arc<dyn Net> = match tls {
        Some(tls) => Arc::new(TlsNet::new(Arc::new(Tcp), tls)),
        None => Arc::new(Tcp),
    };
    Outside { net, ..Outside::real() }
}

/// What the server said, or why it could not be asked.
pub(crate) async fn ask(tls: Option<Arc<Tls>>, wanted: &Wanted, address: &str) -> Result<Vec<String>, String> {
    let channel = dial(&outside(tls).wanting(wanted), address, Duration::from_secs(10));
    let answer = ControllerClient::new(channel).call(Signed::default()).await;
    match answer.map_err(|status| status.message().to_owned())?.into_inner().body {
        Some(reply::Body::Pong(pong)) => Ok(pong.name.lines().map(str::to_owned).collect()),
        other => Err(format!("{other:?}")),
    }
}

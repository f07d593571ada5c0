//! A snapshot whose controller goes away is begun anew at another one, a few times.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use muster_channel::{CallError, Client, ClientOptions, NoAuth, Outside, serve};
use muster_proto::wire::controller_server::{Controller, ControllerServer};
use muster_proto::wire::{NodeDown, NodeUp, Reply, Signed, SnapshotPiece, Watched};
use tokio_stream::Iter;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

type Pieces<T> = Iter<std::vec::IntoIter<Result<T, Status>>>;

/// What it sends to each who asks, and for how many it is not ready before.
#[derive(Clone)]
struct Door {
    pieces: Vec<Result<SnapshotPiece, Status>>,
    unready: Arc<AtomicUsize>,
}

#[tonic::async_trait]
impl Controller for Door {
    type SaveSnapshotStream = Pieces<SnapshotPiece>;
    type SessionStream = Pieces<NodeDown>;
    type WatchStream = Pieces<Watched>;

    async fn save_snapshot(&self, _: Request<Signed>) -> Result<Response<Self::SaveSnapshotStream>, Status> {
        let one_less = |left: usize| left.checked_sub(1);
        if self.unready.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            return Err(Status::unavailable("an election"));
        }
        Ok(Response::new(tokio_stream::iter(self.pieces.clone())))
    }

    async fn call(&self, _: Request<Signed>) -> Result<Response<Reply>, Status> {
        Err(Status::unimplemented("snapshots only"))
    }

    async fn watch(&self, _: Request<Signed>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("snapshots only"))
    }

    async fn session(&self, _: Request<Streaming<NodeUp>>) -> Result<Response<Self::SessionStream>, Status> {
        Err(Status::unimplemented("snapshots only"))
    }
}

async fn open(pieces: Vec<Result<SnapshotPiece, Status>>, unready: usize) -> String {
    let listener = Outside::real().net.listen("127.0.0.1:0").await.expect("a port");
    let address = listener.address().expect("it has one");
    let door = Door { pieces, unready: Arc::new(unready.into()) };
    tokio::spawn(serve(listener, Routes::new(ControllerServer::new(door)), std::future::pending()));
    address
}

fn client(controllers: Vec<String>) -> Client {
    let patience = Duration::from_secs(20);
    let (cluster, host, program) = ("c".to_owned(), "here".to_owned(), "test".to_owned());
    let options = ClientOptions { cluster, controllers, host, program, one_try: patience, give_up: patience };
    Client::new(Outside::real(), Arc::new(NoAuth::new(0, 0)), options)
}

fn piece(data: &'static str, ends: bool) -> Result<SnapshotPiece, Status> {
    Ok(SnapshotPiece { data: data.as_bytes().into(), ends, ..SnapshotPiece::default() })
}

#[tokio::test]
async fn a_snapshot_that_breaks_off_is_whole_at_another_controller() {
    let killed = open(vec![piece("half", false), Err(Status::unavailable("killed"))], 0).await;
    let other = open(vec![piece("all", false), piece("", true)], 1).await;
    let client = client(vec![killed, other]);
    let mut saving = client.save_snapshot().await.expect("it begins");
    assert_eq!(saving.next().await.expect("a piece").data, "half".as_bytes());
    assert!(matches!(saving.next().await, Err(CallError::Unreachable)));
    saving.again().await.expect("it begins anew");
    // The first that is ready after the election may be the one that breaks off.
    let mut data = saving.next().await.expect("a piece").data;
    if data == "half".as_bytes() {
        saving.again().await.expect("it begins anew");
        data = saving.next().await.expect("a piece").data;
    }
    assert_eq!(data, "all".as_bytes());
    assert!(saving.next().await.expect("the end").ends);
}

#[tokio::test]
async fn what_breaks_off_each_time_is_given_up() {
    let client = client(vec![open(vec![piece("half", false)], 0).await]);
    let mut saving = client.save_snapshot().await.expect("it begins");
    let mut begun = 1;
    while saving.again().await.is_ok() {
        begun += 1;
    }
    assert_eq!(begun, 5);
}

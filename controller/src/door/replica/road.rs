//! What raft-store is given to reach the other replicas.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use muster_raft_store::{Peer, RaftKind, Talk, Transport, Unreachable};
use tokio::time::timeout;

use super::link::{Link, unreachable};
use super::talk::Talking;
use super::transport::{OPEN, PeerTransport};
use super::waiting::Waiting;

/// Its futures own what they use.
pub(crate) struct Road(pub(crate) Arc<PeerTransport>);

impl Transport for Road {
    fn talk(&self, to: &Peer, limit: Duration) -> BoxFuture<'static, Result<Arc<dyn Talk>, Unreachable>> {
        talk(self.0.clone(), to.replica, self.0.link(to.replica, &to.address), limit).boxed()
    }

    fn call(
        &self,
        to: &Peer,
        kind: RaftKind,
        body: Bytes,
        limit: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let (transport, link, to) = (self.0.clone(), self.0.link(to.replica, &to.address), to.replica);
        async move { transport.exchange(to, &link, kind as u32, body, limit).await }.boxed()
    }

    fn stream(
        &self,
        to: &Peer,
        kind: RaftKind,
        chunks: BoxStream<'static, Bytes>,
        limit: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let (transport, link, to) = (self.0.clone(), self.0.link(to.replica, &to.address), to.replica);
        transport.exchange_stream(to, link, kind as u32, chunks, limit).boxed()
    }
}

/// The open road, or a new one.
async fn talk(
    transport: Arc<PeerTransport>,
    to: u64,
    link: Arc<Link>,
    limit: Duration,
) -> Result<Arc<dyn Talk>, Unreachable> {
    let mut talking = link.talking.lock().await;
    if let Some(open) = talking.as_ref().filter(|_| !link.is_broken()) {
        return Ok(open.clone());
    }
    *talking = None;
    let waiting = Waiting::default();
    *link.road.lock().expect("no holder of this lock panics") = Some(waiting.clone());
    let opening = Talking::open(transport.clone(), to, link.clone(), waiting.clone());
    let opened = tokio::select! {
        opened = timeout(limit.min(OPEN), opening) => opened,
        () = waiting.ended() => return Err(unreachable("the road to it broke")),
    };
    let Ok(opened) = opened else {
        transport.reconnect(&link);
        return Err(unreachable("no answer in time"));
    };
    let opened: Arc<dyn Talk> = opened?;
    *talking = Some(opened.clone());
    Ok(opened)
}

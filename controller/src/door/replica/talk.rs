//! The road that stays open to one peer: frames out in their order, answers back by their number.
//!
//! ```text
//! ask ─► numbered frame ─► one gRPC stream ─► peer's replica door ─► Raft
//!  ▲                                                                   │
//!  └── who waits for that number ◄── reader ◄──────────────────────────┘
//! ```
//!
//! Whatever goes wrong breaks the whole road, and the next caller opens another one: a frame that were lost while later
//! ones arrived would look like a log that was lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use muster_proto::wire::RaftFrame;
use muster_raft_store::{RaftKind, Talk, Unreachable};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::link::{Link, unreachable};
use super::transport::PeerTransport;
use super::waiting::{NO_FRAME, Place, Waiting};

/// Frames that wait for the network. Raft itself has fewer under way.
const FRAMES_WAITING_MAX: usize = 256;

/// See the module.
pub(super) struct Talking {
    // Weak: they hold this road.
    transport: Weak<PeerTransport>,
    link: Weak<Link>,
    /// Says who speaks to whom, with which token.
    template: RaftFrame,
    out: mpsc::Sender<RaftFrame>,
    number: AtomicU64,
    waiting: Waiting,
}

/// A frame on its way.
struct Sent {
    place: Place,
    answered: oneshot::Receiver<RaftFrame>,
    transport: Arc<PeerTransport>,
    link: Arc<Link>,
}

impl Talking {
    /// Proves who we are, if the peer does not know yet, and opens the stream.
    pub(super) async fn open(
        transport: Arc<PeerTransport>,
        to: u64,
        link: Arc<Link>,
        waiting: Waiting,
    ) -> Result<Arc<Self>, Unreachable> {
        let token = transport.token(to, &link).await?;
        let template = transport.frame(to, RaftKind::Append as u32, token, Bytes::new());
        let (out, frames) = mpsc::channel(FRAMES_WAITING_MAX);
        let opened = link.client().converse(ReceiverStream::new(frames)).await;
        let answers = opened.map_err(|status| unreachable(status.message()))?.into_inner();
        tokio::spawn(read_answers(answers, waiting.clone()));
        let (transport, link) = (Arc::downgrade(&transport), Arc::downgrade(&link));
        Ok(Arc::new(Self { transport, link, template, out, number: AtomicU64::new(NO_FRAME + 1), waiting }))
    }

    fn send(&self, kind: RaftKind, body: Bytes) -> Option<Sent> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let answered = self.waiting.wait_for(number)?;
        let place = Place { waiting: self.waiting.clone(), number };
        let frame = RaftFrame { request: number, kind: kind as u32, body, ..self.template.clone() };
        self.out.try_send(frame).ok()?;
        Some(Sent { place, answered, transport: self.transport.upgrade()?, link: self.link.upgrade()? })
    }
}

/// Hands out answers until the stream ends.
async fn read_answers(mut answers: Streaming<RaftFrame>, waiting: Waiting) {
    while let Ok(Some(answer)) = answers.message().await {
        if let Some(asked) = waiting.take(answer.request) {
            // Whoever went away does not care.
            let _ = asked.send(answer);
        }
    }
    waiting.end();
}

impl Talk for Talking {
    fn ask(&self, kind: RaftKind, body: Bytes, limit: Duration) -> BoxFuture<'static, Result<Bytes, Unreachable>> {
        let Some(Sent { place, answered, transport, link }) = self.send(kind, body) else {
            self.waiting.end();
            return std::future::ready(Err(unreachable("the road to it broke"))).boxed();
        };
        let token = self.template.token.clone();
        async move {
            match timeout(limit, answered).await {
                Ok(Ok(answer)) => {
                    let understood = transport.understood(&link, &token, answer).await;
                    understood.inspect_err(|_| place.waiting.end())
                }
                Ok(Err(_)) => Err(unreachable("the road to it broke")),
                Err(_) => {
                    // The connection may hang for good: the next road goes over another one.
                    place.waiting.end();
                    transport.reconnect(&link);
                    Err(unreachable("no answer in time"))
                }
            }
        }
        .boxed()
    }
}

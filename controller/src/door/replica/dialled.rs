//! A peer's connections, watched for what they come to: `Patience` hears of those that the peer refused or closed before it
//! answered, and nothing is dialled while it says so.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, ready};

use muster_channel::tls::HandshakeFailed;
use muster_channel::{BoxFuture, BoxStream, Listener, Net};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant};

use super::patience::{CERTIFICATE_MAX, PASSING_MAX, Patience};

/// What is known of one peer's willingness. Cheap to clone.
#[derive(Clone)]
pub(super) struct Willing {
    replica: u64,
    patience: Arc<Mutex<Patience>>,
}

impl Willing {
    pub(super) fn new(replica: u64) -> Self {
        Self { replica, patience: Arc::default() }
    }

    fn patience(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().expect("no holder of this lock panics")
    }

    /// Why the peer is left alone for now.
    pub(super) fn rests(&self) -> Option<String> {
        let why = self.patience().rests(Instant::now())?.to_owned();
        Some(format!("it refused a moment ago: {why}"))
    }

    /// Its door said no.
    pub(super) fn refused_in_words(&self, why: &str) {
        self.patience().answered(Instant::now());
        self.refused(why, PASSING_MAX);
    }

    fn refused(&self, why: &str, max: Duration) {
        if self.patience().refused(why, max, Instant::now()) {
            let replica = self.replica;
            tracing::warn!(replica, why, "a replica refuses this one, or is refused: it is tried ever more seldom");
        }
    }

    pub(super) fn good(&self) {
        if self.patience().good(Instant::now()) {
            tracing::info!(replica = self.replica, "a replica that refused this one answers again");
        }
    }

    /// Refusals so far.
    pub(super) fn refusals(&self) -> u64 {
        self.patience().count()
    }
}

/// The network of one channel to the peer. Whoever holds `alive` still uses it: what becomes of connections that were given
/// up tells nothing.
pub(super) struct Dialled {
    pub(super) inner: Arc<dyn Net>,
    pub(super) willing: Willing,
    pub(super) alive: Weak<()>,
}

impl Net for Dialled {
    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<BoxStream>> {
        if let Some(why) = self.willing.rests() {
            return Box::pin(std::future::ready(Err(io::Error::new(io::ErrorKind::ConnectionRefused, why))));
        }
        let (connecting, willing, alive) = (self.inner.connect(address), self.willing.clone(), self.alive.clone());
        Box::pin(async move {
            let made = Instant::now();
            match connecting.await {
                Ok(stream) => Ok(Box::new(Unproven { stream, made, willing, alive, ended: false }) as BoxStream),
                Err(why) => {
                    match HandshakeFailed::behind(&why) {
                        Some(failed) if failed.only_closed => willing.refused(&why.to_string(), PASSING_MAX),
                        Some(_) => willing.refused(&why.to_string(), CERTIFICATE_MAX),
                        None => willing.patience().nobody_there(),
                    }
                    Err(why)
                }
            }
        })
    }

    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        self.inner.listen(address)
    }
}

/// A connection that is good once the peer has answered on it.
struct Unproven {
    stream: BoxStream,
    made: Instant,
    willing: Willing,
    alive: Weak<()>,
    ended: bool,
}

impl Unproven {
    /// The peer closed it.
    fn end(&mut self) {
        let first = !std::mem::replace(&mut self.ended, true);
        if first && self.alive.strong_count() > 0 && !self.willing.patience().has_answered_since(self.made) {
            self.willing.refused("it closed the connection before it answered", PASSING_MAX);
        }
    }

    fn judged<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|_| self.end())
    }
}

impl AsyncRead for Unproven {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        if room > 0 && buf.remaining() == room {
            self.end();
        }
        Poll::Ready(self.judged(read))
    }
}

impl AsyncWrite for Unproven {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, data);
        written.map(|written| self.judged(written))
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, data);
        written.map(|written| self.judged(written))
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        flushed.map(|flushed| self.judged(flushed))
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use muster_channel::{Outside, dial};
    use muster_proto::wire::RaftFrame;
    use muster_proto::wire::replica_client::ReplicaClient;

    use super::*;

    /// A peer whose process takes connections and closes them, or is not there.
    #[derive(Clone, Default)]
    struct Closing {
        dials: Arc<AtomicUsize>,
        gone: Arc<Mutex<bool>>,
    }

    impl Net for Closing {
        fn connect(&self, _: &str) -> BoxFuture<'static, io::Result<BoxStream>> {
            self.dials.fetch_add(1, Ordering::Relaxed);
            let gone = *self.gone.lock().unwrap();
            let (ours, _closed) = tokio::io::duplex(1024);
            let made =
                if gone { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(Box::new(ours) as BoxStream) };
            Box::pin(std::future::ready(made))
        }

        fn listen(&self, _: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
            unreachable!("it only dials")
        }
    }

    const CALLS: usize = 200;

    /// How many connections so many calls led to.
    async fn dials(net: &Closing, willing: &Willing) -> usize {
        let alive = Arc::new(());
        let dialled = Dialled { inner: Arc::new(net.clone()), willing: willing.clone(), alive: Arc::downgrade(&alive) };
        let channel =
            dial(&Outside { net: Arc::new(dialled), ..Outside::real() }, "peer:1", Duration::from_millis(500));
        for _ in 0..CALLS {
            let answer = ReplicaClient::new(channel.clone()).raft(RaftFrame::default()).await;
            assert!(answer.is_err());
        }
        net.dials.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_peer_that_closes_every_connection_is_dialled_ever_more_seldom() {
        let (net, willing, started) = (Closing::default(), Willing::new(2), Instant::now());
        let dials = dials(&net, &willing).await;
        // At 0, 50, 150, 350, 750, 1250 ms and so on at the earliest, however long the calls take here.
        let pauses: Duration =
            (1..dials).map(|nth| (Duration::from_millis(25) * (1 << nth.min(5))).min(PASSING_MAX)).sum();
        assert!(started.elapsed() >= pauses, "{dials} in {:?}", started.elapsed());
        assert_eq!(willing.refusals(), dials as u64);
        let why = willing.patience().rests(started).map(str::to_owned);
        assert_eq!(why.as_deref(), Some("it closed the connection before it answered"));
    }

    #[tokio::test]
    async fn a_peer_that_is_not_there_is_tried_as_often_as_it_is_asked() {
        let (net, willing) = (Closing::default(), Willing::new(2));
        *net.gone.lock().unwrap() = true;
        assert_eq!(dials(&net, &willing).await, CALLS);
        assert_eq!((willing.refusals(), willing.rests()), (0, None));
    }

    #[tokio::test]
    async fn a_connection_that_was_good_or_was_given_up_may_end() {
        let (alive, willing) = (Arc::new(()), Willing::new(2));
        let dialled = |alive: &Arc<()>| {
            let (inner, alive) = (Arc::new(Closing::default()), Arc::downgrade(alive));
            Dialled { inner, willing: willing.clone(), alive }
        };
        let mut good = dialled(&alive).connect("peer:1").await.unwrap();
        willing.good();
        let mut given_up = dialled(&Arc::new(())).connect("peer:1").await.unwrap();
        for ended in [&mut good, &mut given_up] {
            assert_eq!(tokio::io::AsyncReadExt::read(ended, &mut [0; 8]).await.unwrap(), 0);
        }
        assert_eq!(willing.refusals(), 0);
    }
}

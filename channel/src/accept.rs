//! Connections that a door takes in: as many as this process can bear, and none that never says a word.
//!
//! Without the first bound whoever opens connections takes the files that the daemon needs for its own work; without the
//! second, a few hundred silent ones would keep everybody else out.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep, sleep};
use tonic::transport::server::Connected;

use crate::outside::{BoxStream, Listener};
use crate::tls::Peer;

/// A connection that has said nothing for so long is closed.
const FIRST_WORD: Duration = Duration::from_secs(10);
/// However many files this process may open, there are no more connections than this.
const CONNECTIONS_MAX: u64 = 100_000;
/// Between two warnings that connections are turned away.
const WARN_AGAIN: Duration = Duration::from_secs(60);

/// What one door bears.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    connections_max: usize,
    first_word: Duration,
}

impl Bounds {
    /// Of the files that this process may open, three quarters; the rest is for its own work.
    pub(crate) fn of_process() -> Self {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(CONNECTIONS_MAX);
        let connections_max = (files / 4 * 3).clamp(1, CONNECTIONS_MAX) as usize;
        Self { connections_max, first_word: FIRST_WORD }
    }
}

/// Accepts until the server goes. A failing `accept` (out of files, say) is waited out, never fatal.
pub(crate) async fn accept_loop(
    mut listener: Box<dyn Listener>,
    bounds: Bounds,
    accepted: mpsc::Sender<io::Result<Accepted>>,
) {
    let room = Arc::new(Semaphore::new(bounds.connections_max));
    let mut warned: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Closed at once: who is turned away asks another controller, who waits in the kernel's queue cannot.
                let Ok(place) = room.clone().try_acquire_owned() else {
                    if warned.is_none_or(|when| when.elapsed() >= WARN_AGAIN) {
                        warned = Some(Instant::now());
                        tracing::warn!(connections = bounds.connections_max, "too many connections: more are closed");
                    }
                    continue;
                };
                let silence = Some(Box::pin(sleep(bounds.first_word)));
                if accepted.send(Ok(Accepted { stream, peer, silence, _place: place })).await.is_err() {
                    return;
                }
            }
            // Out of file descriptors, or the peer left between: either passes.
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// A connection, as the server reads it.
pub(crate) struct Accepted {
    stream: BoxStream,
    peer: Peer,
    /// Until its first word.
    silence: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Connected for Accepted {
    type ConnectInfo = Peer;
    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            self.silence = None;
            return read;
        }
        match &mut self.silence {
            Some(silence) => silence.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::Outside;

    async fn door(bounds: Bounds) -> (String, mpsc::Receiver<io::Result<Accepted>>) {
        let listener = Outside::real().net.listen("127.0.0.1:0").await.unwrap();
        let address = listener.address().unwrap();
        let (accepted, incoming) = mpsc::channel(1);
        tokio::spawn(accept_loop(listener, bounds, accepted));
        (address, incoming)
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_given_up_and_one_that_spoke_is_not() {
        let bounds = Bounds { connections_max: 8, first_word: Duration::from_millis(1) };
        let (address, mut incoming) = door(bounds).await;
        let _silent = TcpStream::connect(&address).await.unwrap();
        let mut taken = incoming.recv().await.unwrap().unwrap();
        let given_up = taken.read_u8().await.unwrap_err();
        assert_eq!(given_up.kind(), io::ErrorKind::TimedOut);
        let mut speaks = TcpStream::connect(&address).await.unwrap();
        speaks.write_all(b"a").await.unwrap();
        let mut taken = incoming.recv().await.unwrap().unwrap();
        // Its word may be read after the time is over: it counts.
        taken.silence.as_mut().unwrap().as_mut().await;
        assert_eq!(taken.read_u8().await.unwrap(), b'a');
        assert!(taken.silence.is_none());
    }

    #[tokio::test]
    async fn more_connections_than_a_door_bears_are_closed_until_one_goes() {
        let (address, mut incoming) = door(Bounds { connections_max: 2, first_word: FIRST_WORD }).await;
        let mut open = Vec::new();
        for _ in 0..2 {
            open.push(TcpStream::connect(&address).await.unwrap());
        }
        let taken = [incoming.recv().await.unwrap().unwrap(), incoming.recv().await.unwrap().unwrap()];
        let mut turned_away = TcpStream::connect(&address).await.unwrap();
        assert_eq!(turned_away.read(&mut [0]).await.unwrap(), 0);
        drop(taken);
        let _comes_in = TcpStream::connect(&address).await.unwrap();
        assert!(incoming.recv().await.unwrap().is_ok());
    }

    #[test]
    fn a_process_keeps_files_for_its_own_work() {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!((Bounds::of_process().connections_max as u64) < files);
    }
}

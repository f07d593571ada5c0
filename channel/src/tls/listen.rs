//! A listening socket that takes TLS and, so that doors can say what is missing, HTTP in the clear.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::first_byte::{Peeked, TLS, is_http};
use super::identity::Identity;
use super::material::{Tls, WELCOMED};
use super::peer::Peer;
use crate::outside::{BoxFuture, BoxStream, Listener};

/// Handshakes under way at once; beyond it the kernel's backlog holds who comes.
const HANDSHAKES_MAX: usize = 1024;
/// A peer that has not come through the handshake by then is left.
const HANDSHAKE: Duration = Duration::from_secs(3);
/// Connections that wait for the server.
const READY_MAX: usize = 64;
/// A pause after the system's failure to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Refusals are logged once in so long, and counted in between: who knocks must not fill the disk.
const LOG_EVERY_MS: u64 = 1_000;
/// Any byte would do.
const WELCOME: u8 = 1;

type Ready = (BoxStream, Peer);

/// See the module.
pub(super) struct TlsListener {
    ready: mpsc::Receiver<Ready>,
    address: String,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    /// # Errors
    /// The socket has no address.
    pub(super) fn start(inner: Box<dyn Listener>, tls: Arc<Tls>) -> io::Result<Self> {
        let address = inner.address()?;
        let (put, ready) = mpsc::channel(READY_MAX);
        let door = Arc::new(Door { tls, ready: put, refused: AtomicU64::new(0), logged_ms: AtomicU64::new(0) });
        Ok(Self { ready, address, accepting: tokio::spawn(door.accept_loop(inner)) })
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener for TlsListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Ready>> {
        Box::pin(async move { self.ready.recv().await.ok_or_else(|| io::ErrorKind::BrokenPipe.into()) })
    }

    fn address(&self) -> io::Result<String> {
        Ok(self.address.clone())
    }
}

struct Door {
    tls: Arc<Tls>,
    ready: mpsc::Sender<Ready>,
    refused: AtomicU64,
    logged_ms: AtomicU64,
}

impl Door {
    async fn accept_loop(self: Arc<Self>, mut inner: Box<dyn Listener>) {
        let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            match inner.accept().await {
                Ok((stream, peer)) => drop(tokio::spawn(self.clone().greet(stream, peer.address, permit))),
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    async fn greet(self: Arc<Self>, stream: BoxStream, address: String, permit: OwnedSemaphorePermit) {
        let (door, from) = (self.clone(), address.clone());
        let handshake = self.tls.handshake(async move { door.handshake(stream, &from).await });
        let greeted = tokio::time::timeout(HANDSHAKE, handshake).await;
        match greeted {
            Ok(Ok(ready)) => drop(self.ready.send(ready).await),
            Ok(Err(why)) => self.note(&address, &why.to_string()),
            Err(_) => self.note(&address, "no TLS handshake in time"),
        }
        drop(permit);
    }

    async fn handshake(&self, stream: BoxStream, address: &str) -> io::Result<Ready> {
        let (first, stream) = Peeked::wait(stream).await?;
        let (address, rules) = (address.to_owned(), self.tls.rules());
        match first {
            TLS => {
                let material = self.tls.material();
                let config = material.door.clone().ok_or_else(|| io::Error::other("no certificate to show"))?;
                let mut stream = TlsAcceptor::from(config).accept(stream).await?;
                if stream.get_ref().1.alpn_protocol() == Some(WELCOMED) {
                    stream.write_u8(WELCOME).await?;
                    stream.flush().await?;
                }
                let identity = shown(stream.get_ref().1.peer_certificates())?;
                Ok((Box::new(stream), Peer::over_tls(address, identity, rules)))
            }
            clear if is_http(clear) => Ok((Box::new(stream), Peer::in_the_clear(address, rules))),
            _ => Err(io::Error::other("neither TLS nor HTTP")),
        }
    }

    fn note(&self, peer: &str, why: &str) {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        let now_ms = (self.tls.wall_ms)();
        if now_ms.abs_diff(self.logged_ms.load(Ordering::Relaxed)) >= LOG_EVERY_MS {
            self.logged_ms.store(now_ms, Ordering::Relaxed);
            tracing::warn!(peer, refused, "a connection was refused: {why}");
        }
    }
}

/// Checked in the handshake; here it is only read.
fn shown(certificates: Option<&[CertificateDer<'_>]>) -> io::Result<Option<Identity>> {
    let first = certificates.and_then(<[_]>::first);
    first.map(Identity::of).transpose().map_err(io::Error::other)
}

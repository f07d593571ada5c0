//! What a daemon takes from outside, so that the simulation can replace it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use rand::rngs::{OsRng, StdRng};
use rand::{RngCore, SeedableRng, TryRngCore};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Tcp;
use crate::tls::{Peer, Wanted};

/// A future that a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A two-way byte stream: a TCP connection, or the simulation's.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}
/// See [`Stream`].
pub type BoxStream = Box<dyn Stream>;

/// The network. Addresses are `host:port`.
pub trait Net: Send + Sync + 'static {
    /// Opens a connection. The caller sets the time-out.
    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<BoxStream>>;
    /// Whether a connection is TCP as the kernel makes it, with nothing between: what a command may then open itself.
    fn is_plain_tcp(&self) -> bool {
        false
    }
    /// Listens; port 0 picks a free one.
    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>>;
    /// When the first of the certificates that this process shows and believes ends, seconds since the epoch.
    fn certificates_end_s(&self) -> Option<u64> {
        None
    }
    /// This network, where nobody else will do as the other end of a connection. Nothing: it cannot tell who is there.
    fn wanting(&self, _who: &Wanted) -> Option<Arc<dyn Net>> {
        None
    }
}

/// A listening socket.
pub trait Listener: Send + 'static {
    /// The next connection, and who opened it.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, Peer)>>;
    /// Where it listens, as `ip:port`.
    fn address(&self) -> io::Result<String>;
}

/// Milliseconds since the epoch by this host's clock.
pub type WallClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A source of random bytes: the kernel's, or the seed's.
#[derive(Clone)]
pub struct Random(Arc<Mutex<dyn RngCore + Send>>);

impl Random {
    /// The operating system's. Asked each time: a command wants 16 bytes, and would pay more for a generator's set-up.
    pub fn from_os() -> Self {
        Self(Arc::new(Mutex::new(OsRng.unwrap_err())))
    }

    /// The same bytes for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A number of 64 random bits.
    pub fn next_u64(&self) -> u64 {
        self.0.lock().expect("no holder of this lock panics").next_u64()
    }

    /// An id of 16 random bytes.
    pub fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        self.0.lock().expect("no holder of this lock panics").fill_bytes(&mut id);
        id
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.next_u64() % bound
    }
}

/// Everything from outside, handed down at start.
#[derive(Clone)]
pub struct Outside {
    /// Connections.
    pub net: Arc<dyn Net>,
    /// This host's clock.
    pub wall_ms: WallClock,
    /// Ids and jitter.
    pub random: Random,
}

impl Outside {
    /// The same, where connections are to `who` or fail, as far as this network can tell.
    pub fn wanting(&self, who: &Wanted) -> Self {
        Self { net: self.net.wanting(who).unwrap_or_else(|| self.net.clone()), ..self.clone() }
    }

    /// TCP, the system clock and the kernel's randomness.
    pub fn real() -> Self {
        let wall_ms = || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.map_or(0, |since| since.as_millis() as u64)
        };
        Self { net: Arc::new(Tcp), wall_ms: Arc::new(wall_ms), random: Random::from_os() }
    }
}

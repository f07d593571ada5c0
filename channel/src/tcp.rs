//! The real network.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};

use crate::outside::{BoxFuture, BoxStream, Listener, Net};
use crate::tls::Peer;

/// Connections that wait to be accepted: ten thousand nodes come at once when their leader dies. The kernel's own bound
/// (`net.core.somaxconn`, usually as much) holds as well.
const CONNECTIONS_WAITING_MAX: u32 = 4_096;

/// TCP through tokio, without Nagle's delay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Net for Tcp {
    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<BoxStream>> {
        let address = address.to_owned();
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxStream)
        })
    }

    fn is_plain_tcp(&self) -> bool {
        true
    }

    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        let address = address.to_owned();
        Box::pin(async move {
            let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
            for address in lookup_host(address).await? {
                match listen(address) {
                    Ok(listener) => return Ok(Box::new(listener) as Box<dyn Listener>),
                    Err(why) => failed = why,
                }
            }
            Err(failed)
        })
    }
}

/// As `TcpListener::bind` does it, which has room for 128.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(CONNECTIONS_WAITING_MAX)
}

impl Listener for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, Peer)>> {
        Box::pin(async move {
            let (stream, peer) = TcpListener::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as BoxStream, Peer::plain(peer.to_string())))
        })
    }

    fn address(&self) -> io::Result<String> {
        Ok(self.local_addr()?.to_string())
    }
}

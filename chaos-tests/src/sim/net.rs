//! turmoil's network, as the daemons see it.

use std::io;

use muster_channel::{BoxFuture, BoxStream, Listener, Net, Peer};
use turmoil::net::{TcpListener, TcpStream};

/// Connects and listens inside of the simulation. Host names are turmoil's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimNet;

impl Net for SimNet {
    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<BoxStream>> {
        let address = address.to_owned();
        Box::pin(async move { Ok(Box::new(TcpStream::connect(address).await?) as BoxStream) })
    }

    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        // A simulated host has one address: whatever the daemon asked for, it listens on all of it.
        let port = address.rsplit_once(':').map_or("0", |(_, port)| port).to_owned();
        Box::pin(async move {
            let listener = TcpListener::bind(format!("0.0.0.0:{port}")).await?;
            Ok(Box::new(SimListener(listener)) as Box<dyn Listener>)
        })
    }
}

struct SimListener(TcpListener);

impl Listener for SimListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, Peer)>> {
        Box::pin(async move {
            let (stream, peer) = self.0.accept().await?;
            Ok((Box::new(stream) as BoxStream, Peer::plain(peer.to_string())))
        })
    }

    fn address(&self) -> io::Result<String> {
        Ok(self.0.local_addr()?.to_string())
    }
}

//! Server side of a gRPC channel.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use crate::outside::{BoxStream, Listener};
use crate::tls::Peer;

/// Accepted connections that wait for the server; beyond it the kernel's backlog holds them.
const ACCEPTED_WAITING_MAX: usize = 64;
/// Requests under way on one connection.
const STREAMS_PER_CONNECTION_MAX: u32 = 1024;

/// Serves `routes` on `listener` until `stop` resolves; requests under way are finished.
///
/// # Errors
/// The server's own failure. A failing `accept` (out of files, say) is waited out, never fatal.
pub async fn serve(
    listener: Box<dyn Listener>,
    routes: Routes,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), tonic::transport::Error> {
    let (accepted, incoming) = mpsc::channel(ACCEPTED_WAITING_MAX);
    let accepting = tokio::spawn(accept_loop(listener, accepted));
    let served = Server::builder()
        // Whoever reads numbers (Prometheus, a load balancer) speaks HTTP/1.1, on the same port.
        .accept_http1(true)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .add_routes(routes)
        .serve_with_incoming_shutdown(ReceiverStream::new(incoming), stop)
        .await;
    accepting.abort();
    served
}

async fn accept_loop(mut listener: Box<dyn Listener>, accepted: mpsc::Sender<io::Result<Accepted>>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if accepted.send(Ok(Accepted { stream, peer })).await.is_err() {
                    return;
                }
            }
            // Out of file descriptors, or the peer left between: either passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

struct Accepted {
    stream: BoxStream,
    peer: Peer,
}

impl Connected for Accepted {
    type ConnectInfo = Peer;
    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
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

//! Server side of a gRPC channel.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Server;

use crate::accept::{Bounds, accept_loop};
use crate::half_sent::{Counting, Room};
use crate::outside::Listener;

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
    let accepting = tokio::spawn(accept_loop(listener, Bounds::of_process(), accepted));
    let room = Room::of_door();
    let served = Server::builder()
        .layer(tower::layer::layer_fn(move |inner| Counting { inner, room: room.clone() }))
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

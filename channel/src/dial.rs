//! Client side of a gRPC channel.

use std::io;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::Outside;

/// A channel to `address` (`host:port`) that connects when first used and reconnects by itself.
///
/// Every attempt ends within `connect_timeout`; a silent peer is noticed by HTTP/2 pings within about 10 s. Calls still
/// need time-outs of their own.
pub fn dial(outside: &Outside, address: &str, connect_timeout: Duration) -> Channel {
    dial_attentively(outside, address, connect_timeout, Duration::from_secs(5))
}

/// The same for somebody who has others to ask: a silent peer is noticed within twice `attention`.
pub(crate) fn dial_attentively(
    outside: &Outside,
    address: &str,
    connect_timeout: Duration,
    attention: Duration,
) -> Channel {
    let net = outside.net.clone();
    let target = address.to_owned();
    let connector = service_fn(move |_: Uri| {
        let connecting = net.connect(&target);
        async move {
            let stream = tokio::time::timeout(connect_timeout, connecting).await;
            let stream = stream.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            Ok::<_, io::Error>(TokioIo::new(stream))
        }
    });
    // The URI names nothing: the connector knows where to go. Host names of slurm.conf need not be valid URIs.
    Endpoint::from_static("http://muster")
        .connect_timeout(connect_timeout)
        .http2_keep_alive_interval(attention)
        .keep_alive_timeout(attention)
        .keep_alive_while_idle(false)
        .connect_with_connector_lazy(connector)
}

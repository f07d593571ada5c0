//! Bytes that many are sent, as the body of a gRPC reply.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::{HeaderMap, HeaderValue, Request, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body::Frame;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::NamedService;

use super::Encoded;

/// A service whose replies may carry [`Encoded`] as an extension: those bytes are sent in place of the message, which is not
/// encoded.
#[derive(Clone, Debug)]
pub(crate) struct Sharing<S>(pub(crate) S);

impl<S: NamedService> NamedService for Sharing<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Sharing<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answering = self.0.call(request);
        Box::pin(async move {
            let mut response = answering.await?;
            Ok(match response.extensions_mut().remove::<Encoded>() {
                Some(encoded) => response.map(|_| Body::new(Pieces { encoded, next: 0 })),
                None => response,
            })
        })
    }
}

/// Every piece, then "OK".
struct Pieces {
    encoded: Encoded,
    next: usize,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let at = self.next;
        self.next += 1;
        let frame = match self.encoded.pieces.get(at) {
            Some(piece) => Frame::data(piece.clone()),
            None if at == self.encoded.pieces.len() => Frame::trailers(ok()),
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(frame)))
    }
}

fn ok() -> HeaderMap {
    HeaderMap::from_iter([(tonic::Status::GRPC_STATUS, HeaderValue::from_static("0"))])
}

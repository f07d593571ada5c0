//! A stream whose first byte was looked at and put back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What a connection begins with that opens a TLS handshake.
pub(super) const TLS: u8 = 0x16;
/// Whether HTTP in the clear begins so: "PRI * HTTP/2.0", "GET /metrics".
pub(super) fn is_http(first: u8) -> bool {
    first.is_ascii_uppercase()
}

/// See the module.
pub(super) struct Peeked<S> {
    first: Option<u8>,
    rest: S,
}

impl<S: AsyncRead + Unpin> Peeked<S> {
    /// Waits for the first byte.
    ///
    /// # Errors
    /// The stream's, and its end.
    pub(super) async fn wait(mut stream: S) -> io::Result<(u8, Self)> {
        let first = stream.read_u8().await?;
        Ok((first, Self { first: Some(first), rest: stream }))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Peeked<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_some() && buf.remaining() > 0 {
            buf.put_slice(self.first.take().as_slice());
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.rest).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Peeked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write(cx, data)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_shutdown(cx)
    }
}

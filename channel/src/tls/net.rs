//! The network of a site with TLS: that of the system, with who is at the other end made sure of.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;

use super::identity::Wanted;
use super::listen::TlsListener;
use super::material::Tls;
use crate::outside::{BoxFuture, BoxStream, Listener, Net};

/// See the module. Without more being said, it dials controllers of the cluster.
#[derive(Clone)]
pub struct TlsNet {
    inner: Arc<dyn Net>,
    tls: Arc<Tls>,
    wanted: Wanted,
}

impl TlsNet {
    /// TLS over `inner`.
    pub fn new(inner: Arc<dyn Net>, tls: Arc<Tls>) -> Self {
        Self { inner, tls, wanted: Wanted::any_replica() }
    }
}

impl Net for TlsNet {
    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<BoxStream>> {
        let connecting = self.inner.connect(address);
        if !self.tls.dials() {
            return connecting;
        }
        let (tls, wanted) = (self.tls.clone(), self.wanted.clone());
        Box::pin(async move {
            let stream = connecting.await?;
            let connector = TlsConnector::from(tls.material().dial(wanted));
            // Never sent: certificates name members of the cluster, not hosts.
            let nobody = ServerName::try_from("muster.invalid").expect("it is a host name");
            let handshake = async move {
                let mut stream = connector.connect(nobody, stream).await.map_err(refused_by_us)?;
                // In TLS 1.3 the server judges our certificate after its own part is done: its welcome says that it did.
                stream.read_u8().await.map_err(refused_by_them)?;
                Ok(Box::new(stream) as BoxStream)
            };
            tls.handshake(handshake).await
        })
    }

    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        let (listening, tls) = (self.inner.listen(address), self.tls.clone());
        Box::pin(async move { Ok(Box::new(TlsListener::start(listening.await?, tls)?) as Box<dyn Listener>) })
    }

    fn certificates_end_s(&self) -> Option<u64> {
        self.tls.ends_s()
    }

    fn wanting(&self, who: &Wanted) -> Option<Arc<dyn Net>> {
        Some(Arc::new(Self { wanted: who.clone(), ..self.clone() }))
    }
}

/// A connection was made, and no TLS came of it.
#[derive(Debug, Error)]
#[error("TLS failed: {why}")]
pub struct HandshakeFailed {
    why: String,
    /// The peer said nothing and closed, or left. Else one of the two does not take the other's certificate, or its way to
    /// speak: the next try ends alike until somebody changes something.
    pub only_closed: bool,
}

impl HandshakeFailed {
    /// If this is why a connection failed.
    pub fn behind(why: &io::Error) -> Option<&Self> {
        why.get_ref()?.downcast_ref()
    }

    fn refused(why: impl ToString) -> io::Error {
        Self { why: why.to_string(), only_closed: false }.into()
    }

    fn closed(why: impl ToString) -> io::Error {
        Self { why: why.to_string(), only_closed: true }.into()
    }

    /// In the words of TLS if it has any.
    fn other(why: io::Error) -> io::Error {
        let by_tls = why.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        Self { why: why.to_string(), only_closed: !by_tls }.into()
    }
}

impl From<HandshakeFailed> for io::Error {
    fn from(why: HandshakeFailed) -> Self {
        Self::new(io::ErrorKind::ConnectionRefused, why)
    }
}

fn refused_by_us(why: io::Error) -> io::Error {
    let cause = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidMessage(_)) => {
            HandshakeFailed::refused("the peer does not speak TLS (does TLSType differ between slurm.conf files?)")
        }
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))) => {
            HandshakeFailed::refused(other)
        }
        _ if why.kind() == io::ErrorKind::UnexpectedEof => {
            HandshakeFailed::closed("the peer closed the connection (does TLSType differ between slurm.conf files?)")
        }
        _ => HandshakeFailed::other(why),
    }
}

fn refused_by_them(why: io::Error) -> io::Error {
    let cause = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::AlertReceived(alert)) => {
            HandshakeFailed::refused(format!("the peer refuses this certificate ({alert:?}); its log says why"))
        }
        _ => HandshakeFailed::other(why),
    }
}

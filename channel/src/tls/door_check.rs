//! Of one who comes: a certificate, if it shows one, is of our authority, in time, and names somebody of this cluster.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme};

use super::identity::Identity;

/// See the module. Whether a certificate is needed is the door's to say, since one port serves several.
#[derive(Debug)]
pub(super) struct DoorCheck {
    pub(super) chain: Arc<dyn ClientCertVerifier>,
    pub(super) cluster: String,
}

/// Refuses what is not of this cluster, or not what `check` wants.
pub(super) fn named(
    certificate: &CertificateDer<'_>,
    cluster: &str,
    check: impl FnOnce(&Identity) -> Result<(), String>,
) -> Result<(), Error> {
    let checked = Identity::of(certificate).and_then(|shown| match shown.cluster == cluster {
        true => check(&shown),
        false => Err(format!("the certificate is of {shown}, and this cluster is {cluster}")),
    });
    checked.map_err(|why| Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Text(why))))))
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Text(String);

impl ClientCertVerifier for DoorCheck {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(certificate, intermediates, now)?;
        named(certificate, &self.cluster, |_| Ok(()))?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

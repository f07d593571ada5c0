//! Certificates for tests: of an authority of its own, for whom and until when the test wants.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use muster_channel::Outside;
use muster_channel::tls::{Identity, Tls, TlsError, TlsWords};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};

pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(
            DnType::CommonName,
            format!("test {}", key.serialized_der().iter().map(|byte| u32::from(*byte)).sum::<u32>()),
        );
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Puts `FILE_cert.pem` and `FILE_cert_key.pem` for `uri` into `dir`, valid until the end of `last_year`.
    pub(crate) fn issue(&self, dir: &Path, file: &str, uri: &str, last_year: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        put(&dir.join(format!("{file}_cert_key.pem")), &key.serialize_pem());
        put(&dir.join(format!("{file}_cert.pem")), &certificate.pem());
    }

    pub(crate) fn publish(&self, dir: &Path) {
        put(&dir.join("ca_cert.pem"), &self.pem);
    }
}

/// As `muster pki` writes: a new file in the place of the older one.
fn put(path: &Path, text: &str) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).unwrap();
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&fresh, path).unwrap();
}

/// Whoever has its files in `dir`, under Slurm's names. `words`: "muster_clients=mutual muster_migrate=dial".
pub(crate) fn load(dir: &Path, uri: &str, words: &str) -> Result<Arc<Tls>, TlsError> {
    let pairs = words.split_whitespace().map(|word| word.split_once('=').unwrap());
    let words = pairs.map(|(word, value)| (word.to_owned(), value.to_owned())).collect();
    let words = TlsWords::read(&words, &dir.join("slurm.conf"))?;
    let own = rustix::process::geteuid().as_raw();
    Tls::load(words, Identity::parse(uri).unwrap(), &[own], Outside::real().wall_ms)
}

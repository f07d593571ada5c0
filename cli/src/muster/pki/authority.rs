//! The authority: a key, and the certificate that daemons and commands believe.

use std::time::Duration;

use muster_channel::tls::{Certificate, Identity, Secrecy, TlsError, read_guarded};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use sha2::{Digest, Sha256};

use super::error::PkiError;
use super::place::{Pair, make_dir, write};
use super::{Pki, now_s, say};

pub(super) const DAY_S: u64 = 86_400;
const AUTHORITY_DAYS: u64 = 3650;
const MEMBER_DAYS: u64 = 365;
/// Certificates begin a little early: clocks differ.
const EARLY_S: u64 = 3600;

/// What signs.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// When its own certificate ends: nothing that it signs lasts longer.
    ends_s: u64,
}

impl Pki<'_> {
    pub(super) fn init(&self) -> Result<u8, PkiError> {
        let cluster = &self.site.config.cluster_name;
        make_dir(&self.dir)?;
        let pair = Pair::authority(&self.dir);
        for file in [&pair.cert, &pair.key] {
            if file.exists() {
                return Err(PkiError::Exists(file.clone()));
            }
        }
        let key = KeyPair::generate()?;
        let cert = self.self_signed(&key)?;
        pair.write(&key.serialize_pem(), &cert, None)?;
        say(&format!("cluster {cluster}: {} is its authority; keep {} safe", pair.cert.display(), pair.key.display()));
        let dir = self.dir.display();
        say("slurm.conf, once every host has its files:");
        CONF_LINES.iter().for_each(|line| say(&line.replace("DIR", &dir.to_string())));
        Ok(0)
    }

    /// A certificate of the authority for itself.
    pub(super) fn self_signed(&self, key: &KeyPair) -> Result<String, PkiError> {
        let mut params = authority_params(&self.site.config.cluster_name, key);
        lasts_until(&mut params, now_s() + self.options.days.unwrap_or(AUTHORITY_DAYS) * DAY_S);
        Ok(params.self_signed(key)?.pem())
    }

    /// Reads the authority, and makes sure that what it signs will be believed.
    pub(super) fn authority(&self) -> Result<Authority, PkiError> {
        let pair = Pair::authority(&self.dir);
        let certificate = Certificate::read(&pair.cert, &owners())?;
        let key = self.authority_key()?;
        let params = authority_params(&self.site.config.cluster_name, &key);
        let holds = |part: &[u8]| certificate.der.windows(part.len()).any(|window| window == part);
        if !holds(key.public_key_raw()) || !holds(common_name(&self.site.config.cluster_name, &key).as_bytes()) {
            return Err(PkiError::Foreign(pair.cert));
        }
        Ok(Authority { issuer: Issuer::new(params, key), ends_s: certificate.ends_s })
    }

    pub(super) fn authority_key(&self) -> Result<KeyPair, PkiError> {
        let path = Pair::authority(&self.dir).key;
        let bytes = read_guarded(&path, Secrecy::Secret, &owners()).map_err(TlsError::from)?;
        Ok(KeyPair::from_pem(&String::from_utf8_lossy(&bytes))?)
    }

    /// Makes key and certificate of `identity`.
    pub(super) fn make(&self, authority: &Authority, identity: &Identity, owner: Option<u32>) -> Result<(), PkiError> {
        let key = KeyPair::generate()?;
        let uri = identity.to_string();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, identity.name.clone());
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let end = now_s() + self.options.days.unwrap_or(MEMBER_DAYS) * DAY_S;
        lasts_until(&mut params, end.min(authority.ends_s));
        let certificate = params.signed_by(&key, &authority.issuer)?;
        let pair = Pair::of(&self.dir, identity);
        pair.cert.parent().map_or(Ok(()), make_dir)?;
        pair.write(&key.serialize_pem(), &certificate.pem(), owner)
    }

    /// The same key with a later end: what it has signed stays good, and those who have the older file believe it too.
    pub(super) fn renew_authority(&self) -> Result<(), PkiError> {
        self.authority()?;
        let cert = self.self_signed(&self.authority_key()?)?;
        write(&Pair::authority(&self.dir).cert, &cert, 0o644, None)
    }
}

const CONF_LINES: [&str; 2] = [
    "  TLSType=tls/s2n",
    "  TLSParameters=ca_cert_file=DIR/ca_cert.pem,ctld_cert_file=DIR/replica/%n_cert.pem,\
     ctld_cert_key_file=DIR/replica/%n_cert_key.pem,slurmd_cert_file=DIR/node/%n_cert.pem,\
     slurmd_cert_key_file=DIR/node/%n_cert_key.pem",
];

/// Who may own what is read here: root, and who runs this.
pub(super) fn owners() -> [u32; 2] {
    [0, nix::unistd::geteuid().as_raw()]
}

/// Of the key too: two authorities of clusters of one name are not taken for each other.
fn common_name(cluster: &str, key: &KeyPair) -> String {
    let hash = Sha256::digest(key.public_key_raw());
    let short: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("Muster {cluster} {short}")
}

fn authority_params(cluster: &str, key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name(cluster, key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// From a little ago until `end_s`, seconds since the epoch.
fn lasts_until(params: &mut CertificateParams, end_s: u64) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(now_s().saturating_sub(EARLY_S));
    params.not_after = epoch + Duration::from_secs(end_s);
}

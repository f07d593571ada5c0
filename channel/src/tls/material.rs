//! Certificates and key of this process, read again when their files change: at the next handshake, without a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, Error, RootCertStore, ServerConfig};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::dial_check::DialCheck;
use super::door_check::DoorCheck;
use super::error::TlsError;
use super::files::{FileError, Secrecy, Stamp, read_guarded};
use super::identity::{Identity, Role, Wanted};
use super::peer::Rules;
use super::validity::ends_at_s;
use super::words::{Migration, TlsWords};
use crate::WallClock;

/// Certificates in one file: a chain, or the authorities of a site.
const CERTIFICATES_MAX: usize = 64;
/// HTTP/2 after a byte of welcome, by which one who dials learns that its certificate was taken.
pub(super) const WELCOMED: &[u8] = b"muster";
/// HTTP/2 at once, for programs that are not ours.
const HTTP2: &[u8] = b"h2";

/// What this process shows and believes.
pub struct Tls {
    words: TlsWords,
    own: Identity,
    owners: Vec<u32>,
    pub(super) wall_ms: WallClock,
    held: Mutex<Held>,
    handshakes: OnceLock<Handle>,
}

struct Held {
    material: Arc<Material>,
    /// Of the files as they were when they were looked at last, whether or not they could be used.
    stamps: [Stamp; 3],
}

/// One consistent reading of the files.
pub(super) struct Material {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    cluster: String,
    dial: ClientConfig,
    /// None in a command that has no certificate.
    pub(super) door: Option<Arc<ServerConfig>>,
    /// File, and when its certificate ends.
    pub(super) ends: Vec<(PathBuf, u64)>,
}

impl Tls {
    /// Reads the files. `own` is who this process is; a client may be without a certificate, daemons may not.
    /// Files belong to root or one of `owners`.
    ///
    /// # Errors
    /// What is wrong with which file. A certificate that has ended is no error: it can be renewed while this runs.
    pub fn load(words: TlsWords, own: Identity, owners: &[u32], wall_ms: WallClock) -> Result<Arc<Self>, TlsError> {
        let mut owners = owners.to_vec();
        owners.push(0);
        let stamps = stamps(&files(&words, &own));
        let material = Arc::new(read(&words, &own, &owners)?);
        Ok(Arc::new(Self {
            words,
            own,
            owners,
            wall_ms,
            held: Mutex::new(Held { material, stamps }),
            handshakes: OnceLock::new(),
        }))
    }

    /// What is in force now: files that changed are read first; while they cannot be used, what was read before holds.
    pub(super) fn material(&self) -> Arc<Material> {
        let now = stamps(&files(&self.words, &self.own));
        let mut held = self.held.lock().expect("no holder of this lock panics");
        if held.stamps != now {
            held.stamps = now;
            match read(&self.words, &self.own, &self.owners) {
                Ok(material) => {
                    tracing::info!(of = %self.own, "certificates were read again");
                    held.material = Arc::new(material);
                }
                Err(why) => tracing::warn!("new certificates are not used, the older ones are: {why}"),
            }
        }
        held.material.clone()
    }

    /// Handshakes are made there: they are a millisecond of arithmetic each, which whoever wants a thread to himself (Raft)
    /// must not be held up by. Counts once, at start; without it, they are made where connections are wanted.
    pub fn handshakes_on(&self, runtime: Handle) {
        // A second runtime would be a mistake of the program, and a harmless one.
        let _ = self.handshakes.set(runtime);
    }

    /// Does the work of a handshake where such work is done. It ends when the caller no longer waits.
    pub(super) async fn handshake<T: Send + 'static>(
        &self,
        work: impl Future<Output = io::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        let Some(runtime) = self.handshakes.get() else { return work.await };
        let mut one = JoinSet::new();
        one.spawn_on(work, runtime);
        let done = one.join_next().await.map(|done| done.map_err(io::Error::other).flatten());
        done.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }

    /// When the first of this process's certificates and of its authorities' ends, seconds since the epoch.
    pub fn ends_s(&self) -> Option<u64> {
        self.material().ends.iter().map(|(_, end)| *end).min()
    }

    /// What doors of this site ask.
    pub(super) fn rules(&self) -> Rules {
        self.words.rules()
    }

    /// Whether this process dials with TLS.
    pub(super) fn dials(&self) -> bool {
        self.words.migration != Migration::Accept
    }
}

impl Material {
    /// For a connection to whom `wanted` names.
    pub(super) fn dial(&self, wanted: Wanted) -> Arc<ClientConfig> {
        let check = DialCheck {
            roots: self.roots.clone(),
            provider: self.provider.clone(),
            cluster: self.cluster.clone(),
            wanted,
        };
        let mut config = self.dial.clone();
        config.dangerous().set_certificate_verifier(Arc::new(check));
        Arc::new(config)
    }
}

fn files(words: &TlsWords, own: &Identity) -> [Option<PathBuf>; 3] {
    let (cert, key) = words.pair(own.role, &own.name).unzip();
    [Some(words.ca.clone()), cert, key]
}

fn stamps(files: &[Option<PathBuf>; 3]) -> [Stamp; 3] {
    files.each_ref().map(|file| file.as_deref().map(Stamp::now).unwrap_or_default())
}

/// Certificates with where they are from, and the key.
struct Pair {
    path: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn read(words: &TlsWords, own: &Identity, owners: &[u32]) -> Result<Material, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let authorities = certificates(&words.ca, owners)?;
    let mut roots = RootCertStore::empty();
    for authority in &authorities {
        roots.add(authority.clone()).map_err(|why| TlsError::content(&words.ca, why))?;
    }
    let roots = Arc::new(roots);
    let pair = read_pair(words, own, owners)?;
    let mut ends = vec![(words.ca.clone(), authorities.iter().filter_map(|der| ends_at_s(der)).min())];
    if let Some(pair) = &pair {
        check_own(pair, own, &roots, &provider)?;
        ends.push((pair.path.clone(), pair.chain.iter().filter_map(|der| ends_at_s(der)).min()));
    }
    let door = pair.as_ref().map(|pair| door(pair, &roots, &provider, &own.cluster)).transpose()?;
    let dial = dial(pair, &roots, &provider, &own.cluster)?;
    let ends = ends.into_iter().filter_map(|(path, end)| end.map(|end| (path, end))).collect();
    Ok(Material { provider, roots, cluster: own.cluster.clone(), dial, door: door.map(Arc::new), ends })
}

pub(super) fn certificates(path: &Path, owners: &[u32]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read_guarded(path, Secrecy::Public, owners)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).take(CERTIFICATES_MAX).collect();
    let found = found.map_err(|why| TlsError::content(path, why))?;
    if found.is_empty() { Err(TlsError::content(path, "no certificate (PEM) inside")) } else { Ok(found) }
}

fn read_pair(words: &TlsWords, own: &Identity, owners: &[u32]) -> Result<Option<Pair>, TlsError> {
    let Some((cert, key)) = words.pair(own.role, &own.name) else { return Ok(None) };
    let chain = match certificates(&cert, owners) {
        Err(TlsError::File(FileError::Io { why, .. }))
            if own.role == Role::Client && why.kind() == std::io::ErrorKind::NotFound =>
        {
            return Ok(None);
        }
        other => other?,
    };
    let bytes = read_guarded(&key, Secrecy::Secret, owners)?;
    let secret = PrivateKeyDer::from_pem_slice(&bytes).map_err(|why| TlsError::content(&key, why))?;
    Ok(Some(Pair { path: cert, chain, key: secret }))
}

/// It is ours, and those who believe the same authorities will believe it.
fn check_own(
    pair: &Pair,
    own: &Identity,
    roots: &RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<(), TlsError> {
    let wrong = |why: String| TlsError::content(&pair.path, why);
    let shown = Identity::of(&pair.chain[0]).map_err(wrong)?;
    if shown != *own {
        return Err(wrong(format!("it is of {shown}, and this is {own}")));
    }
    let parsed = ParsedCertificate::try_from(&pair.chain[0]).map_err(|why| wrong(why.to_string()))?;
    let algorithms = provider.signature_verification_algorithms.all;
    let now = UnixTime::now();
    match rustls::client::verify_server_cert_signed_by_trust_anchor(&parsed, roots, &pair.chain[1..], now, algorithms) {
        Ok(()) => Ok(()),
        Err(Error::InvalidCertificate(why)) if is_about_time(&why) => Ok(()),
        Err(why) => Err(wrong(format!("it is not of an authority in ca_cert_file: {why}"))),
    }
}

fn is_about_time(why: &CertificateError) -> bool {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    matches!(why, Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
}

fn door(
    pair: &Pair,
    roots: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
    cluster: &str,
) -> Result<ServerConfig, TlsError> {
    let wrong = |why: &dyn ToString| TlsError::content(&pair.path, why.to_string());
    let chain = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
    let chain = chain.allow_unauthenticated().build().map_err(|why| wrong(&why))?;
    let check = DoorCheck { chain, cluster: cluster.to_owned() };
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13]);
    let builder = builder.map_err(|why| wrong(&why))?.with_client_cert_verifier(Arc::new(check));
    let config = builder.with_single_cert(pair.chain.clone(), pair.key.clone_key());
    let mut config = config.map_err(|why| wrong(&format!("with its key: {why}")))?;
    config.alpn_protocols = vec![WELCOMED.to_vec(), HTTP2.to_vec()];
    // Every connection proves itself anew: a resumed one would outlive its certificate.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn dial(
    pair: Option<Pair>,
    roots: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
    cluster: &str,
) -> Result<ClientConfig, TlsError> {
    let check = DialCheck {
        roots: roots.clone(),
        provider: provider.clone(),
        cluster: cluster.to_owned(),
        wanted: Wanted::any_replica(),
    };
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13]);
    let builder = builder.map_err(|why| TlsError::Words(why.to_string()))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(check));
    let mut config = match pair {
        None => builder.with_no_client_auth(),
        Some(Pair { path, chain, key }) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|why| TlsError::content(&path, format!("with its key: {why}")))?,
    };
    config.alpn_protocols = vec![WELCOMED.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}

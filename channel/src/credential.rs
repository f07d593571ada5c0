//! Who speaks: sealing and checking the claim that goes with a request.

use std::sync::Arc;

use bytes::Bytes;
use muster_proto::wire::{Claim, Signed};
use prost::Message;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::Semaphore;

/// Largest credential that is looked at, bytes. Munge's own limit on payloads is 1 MiB; ours are some 200 bytes.
const CREDENTIAL_BYTES_MAX: usize = 16 * 1024;

/// Who spoke, as the credential's keeper vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Effective user id of the process that sealed it.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
    /// What it claimed.
    pub claim: Claim,
}

/// Why a credential was not made or not believed.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
pub enum CredentialError {
    /// The keeper of credentials does not answer. Retry later.
    #[error("{0}")]
    Unavailable(String),
    /// It was presented before. The client must make a fresh one.
    #[error("credential replayed")]
    Replayed,
    /// Too old, or from a clock far ahead.
    #[error("credential expired or from the future: check the clocks")]
    Expired,
    /// Forged, damaged, of another key, or too large.
    #[error("invalid credential: {0}")]
    Invalid(String),
    /// It vouches for another request, cluster or door.
    #[error("credential is bound to another {0}")]
    Bound(&'static str),
}

/// A keeper of credentials: munge, or none.
pub trait Credentials: Send + Sync + 'static {
    /// Wraps `payload` so that the receiver learns this process's uid and gid.
    ///
    /// # Errors
    /// [`CredentialError::Unavailable`] when the keeper does not answer.
    fn wrap(&self, payload: &[u8]) -> Result<Bytes, CredentialError>;
    /// The same, so that nobody but processes of `reader` (and root, as far as the keeper lets it) can unwrap it, and that
    /// whoever listens learns nothing of it.
    ///
    /// # Errors
    /// [`CredentialError::Unavailable`], also when the keeper cannot do that.
    fn wrap_for(&self, payload: &[u8], reader: u32) -> Result<Bytes, CredentialError>;
    /// The payload, uid and gid of a credential.
    ///
    /// # Errors
    /// Everything but `Bound`.
    fn unwrap(&self, credential: &[u8]) -> Result<(Vec<u8>, u32, u32), CredentialError>;
    /// Whether the calls above block on another process, and so need a thread of their own.
    fn blocks(&self) -> bool;
    /// Where those who call such a keeper wait for their turn; nothing: as many as like.
    fn turns(&self) -> Option<&Semaphore> {
        None
    }
    /// `auth/munge` or `auth/none`.
    fn name(&self) -> &'static str;
}

/// What the receiver insists on.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// `ClusterName`.
    pub cluster: &'a str,
    /// Checked where the sender knew it (the claim's is not empty) and we do too.
    pub cluster_id: &'a [u8],
    /// Who we are: "controller", "node:NAME", "replica:NAME".
    pub audience: &'a str,
}

/// A claim for `request`; the digest is filled in here.
pub fn seal_claim(request: &[u8], mut claim: Claim) -> Claim {
    claim.digest = Bytes::copy_from_slice(&Sha256::digest(request));
    claim
}

/// Signs the encoded `request`: `claim` says cluster, request id, audience and sender.
///
/// # Errors
/// [`CredentialError::Unavailable`] when the keeper does not answer.
pub async fn seal(keeper: &Arc<dyn Credentials>, request: Vec<u8>, claim: Claim) -> Result<Signed, CredentialError> {
    let payload = seal_claim(&request, claim).encode_to_vec();
    let credential = on_its_thread(keeper, move |keeper| keeper.wrap(&payload)).await?;
    Ok(Signed { credential, request: request.into(), pass: None })
}

/// The same, with a secret in `claim` that only `reader` may learn.
///
/// # Errors
/// As [`seal`].
pub async fn seal_for(
    keeper: &Arc<dyn Credentials>,
    request: Vec<u8>,
    claim: Claim,
    reader: u32,
) -> Result<Signed, CredentialError> {
    let payload = seal_claim(&request, claim).encode_to_vec();
    let credential = on_its_thread(keeper, move |keeper| keeper.wrap_for(&payload, reader)).await?;
    Ok(Signed { credential, request: request.into(), pass: None })
}

/// Checks that `signed` is fresh, unaltered and meant for us, and says who spoke.
///
/// # Errors
/// Why it is not believed. Nothing of the request may be used then.
pub async fn verify(
    keeper: &Arc<dyn Credentials>,
    signed: &Signed,
    expect: Expect<'_>,
) -> Result<Speaker, CredentialError> {
    if signed.credential.len() > CREDENTIAL_BYTES_MAX {
        return Err(CredentialError::Invalid(format!("{} bytes long", signed.credential.len())));
    }
    let credential = signed.credential.clone();
    let (payload, uid, gid) = on_its_thread(keeper, move |keeper| keeper.unwrap(&credential)).await?;
    let claim = Claim::decode(&payload[..]).map_err(|_| CredentialError::Invalid("no claim inside".into()))?;
    if claim.digest[..] != Sha256::digest(&signed.request)[..] {
        return Err(CredentialError::Bound("request"));
    }
    let other_id =
        !claim.cluster_id.is_empty() && !expect.cluster_id.is_empty() && claim.cluster_id != expect.cluster_id;
    if claim.cluster != expect.cluster || other_id {
        return Err(CredentialError::Bound("cluster"));
    }
    if claim.audience != expect.audience {
        return Err(CredentialError::Bound("receiver"));
    }
    Ok(Speaker { uid, gid, claim })
}

async fn on_its_thread<T: Send + 'static>(
    keeper: &Arc<dyn Credentials>,
    work: impl FnOnce(&dyn Credentials) -> Result<T, CredentialError> + Send + 'static,
) -> Result<T, CredentialError> {
    if !keeper.blocks() {
        return work(&**keeper);
    }
    let keeper = keeper.clone();
    let _turn = match keeper.turns() {
        // Nobody closes it.
        Some(turns) => turns.acquire().await.ok(),
        None => None,
    };
    let worker = keeper.clone();
    let done = tokio::task::spawn_blocking(move || work(&*worker)).await;
    done.unwrap_or_else(|_| Err(CredentialError::Unavailable("the authentication thread ended".into())))
}

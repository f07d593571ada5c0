//! Who asks what: a request that was checked before anything of it is used.

use std::sync::atomic::Ordering;

use muster_channel::tls::{PeerRefused, Role};
use muster_channel::{Peer, Speaker};
use muster_dialect::errno;
use muster_proto::durable::{self, Channel, Command, Origin, RequestKey, command};
use muster_proto::wire::{Request, Signed, request};
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::refusal::Refusal;
use crate::member::Member;
use crate::seat::Seat;
use crate::views::Sight;

/// Length of a request id, bytes.
const REQUEST_ID_BYTES: usize = 16;
/// Longest host or program name, bytes.
const NAME_BYTES_MAX: usize = 256;

/// A believed request.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// root or SlurmUser.
    pub(crate) admin: bool,
    /// What the credential says of the sender: "client", "replica:NAME".
    pub(crate) sender: String,
    pub(crate) host: String,
    /// Answer from this replica's own state.
    pub(crate) local: bool,
    /// The same, and say how old it may be.
    pub(crate) stale: bool,
    /// What the credential brought along for a pass.
    pub(crate) pass_key: Option<Secret>,
    key: RequestKey,
}

/// Never shown, also not by mistake.
pub(crate) struct Secret(pub(crate) bytes::Bytes);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Caller {
    /// Verifies `signed` and takes the request out of it.
    pub(crate) async fn of(seat: &Seat, signed: &Signed, peer: &Peer) -> Result<(Self, request::Body), Refusal> {
        let by_pass = signed.pass.is_some();
        let mut speaker = match by_pass {
            true => seat.passes.check(signed, Instant::now())?,
            false => seat.verify(signed, "controller").await?,
        };
        check_peer(seat, peer, &speaker).await?;
        let request = Request::decode(&signed.request[..]).map_err(|_| garbage(seat, "not a request"))?;
        if by_pass {
            // The proof is of these very bytes, the id among them.
            speaker.claim.request_id = request.request_id.clone();
        }
        check(seat, &request, &speaker)?;
        let Some(body) = request.body else { return Err(garbage(seat, "a request of a kind that is not known here")) };
        let key = RequestKey {
            id: request.request_id,
            hash: Sha256::digest(&signed.request).to_vec().into(),
            valid_until_ms: request.valid_until_ms,
        };
        let caller = Self {
            uid: speaker.uid,
            gid: speaker.gid,
            admin: seat.is_admin(speaker.uid),
            sender: speaker.claim.sender,
            pass_key: Some(Secret(speaker.claim.pass_key)).filter(|key| !key.0.is_empty()),
            host: request.host,
            local: request.local,
            stale: request.stale,
            key,
        };
        Ok((caller, body))
    }

    /// The command that carries out this request: a repeat of it is carried out once.
    pub(crate) fn command(&self, user_name: &str, body: command::Body) -> Command {
        Command { origin: Some(self.origin(user_name)), request: Some(self.key.clone()), body: Some(body) }
    }

    /// A command that goes ahead of the one that answers: harmless when it is carried out twice.
    pub(crate) fn ahead(&self, body: command::Body) -> Command {
        Command { origin: Some(self.origin("")), request: None, body: Some(body) }
    }

    /// 16 bytes, the same when the request is repeated.
    pub(crate) fn request_id(&self) -> &[u8] {
        &self.key.id
    }

    fn origin(&self, user_name: &str) -> durable::Origin {
        Origin {
            uid: self.uid,
            gid: self.gid,
            host: self.host.clone(),
            channel: Channel::Client.into(),
            user_name: user_name.to_owned(),
            admin: self.admin,
        }
    }

    /// Whether this is root, SlurmUser, or `uid` itself.
    pub(crate) fn may_act_for(&self, uid: u32) -> bool {
        self.admin || self.uid == uid
    }

    /// What it may see of `what` ("jobs", "nodes", …) under the configuration in force.
    pub(crate) fn sees(&self, member: &Member, what: &str) -> Sight {
        if self.admin {
            return Sight::All;
        }
        let config = member.config();
        let hides = |word: &String| word.eq_ignore_ascii_case(what);
        match config.is_some_and(|config| config.conf.private_data.iter().any(hides)) {
            true => Sight::Own(self.uid),
            false => Sight::All,
        }
    }

    pub(crate) fn require_admin(&self) -> Result<(), Refusal> {
        if self.admin { Ok(()) } else { Err(Refusal::denied()) }
    }
}

/// The connection is of whom the credential names, as far as this site has certificates.
async fn check_peer(seat: &Seat, peer: &Peer, speaker: &Speaker) -> Result<(), Refusal> {
    let refused = |why: PeerRefused| {
        seat.counters.refused_credentials.fetch_add(1, Ordering::Relaxed);
        Refusal::with(errno::SLURM_PROTOCOL_AUTHENTICATION_ERROR, why.to_string())
    };
    if let Some(replica) = speaker.claim.sender.strip_prefix("replica:") {
        return peer.check(Role::Replica, Some(replica)).map_err(refused);
    }
    let Some(name) = peer.check_client().map_err(refused)? else { return Ok(()) };
    match seat.users.by_name(name).await {
        Ok(Some(user)) if user.uid == speaker.uid => Ok(()),
        _ => {
            let why = format!("the certificate is of user {name}, who is not uid {} here", speaker.uid);
            Err(Refusal::with(errno::SLURM_PROTOCOL_AUTHENTICATION_ERROR, why))
        }
    }
}

fn check(seat: &Seat, request: &Request, speaker: &Speaker) -> Result<(), Refusal> {
    if request.request_id.len() != REQUEST_ID_BYTES {
        return Err(garbage(seat, "a request id has 16 bytes"));
    }
    if request.request_id != speaker.claim.request_id {
        return Err(Refusal::with(
            errno::ESLURM_AUTH_CRED_INVALID,
            "Invalid authentication credential: credential is bound to another request",
        ));
    }
    if request.host.len() > NAME_BYTES_MAX || request.program.len() > NAME_BYTES_MAX {
        return Err(garbage(seat, "a host or program name is too long"));
    }
    Ok(())
}

fn garbage(seat: &Seat, why: &str) -> Refusal {
    seat.counters.garbage.fetch_add(1, Ordering::Relaxed);
    Refusal::with(errno::SLURM_UNEXPECTED_MSG_ERROR, format!("{}: {why}", errno::SLURM_UNEXPECTED_MSG_ERROR.text()))
}

//! How one program of Muster reaches another, and how it knows who speaks.
//!
//! ```text
//! cli ─┐                      ┌─ controller (client door, replica door)
//!      ├─ dial ── gRPC ── serve┤
//! noded┘   │                  └─ noded
//!          └─ seal(Claim) ───────► open ► who (uid, gid), bound to request, cluster and audience
//! ```
//!
//! Everything that a daemon takes from outside and the simulation replaces stands in [`Outside`]: the network, the wall
//! clock, randomness. Credentials are munge's ([`Munge`]), or the claimed uid where the configuration says `auth/none`
//! ([`NoAuth`]). This crate never decides what a speaker may do: that is the door's work. Beside it stands what both daemons
//! do with files of which others might have a hand: [`tls::read_guarded`], [`link_flags`].

mod accept;
mod client;
mod credential;
mod dial;
mod half_sent;
mod links;
mod munge;
mod munged;
mod no_auth;
mod once;
mod outside;
mod pass;
mod serve;
mod tcp;
pub mod tls;

pub use client::Watching;
pub use client::{CallError, Client, ClientOptions, Question, Saving};
pub use credential::{CredentialError, Credentials, Expect, Speaker, seal, seal_claim, seal_for, verify};
pub use dial::dial;
pub use links::link_flags;
pub use munge::Munge;
pub use no_auth::NoAuth;
pub use outside::{BoxFuture, BoxStream, Listener, Net, Outside, Random, WallClock};
pub use pass::{PASS_ID_BYTES, PASS_KEY_BYTES, PassKey, Window};
pub use serve::serve;
pub use tcp::Tcp;
pub use tls::Peer;

/// Largest message that any door takes, bytes: a log entry's worth (1 MiB) of content, and framing.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest listing that a client accepts in one reply, bytes.
pub const REPLY_BYTES_MAX: usize = 1024 * 1024 * 1024;

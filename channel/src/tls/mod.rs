//! TLS between programs of a site: who may be a replica, a node or a client is what a certificate of the site's own
//! authority says, beside what munge says of the user.
//!
//! ```text
//! slurm.conf ─► TlsWords ─► Tls (files, read again when they change) ─► TlsNet ─┬─ connect: TLS, the peer is whom we want
//!                                                                             └─ listen: TLS or plain, told by one byte
//!                                            Peer.check / Peer.check_client ◄── what the peer showed, and the site's rules
//! ```
//!
//! A certificate names its bearer once, as `muster://CLUSTER/ROLE/NAME`; host names play no part, since nodes and
//! controllers move. Doors stay the judges: a listener lets a plain or nameless peer in, so that the door can tell it
//! what is missing. The simulation has no TLS: its network makes peers of whom nothing is asked.
//!
//! Never here: making certificates (`muster pki` does), and who may do what.

mod dial_check;
mod door_check;
mod error;
mod files;
mod first_byte;
mod identity;
mod inspect;
mod listen;
mod material;
mod net;
mod peer;
mod site;
mod validity;
mod warn;
mod words;

pub use error::TlsError;
pub use files::{FileError, Secrecy, read_guarded};
pub use identity::{Identity, Role, Wanted};
pub use inspect::Certificate;
pub use material::Tls;
pub use net::{HandshakeFailed, TlsNet};
pub use peer::{Clients, Peer, PeerRefused, Rules};
pub use site::TlsSite;
pub use words::{Migration, TlsWords};

/// Certificates that end sooner are warned of, days.
pub const WARN_DAYS: u64 = 30;

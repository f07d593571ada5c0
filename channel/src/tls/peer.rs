//! Who connected, as far as the connection tells, and what the site asks of it.

use thiserror::Error;

use super::identity::{Identity, Role};

/// What clients have to show at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Clients {
    /// Nothing: munge says who they are, and what they say can be read on the wire.
    #[default]
    Plain,
    /// They speak TLS; munge says who they are.
    Tls,
    /// They speak TLS and have a certificate of their own beside munge.
    Mutual,
}

/// What a door asks of those who come. The default, of a site without TLS: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rules {
    /// Replicas and nodes have certificates.
    pub daemons: bool,
    /// Of clients.
    pub clients: Clients,
}

/// Why a peer is sent away.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PeerRefused {
    /// It should have spoken TLS.
    #[error("this door wants TLS, and the connection is in the clear: does TLSType differ between slurm.conf files?")]
    Clear,
    /// It should have shown a certificate.
    #[error("this door wants a certificate, and none was shown")]
    Nameless,
    /// It is not whom it says.
    #[error("the certificate is of {shown}, not of {claimed}")]
    Another {
        /// What the certificate says.
        shown: Identity,
        /// What the peer says.
        claimed: String,
    },
    /// The server's own mistake: nobody is let in by it.
    #[error("the connection is not known")]
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    Clear,
    Nameless,
    Named(Identity),
}

/// Who connected: an extension of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// `ip:port`.
    pub address: String,
    shown: Shown,
    rules: Rules,
}

impl Peer {
    /// Of a site without TLS.
    pub fn plain(address: String) -> Self {
        Self { address, shown: Shown::Clear, rules: Rules::default() }
    }

    pub(super) fn in_the_clear(address: String, rules: Rules) -> Self {
        Self { address, shown: Shown::Clear, rules }
    }

    pub(super) fn over_tls(address: String, identity: Option<Identity>, rules: Rules) -> Self {
        Self { address, shown: identity.map_or(Shown::Nameless, Shown::Named), rules }
    }

    /// Of a request that came through [`crate::serve`].
    ///
    /// # Errors
    /// It came another way.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, PeerRefused> {
        request.extensions().get::<Self>().cloned().ok_or(PeerRefused::Unknown)
    }

    /// Whether it may speak as this replica or node. Without a name: as any of them.
    ///
    /// # Errors
    /// It shows less than this site asks for, or something else than it says.
    pub fn check(&self, role: Role, name: Option<&str>) -> Result<(), PeerRefused> {
        match &self.shown {
            Shown::Clear if self.rules.daemons => Err(PeerRefused::Clear),
            Shown::Nameless if self.rules.daemons => Err(PeerRefused::Nameless),
            Shown::Clear | Shown::Nameless => Ok(()),
            Shown::Named(shown) if shown.role == role && name.is_none_or(|name| name == shown.name) => Ok(()),
            Shown::Named(shown) => {
                let claimed = format!("{} {}", role.word(), name.unwrap_or_default()).trim_end().to_owned();
                Err(PeerRefused::Another { shown: shown.clone(), claimed })
            }
        }
    }

    /// Whether it may ask as a client; then, the user that its certificate is of, if it has one.
    ///
    /// # Errors
    /// It shows less than this site asks for.
    pub fn check_client(&self) -> Result<Option<&str>, PeerRefused> {
        match &self.shown {
            Shown::Clear if self.rules.clients >= Clients::Tls => Err(PeerRefused::Clear),
            Shown::Nameless if self.rules.clients >= Clients::Mutual => Err(PeerRefused::Nameless),
            Shown::Named(shown) if shown.role == Role::Client => Ok(Some(&shown.name)),
            _ => Ok(None),
        }
    }

    /// The name in its certificate.
    pub fn name(&self) -> Option<&str> {
        match &self.shown {
            Shown::Named(shown) => Some(&shown.name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Rules = Rules { daemons: true, clients: Clients::Mutual };

    fn named(uri: &str) -> Peer {
        Peer::over_tls("h:1".into(), Identity::parse(uri), ALL)
    }

    #[test]
    fn a_certificate_speaks_for_whom_it_names_alone() {
        let node = named("muster://c/node/n1");
        assert_eq!(node.check(Role::Node, Some("n1")), Ok(()));
        let why = node.check(Role::Node, Some("n2")).unwrap_err().to_string();
        assert_eq!(why, "the certificate is of muster://c/node/n1, not of node n2");
        assert!(node.check(Role::Replica, Some("n1")).is_err());
        assert!(node.check(Role::Replica, None).is_err());
        assert_eq!(named("muster://c/client/ann").check_client(), Ok(Some("ann")));
    }

    #[test]
    fn what_is_missing_is_told_by_name() {
        let nameless = Peer::over_tls("h:1".into(), None, ALL);
        let clear = Peer::in_the_clear("h:1".into(), ALL);
        assert_eq!(nameless.check(Role::Node, Some("n1")), Err(PeerRefused::Nameless));
        assert_eq!(clear.check(Role::Node, Some("n1")), Err(PeerRefused::Clear));
        assert_eq!(nameless.check_client(), Err(PeerRefused::Nameless));
        assert_eq!(clear.check_client(), Err(PeerRefused::Clear));
        let lenient = Rules { daemons: true, clients: Clients::Plain };
        assert_eq!(Peer::in_the_clear("h:1".into(), lenient).check_client(), Ok(None));
        assert!(Peer::in_the_clear("h:1".into(), lenient).check(Role::Node, Some("n1")).is_err());
    }

    #[test]
    fn a_site_without_tls_asks_for_nothing_and_an_unknown_connection_gets_nothing() {
        assert_eq!(Peer::plain("h:1".into()).check(Role::Replica, Some("c1")), Ok(()));
        assert_eq!(Peer::of(&tonic::Request::new(())), Err(PeerRefused::Unknown));
    }
}

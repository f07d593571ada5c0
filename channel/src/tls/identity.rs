//! Whom a certificate names.

use std::fmt;

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

const SCHEME: &str = "muster://";
/// Longest cluster, node or user name, bytes.
const NAME_BYTES_MAX: usize = 255;

/// What the bearer is to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A controller; its name is that of its `SlurmctldHost` line.
    Replica,
    /// A node daemon; its name is its `NodeName`.
    Node,
    /// A user's commands; the name is the user's.
    Client,
}

impl Role {
    /// "replica", "node", "client".
    pub fn word(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            Self::Node => "node",
            Self::Client => "client",
        }
    }

    /// The role of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Replica, Self::Node, Self::Client].into_iter().find(|role| role.word() == word)
    }
}

/// `muster://CLUSTER/ROLE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// `ClusterName`.
    pub cluster: String,
    /// What the bearer is.
    pub role: Role,
    /// Which one.
    pub name: String,
}

impl Identity {
    /// From an URI; nothing if it is not one of ours.
    pub fn parse(uri: &str) -> Option<Self> {
        let mut words = uri.strip_prefix(SCHEME)?.split('/');
        let (cluster, role, name) = (words.next()?, words.next()?, words.next()?);
        let sane = words.next().is_none() && is_name(cluster) && is_name(name);
        let role = Role::from_word(role).filter(|_| sane)?;
        Some(Self { cluster: cluster.to_owned(), role, name: name.to_owned() })
    }

    /// The identity of these words, if they are names that an URI takes as they are.
    pub fn new(cluster: &str, role: Role, name: &str) -> Option<Self> {
        Self::parse(&format!("{SCHEME}{cluster}/{}/{name}", role.word()))
    }

    /// Of a certificate: exactly one.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let parsed = EndEntityCert::try_from(certificate).map_err(|why| why.to_string())?;
        let mut ours = parsed.valid_uri_names().filter(|uri| uri.starts_with(SCHEME));
        match (ours.next(), ours.next()) {
            (Some(uri), None) => Self::parse(uri).ok_or_else(|| format!("{uri:?} names nobody of a cluster")),
            (None, _) => Err(format!("the certificate has no {SCHEME} name")),
            (Some(_), Some(_)) => Err("the certificate names more than one".to_owned()),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}/{}", self.cluster, self.role.word(), self.name)
    }
}

/// Whom one wants to speak to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it must be.
    pub role: Role,
    /// Which one; `None`: any of the cluster.
    pub name: Option<String>,
}

impl Wanted {
    /// Any controller of the cluster.
    pub fn any_replica() -> Self {
        Self { role: Role::Replica, name: None }
    }

    /// This controller.
    pub fn replica(name: &str) -> Self {
        Self { role: Role::Replica, name: Some(name.to_owned()) }
    }

    /// This node.
    pub fn node(name: &str) -> Self {
        Self { role: Role::Node, name: Some(name.to_owned()) }
    }

    pub(super) fn is(&self, identity: &Identity) -> bool {
        identity.role == self.role && self.name.as_ref().is_none_or(|name| *name == identity.name)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {name}", self.role.word()),
            None => write!(f, "a {}", self.role.word()),
        }
    }
}

fn is_name(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !word.is_empty() && word.len() <= NAME_BYTES_MAX && word.bytes().all(plain) && word.bytes().any(|b| b != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_prints_as_it_was_read_and_nothing_else_is_one() {
        let uri = "muster://lumen/node/gpu-01.a";
        let identity = Identity::parse(uri).unwrap();
        assert_eq!((identity.role, identity.to_string().as_str()), (Role::Node, uri));
        for bad in [
            "",
            "muster://",
            "muster://lumen/node",
            "muster://lumen/node/",
            "muster://lumen/king/a",
            "muster://lumen/node/a/b",
            "muster://lumen/node/..",
            "muster://lumen/node/a b",
            "muster:///node/a",
            "https://lumen/node/a",
            "MUSTER://lumen/node/a",
        ] {
            assert_eq!(Identity::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_replica_is_not_another_and_no_node() {
        let c1 = Identity::parse("muster://c/replica/c1").unwrap();
        assert!(Wanted::any_replica().is(&c1) && Wanted::replica("c1").is(&c1));
        assert!(!Wanted::replica("c2").is(&c1) && !Wanted::node("c1").is(&c1));
    }
}

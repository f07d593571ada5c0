//! Certificates for controllers, nodes and users that have none.

use muster_channel::tls::{Identity, Role};
use muster_dialect::hostlist;
use nix::unistd::{User, geteuid};

use super::authority::Authority;
use super::error::PkiError;
use super::place::Pair;
use super::{Pki, say};

impl Pki<'_> {
    /// For every controller and node of slurm.conf; those that have one keep it.
    pub(super) fn issue_all(&self) -> Result<u8, PkiError> {
        let authority = self.authority()?;
        let replicas = self.site.config.slurmctld_hosts.iter().map(|host| (Role::Replica, host.name.as_str()));
        let nodes = self.site.config.nodes.iter().map(|node| (Role::Node, node.name.as_str()));
        let (mut made, mut kept) = (0u32, 0u32);
        for (role, name) in replicas.chain(nodes) {
            let identity = self.identity(role, name)?;
            if Pair::of(&self.dir, &identity).cert.exists() {
                kept += 1;
                continue;
            }
            self.make(&authority, &identity, self.owner(&identity))?;
            made += 1;
        }
        say(&format!("{made} certificates made in {}, {kept} were there already", self.dir.display()));
        Ok(0)
    }

    /// For these.
    pub(super) fn issue(&self, role: &str, names: &[&str]) -> Result<u8, PkiError> {
        let role =
            Role::from_word(role).ok_or_else(|| PkiError::Usage(format!("{role}: not replica, node or client")))?;
        let authority = self.authority()?;
        for list in names {
            let names = hostlist::parse(list).map_err(|why| PkiError::Usage(format!("{list}: {why}")))?;
            for name in names {
                self.issue_one(&authority, role, &name)?;
            }
        }
        Ok(0)
    }

    fn issue_one(&self, authority: &Authority, role: Role, name: &str) -> Result<(), PkiError> {
        let config = &self.site.config;
        let known = match role {
            Role::Replica => config.slurmctld_hosts.iter().any(|host| host.name == name),
            Role::Node => config.node(name).is_some(),
            Role::Client => User::from_name(name).is_ok_and(|user| user.is_some()),
        };
        if !known && role != Role::Client {
            return Err(PkiError::Unknown(role.word(), name.to_owned()));
        }
        if !known {
            return Err(PkiError::Usage(format!("there is no user {name} on this host")));
        }
        let identity = self.identity(role, name)?;
        let pair = Pair::of(&self.dir, &identity);
        if pair.cert.exists() {
            return Err(PkiError::Exists(pair.cert));
        }
        self.make(authority, &identity, self.owner(&identity))?;
        say(&format!("{identity}: {}", pair.cert.display()));
        Ok(())
    }

    fn identity(&self, role: Role, name: &str) -> Result<Identity, PkiError> {
        let cluster = &self.site.config.cluster_name;
        Identity::new(cluster, role, name).ok_or_else(|| PkiError::Name(format!("{cluster} {name}")))
    }

    /// Whose the files are to be, where root makes them for others.
    pub(super) fn owner(&self, identity: &Identity) -> Option<u32> {
        let name = match identity.role {
            Role::Replica => &self.site.config.slurm_user,
            Role::Node => &self.site.config.slurmd_user,
            Role::Client => &identity.name,
        };
        let user = geteuid().is_root().then(|| User::from_name(name).ok().flatten()).flatten();
        user.map(|user| user.uid.as_raw())
    }
}

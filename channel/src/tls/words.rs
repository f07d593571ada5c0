//! `TLSParameters`, as slurm.conf has it: Slurm's words, and four of Muster's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::TlsError;
use super::identity::Role;
use super::peer::{Clients, Rules};

/// Names of Slurm for files beside slurm.conf that `TLSParameters` does not name.
const CA_DEFAULT: &str = "ca_cert.pem";

/// On the way from no TLS to TLS, one restart of every daemon a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Migration {
    /// Not on the way: TLS is spoken and insisted upon.
    #[default]
    Done,
    /// Both are accepted; this daemon dials in the clear.
    Accept,
    /// Both are accepted; this daemon dials with TLS.
    Dial,
}

/// What the words say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsWords {
    /// Authorities that certificates are believed from.
    pub ca: PathBuf,
    /// What clients have to show.
    pub clients: Clients,
    /// Whether daemons insist yet.
    pub migration: Migration,
    words: BTreeMap<String, String>,
    directory: PathBuf,
}

impl TlsWords {
    /// From the words by lower-case name; relative paths are of the directory of slurm.conf.
    ///
    /// # Errors
    /// A value that is none.
    pub fn read(words: &BTreeMap<String, String>, slurm_conf: &Path) -> Result<Self, TlsError> {
        let directory = slurm_conf.parent().unwrap_or(Path::new("/")).to_owned();
        let ca = directory.join(words.get("ca_cert_file").map_or(CA_DEFAULT, String::as_str));
        let word = |name: &str| words.get(name).map(String::as_str);
        let clients = match word("muster_clients") {
            None | Some("tls") => Clients::Tls,
            Some("plain") => Clients::Plain,
            Some("mutual") => Clients::Mutual,
            Some(other) => return Err(TlsError::Words(format!("muster_clients={other}: plain, tls or mutual"))),
        };
        let migration = match word("muster_migrate") {
            None => Migration::Done,
            Some("accept") => Migration::Accept,
            Some("dial") => Migration::Dial,
            Some(other) => return Err(TlsError::Words(format!("muster_migrate={other}: accept or dial"))),
        };
        Ok(Self { ca, clients, migration, words: words.clone(), directory })
    }

    /// Certificate and key of a daemon, or of a user's commands; `%n` stands for `name`.
    ///
    /// A user's have no default: `None` unless the words name both.
    pub fn pair(&self, role: Role, name: &str) -> Option<(PathBuf, PathBuf)> {
        let (cert, key) = match role {
            Role::Replica => ("ctld_cert", "ctld_cert_key"),
            Role::Node => ("slurmd_cert", "slurmd_cert_key"),
            Role::Client => ("muster_client_cert", "muster_client_cert_key"),
        };
        let file = |kind: &str| {
            let default = (role != Role::Client).then(|| format!("{kind}.pem"));
            let pattern = self.words.get(&format!("{kind}_file")).cloned().or(default)?;
            Some(self.directory.join(pattern.replace("%n", name)))
        };
        Some((file(cert)?, file(key)?))
    }

    /// What a door asks of those who come.
    pub fn rules(&self) -> Rules {
        let insists = self.migration == Migration::Done;
        let clients = if insists { self.clients } else { Clients::Plain };
        Rules { daemons: insists, clients }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(pairs: &[(&str, &str)]) -> Result<TlsWords, TlsError> {
        let map = pairs.iter().map(|(word, value)| ((*word).to_owned(), (*value).to_owned())).collect();
        TlsWords::read(&map, Path::new("/etc/slurm/slurm.conf"))
    }

    #[test]
    fn files_are_slurms_beside_slurm_conf_unless_named() {
        let plain = words(&[]).unwrap();
        assert_eq!(plain.ca, Path::new("/etc/slurm/ca_cert.pem"));
        let pair = ("/etc/slurm/ctld_cert.pem".into(), "/etc/slurm/ctld_cert_key.pem".into());
        assert_eq!(plain.pair(Role::Replica, "c1"), Some(pair));
        assert_eq!(plain.pair(Role::Client, "ann"), None);
        let named = [("slurmd_cert_file", "pki/%n.pem"), ("slurmd_cert_key_file", "/root/%n.key")];
        let pair = ("/etc/slurm/pki/n1.pem".into(), "/root/n1.key".into());
        assert_eq!(words(&named).unwrap().pair(Role::Node, "n1"), Some(pair));
    }

    #[test]
    fn what_does_not_mean_anything_is_refused_and_the_default_insists() {
        assert!(words(&[("muster_clients", "perhaps")]).is_err());
        assert!(words(&[("muster_migrate", "")]).is_err());
        assert_eq!(words(&[]).unwrap().rules(), Rules { daemons: true, clients: Clients::Tls });
        let moving = words(&[("muster_migrate", "accept"), ("muster_clients", "mutual")]).unwrap();
        assert_eq!(moving.rules(), Rules { daemons: false, clients: Clients::Plain });
    }
}

//! What slurm.conf says of TLS, made into certificates in use.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::error::TlsError;
use super::identity::{Identity, Role};
use super::material::Tls;
use super::net::TlsNet;
use super::peer::Clients;
use super::words::{Migration, TlsWords};
use crate::Outside;

/// The keys of slurm.conf that matter here, and who may own the files.
#[derive(Clone, Copy, Debug)]
pub struct TlsSite<'a> {
    /// `TLSType`; empty is none.
    pub tls_type: &'a str,
    /// `TLSParameters`, by lower-case name.
    pub parameters: &'a BTreeMap<String, String>,
    /// The file itself.
    pub slurm_conf: &'a Path,
    /// `ClusterName`.
    pub cluster: &'a str,
    /// Beside root.
    pub owners: &'a [u32],
}

impl TlsSite<'_> {
    /// For a daemon: its certificates, if this site has TLS.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn daemon(&self, role: Role, name: &str, outside: &Outside) -> Result<Option<Arc<Tls>>, TlsError> {
        let Some(words) = self.words()? else { return Ok(None) };
        self.load(words, role, name, outside).map(Some)
    }

    /// For a user's command: what it dials with, if this site's clients speak TLS.
    ///
    /// # Errors
    /// The authorities' file, or the user's own, cannot be used.
    pub fn command(&self, user: &str, outside: &Outside) -> Result<Option<Arc<Tls>>, TlsError> {
        match self.words()? {
            Some(words) if words.clients != Clients::Plain && words.migration == Migration::Done => {
                self.load(words, Role::Client, user, outside).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn words(&self) -> Result<Option<TlsWords>, TlsError> {
        match self.tls_type {
            "" | "tls/none" => Ok(None),
            _ => TlsWords::read(self.parameters, self.slurm_conf).map(Some),
        }
    }

    fn load(&self, words: TlsWords, role: Role, name: &str, outside: &Outside) -> Result<Arc<Tls>, TlsError> {
        let own = Identity::new(self.cluster, role, name).ok_or_else(|| {
            let role = role.word();
            TlsError::Words(format!("cluster {:?}, {role} {name:?}: no names for a certificate", self.cluster))
        })?;
        Tls::load(words, own, self.owners, outside.wall_ms.clone())
    }
}

impl Outside {
    /// The same, whose connections are those of `tls`, if there is any.
    pub fn with_tls(self, tls: Option<&Arc<Tls>>) -> Self {
        match tls {
            Some(tls) => Self { net: Arc::new(TlsNet::new(self.net, tls.clone())), ..self },
            None => self,
        }
    }
}

//! Why no certificate was made.

use std::io;
use std::path::{Path, PathBuf};

use muster_channel::tls::TlsError;
use thiserror::Error;

#[derive(Debug, Error)]
pub(super) enum PkiError {
    #[error("{0}\nTry \"muster pki --help\" for more information")]
    Usage(String),
    #[error("{path}: {why}")]
    File { path: PathBuf, why: io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{0}: exists already; \"muster pki renew\" makes it anew")]
    Exists(PathBuf),
    #[error(
        "{0} was not made by muster pki with this key: a site's own authority issues certificates itself, each with an \
         URI muster://CLUSTER/ROLE/NAME"
    )]
    Foreign(PathBuf),
    #[error("{0:?} cannot be named in a certificate: letters, digits, \".\", \"_\" and \"-\" can")]
    Name(String),
    #[error("no {0} {1} in slurm.conf")]
    Unknown(&'static str, String),
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl PkiError {
    pub(super) fn file(path: &Path, why: io::Error) -> Self {
        Self::File { path: path.to_owned(), why }
    }
}

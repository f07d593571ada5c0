//! Why there is no TLS.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::files::FileError;

/// Why certificates cannot be used. Every text names the file and, where it can, what mends it.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file is missing, unreadable or unsafe.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file holds something else than it should.
    #[error("{path}: {why}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The configuration contradicts itself.
    #[error("TLSParameters: {0}")]
    Words(String),
}

impl TlsError {
    pub(super) fn content(path: &Path, why: impl ToString) -> Self {
        Self::Content { path: path.to_owned(), why: why.to_string() }
    }
}

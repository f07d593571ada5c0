//! A look at a certificate file, for who renews it.

use std::path::Path;

use super::error::TlsError;
use super::identity::Identity;
use super::material::certificates;
use super::validity::ends_at_s;

/// The first certificate of a file.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Whom it names; nothing for an authority's.
    pub identity: Option<Identity>,
    /// When it ends, seconds since the epoch.
    pub ends_s: u64,
    /// As it is signed.
    pub der: Vec<u8>,
}

impl Certificate {
    /// Reads it, with the care of a daemon.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn read(path: &Path, owners: &[u32]) -> Result<Self, TlsError> {
        let mut found = certificates(path, owners)?;
        let first = found.swap_remove(0);
        let ends_s = ends_at_s(&first).ok_or_else(|| TlsError::content(path, "its end cannot be read"))?;
        Ok(Self { identity: Identity::of(&first).ok(), ends_s, der: first.to_vec() })
    }
}

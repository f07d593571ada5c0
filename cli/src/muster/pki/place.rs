//! Files put where daemons look for them, each whole or not at all.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use muster_channel::tls::{Identity, Role};

use super::error::PkiError;

pub(super) const CA: &str = "ca";

/// Certificate and key of a bearer.
pub(super) struct Pair {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

impl Pair {
    /// Of the authority itself.
    pub(super) fn authority(dir: &Path) -> Self {
        Self::named(dir, CA)
    }

    pub(super) fn of(dir: &Path, identity: &Identity) -> Self {
        Self::named(&dir.join(identity.role.word()), &identity.name)
    }

    fn named(dir: &Path, name: &str) -> Self {
        Self { cert: dir.join(format!("{name}_cert.pem")), key: dir.join(format!("{name}_cert_key.pem")) }
    }

    /// Writes both. Between the two, a daemon that reads them sees that they do not fit, and keeps what it has.
    pub(super) fn write(&self, key: &str, cert: &str, owner: Option<u32>) -> Result<(), PkiError> {
        write(&self.key, key, 0o600, owner)?;
        write(&self.cert, cert, 0o644, owner)
    }
}

/// Makes `dir` if it is not there; others may look but not write.
pub(super) fn make_dir(dir: &Path) -> Result<(), PkiError> {
    DirBuilder::new().recursive(true).mode(0o755).create(dir).map_err(|why| PkiError::file(dir, why))
}

/// Replaces `path` by a new file, written through to the disk.
pub(super) fn write(path: &Path, text: &str, mode: u32, owner: Option<u32>) -> Result<(), PkiError> {
    let failed = |why| PkiError::file(path, why);
    let fresh = path.with_extension(format!("new{}", std::process::id()));
    // Of an earlier run that was cut short.
    let _ = std::fs::remove_file(&fresh);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| match owner {
        Some(uid) => fchown(&file, Some(uid), None),
        None => Ok(()),
    });
    let written = written.and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|why| {
        let _ = std::fs::remove_file(&fresh);
        failed(why)
    })
}

/// Every certificate of members in `dir`, in order.
pub(super) fn members(dir: &Path) -> Vec<PathBuf> {
    let roles = [Role::Replica, Role::Node, Role::Client];
    let entries = roles.iter().filter_map(|role| std::fs::read_dir(dir.join(role.word())).ok()).flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with("_cert.pem")).collect();
    found.sort();
    found
}

//! The node's own directory: locked, its secrets private, its identity random.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

const ID_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

/// Why a spool cannot be used.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// Another daemon has it.
    #[error("{0} is in use by another node daemon")]
    Locked(PathBuf),
    /// Others may write in it.
    #[error("{path} belongs to uid {owner} and has mode {mode:04o}: {what}", what = wanted(.owner))]
    Open { path: PathBuf, owner: u32, mode: u32 },
    /// The disk.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// What would be right.
fn wanted(owner: &u32) -> String {
    match rustix::process::geteuid().as_raw() {
        own if own == *owner => "nobody else may write in it (chmod go-w)".to_owned(),
        own => format!("this daemon runs as uid {own}, whose it must be (chown)"),
    }
}

/// An opened, locked spool.
pub struct Spool {
    /// Absolute.
    pub path: PathBuf,
    /// Made with the spool.
    pub id: Vec<u8>,
    /// Made with the spool, secret.
    pub key: Vec<u8>,
    /// It was made just now.
    pub fresh: bool,
    _lock: File,
}

impl Spool {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// See [`SpoolError`].
    pub fn open(path: &Path, random: &muster_channel::Random) -> Result<Self, SpoolError> {
        let io_error = |e| SpoolError::Io(path.to_owned(), e);
        DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(io_error)?;
        let path = &fs::canonicalize(path).map_err(io_error)?;
        check_owner(path)?;
        let lock = path.join("lock");
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock).map_err(io_error)?;
        let locked = rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive);
        locked.map_err(|_| SpoolError::Locked(path.clone()))?;
        let fresh = !path.join("spool_id").exists();
        let id = keep(&path.join("spool_id"), ID_BYTES, random).map_err(io_error)?;
        let key = keep(&path.join("node_key"), KEY_BYTES, random).map_err(io_error)?;
        private_directory(&path.join("steps")).map_err(io_error)?;
        Ok(Self { path: path.clone(), id, key, fresh, _lock: lock })
    }

    /// Where the journal is.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// Where the configuration is kept that leaders hand over.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join("config")
    }
}

fn check_owner(path: &Path) -> Result<(), SpoolError> {
    let about = fs::metadata(path).map_err(|e| SpoolError::Io(path.to_owned(), e))?;
    if about.uid() != rustix::process::geteuid().as_raw() || about.mode() & 0o022 != 0 {
        let (owner, mode) = (about.uid(), about.mode() & 0o7777);
        return Err(SpoolError::Open { path: path.to_owned(), owner, mode });
    }
    Ok(())
}

fn private_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => fs::set_permissions(path, Permissions::from_mode(0o700)),
        made => made,
    }
}

/// The bytes of a file that is made once, durably.
fn keep(path: &Path, length: usize, random: &muster_channel::Random) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => {
            file.take(length as u64).read_to_end(&mut bytes)?;
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    if bytes.len() == length {
        return Ok(bytes);
    }
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.id()).flatten().take(length).collect();
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_kept_out_and_the_identity_stays() {
        let dir = tempfile::tempdir().unwrap();
        let random = muster_channel::Random::from_seed(1);
        let path = dir.path().join("spool");
        let spool = Spool::open(&path, &random).unwrap();
        assert!(spool.fresh);
        assert!(matches!(Spool::open(&path, &random), Err(SpoolError::Locked(_))));
        let id = spool.id.clone();
        drop(spool);
        let again = Spool::open(&path, &random).unwrap();
        assert_eq!((again.id, again.fresh), (id, false));
    }
}

//! Certificates and keys on disk, opened so that nobody but root or the daemon's own user can have put them there.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use thiserror::Error;

/// Largest certificate file, bytes: a few authorities' certificates.
const FILE_BYTES_MAX: u64 = 256 * 1024;
const OTHERS_WRITE: u32 = 0o022;
const OTHERS_ANYTHING: u32 = 0o077;
/// A directory like /tmp: others write, but cannot replace what is not theirs.
const STICKY: u32 = 0o1000;

/// Who else may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// A private key: its owner alone.
    Secret,
    /// A certificate: everybody may.
    Public,
}

/// Why a file is not used.
#[derive(Debug, Error)]
pub enum FileError {
    /// It is not there, or not readable by this user.
    #[error("{path}: {why}")]
    Io {
        /// Which.
        path: String,
        /// The system's word.
        why: io::Error,
    },
    /// Somebody else could have written or read it.
    #[error("{path}: {why}")]
    Unsafe {
        /// Which.
        path: String,
        /// What is wrong, and what mends it.
        why: String,
    },
}

/// Changes whenever the file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Stamp {
    file: (u64, u64),
    length: u64,
    changed: (i64, i64),
    written: (i64, i64),
}

impl Stamp {
    /// Of what stands at `path` now; the default if nothing does.
    pub(super) fn now(path: &Path) -> Self {
        std::fs::symlink_metadata(path).map_or_else(|_| Self::default(), |metadata| Self::of(&metadata))
    }

    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            written: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Reads a file of at most 256 KiB that belongs to one of `owners`, in a directory that others cannot replace it in.
/// Symbolic links are not followed in the last step.
///
/// # Errors
/// See [`FileError`].
pub fn read_guarded(path: &Path, secrecy: Secrecy, owners: &[u32]) -> Result<Vec<u8>, FileError> {
    let io = |why: io::Error| FileError::Io { path: path.display().to_string(), why };
    let refused = |why: String| FileError::Unsafe { path: path.display().to_string(), why };
    let name = path.file_name().ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let directory = openat(CWD, parent, flags | OFlags::DIRECTORY, Mode::empty()).map_err(|why| io(why.into()))?;
    // A pipe put there must not hold the daemon up.
    let file = openat(&directory, name, flags | OFlags::NOFOLLOW | OFlags::NONBLOCK, Mode::empty());
    let file = match file {
        Err(rustix::io::Errno::LOOP) => return Err(refused("a symbolic link, which is not followed".to_owned())),
        other => other.map_err(|why| io(why.into()))?,
    };
    check_directory(directory, owners).map_err(refused)?;
    let mut file = File::from(file);
    let metadata = file.metadata().map_err(io)?;
    check_file(&metadata, secrecy, owners).map_err(refused)?;
    let mut bytes = Vec::new();
    file.by_ref().take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn check_directory(directory: OwnedFd, owners: &[u32]) -> Result<(), String> {
    let metadata = File::from(directory).metadata().map_err(|why| why.to_string())?;
    if !owners.contains(&metadata.uid()) {
        return Err(format!("its directory belongs to uid {}, not to root or this user", metadata.uid()));
    }
    if metadata.mode() & OTHERS_WRITE != 0 && metadata.mode() & STICKY == 0 {
        return Err("others may write in its directory (chmod go-w)".to_owned());
    }
    Ok(())
}

fn check_file(metadata: &std::fs::Metadata, secrecy: Secrecy, owners: &[u32]) -> Result<(), String> {
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(format!("larger than {FILE_BYTES_MAX} bytes"));
    }
    if !owners.contains(&metadata.uid()) {
        return Err(format!("belongs to uid {}, not to root or this user", metadata.uid()));
    }
    match secrecy {
        Secrecy::Secret if metadata.mode() & OTHERS_ANYTHING != 0 => {
            Err("a private key that others may read (chmod 600)".to_owned())
        }
        Secrecy::Public if metadata.mode() & OTHERS_WRITE != 0 => Err("others may write it (chmod go-w)".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn own() -> [u32; 2] {
        [0, rustix::process::geteuid().as_raw()]
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, "k").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let why = read_guarded(&path, Secrecy::Secret, &own()).unwrap_err().to_string();
        assert!(why.ends_with("a private key that others may read (chmod 600)"), "{why}");
        assert_eq!(read_guarded(&path, Secrecy::Public, &own()).unwrap(), b"k");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(read_guarded(&path, Secrecy::Public, &own()).is_err());
    }

    #[test]
    fn a_link_a_directory_and_another_owner_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("key"), dir.path().join("link"));
        fs::write(&path, "k").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&path, &link).unwrap();
        assert!(read_guarded(&path, Secrecy::Secret, &own()).is_ok());
        let why = |path: &Path, owners: &[u32]| read_guarded(path, Secrecy::Secret, owners).unwrap_err().to_string();
        assert!(why(&link, &own()).contains("symbolic link"));
        assert!(why(dir.path(), &own()).contains("not a regular file"));
        assert!(why(&path, &[own()[1] + 1]).contains("belongs to uid"));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(why(&path, &own()).contains("its directory"));
    }
}

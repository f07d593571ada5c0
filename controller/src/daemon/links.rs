//! Symbolic links below directories that may be SlurmUser's: root follows its own alone, since what somebody else's names may be
//! any file of the system.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// Flags for opening `path`. Where a link is not followed, opening fails.
pub(super) fn flags(path: &Path) -> OFlag {
    let link = fs::symlink_metadata(path).ok().filter(|found| found.is_symlink());
    match link {
        Some(link) if link.uid() == 0 || !nix::unistd::geteuid().is_root() => OFlag::empty(),
        Some(_) | None => OFlag::O_NOFOLLOW,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_links_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert_eq!(flags(&link), OFlag::empty());
        assert_eq!(flags(dir.path()), OFlag::O_NOFOLLOW);
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::lchown(&link, Some(65_534), None).unwrap();
            assert_eq!(flags(&link), OFlag::O_NOFOLLOW);
        }
    }
}

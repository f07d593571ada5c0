//! Symbolic links on the way to a file that a daemon opens: root follows its own alone. The directory of logs or of state may
//! be SlurmUser's, and what somebody else's link names may be any file of the system.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// For `OpenOptionsExt::custom_flags` when opening `path`: what somebody else linked there fails to open.
pub fn link_flags(path: &Path) -> i32 {
    let link = fs::symlink_metadata(path).ok().filter(|found| found.is_symlink());
    let follow = link.is_some_and(|link| link.uid() == 0 || !geteuid().is_root());
    let flags = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    // They fit: the kernel takes an int.
    flags.bits() as i32
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::{OpenOptionsExt, lchown, symlink};

    use super::*;

    #[test]
    fn only_ones_own_links_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        let opens = |path: &Path| OpenOptions::new().read(true).custom_flags(link_flags(path)).open(path).is_ok();
        assert!(opens(&file) && opens(&link));
        assert_eq!(link_flags(&link), 0);
        assert_eq!(link_flags(&file) as u32, OFlags::NOFOLLOW.bits(), "a link that is put there now is not followed");
        if geteuid().is_root() {
            lchown(&link, Some(65_534), None).unwrap();
            assert!(opens(&file) && !opens(&link));
        }
    }
}

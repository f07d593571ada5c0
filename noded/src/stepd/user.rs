//! Being the user: for the files that the user names, and for what is copied to them.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use nix::unistd::{self, Gid, Uid};

/// Ids as the leader resolved them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

impl Ids {
    /// For good: after this the process is the user's.
    ///
    /// # Errors
    /// Not root, and another's ids.
    pub(crate) fn become_for_good(&self) -> nix::Result<()> {
        if !Uid::effective().is_root() {
            let same = Uid::effective().as_raw() == self.uid;
            return if same { Ok(()) } else { Err(nix::errno::Errno::EPERM) };
        }
        unistd::setgroups(&self.gids())?;
        unistd::setgid(Gid::from_raw(self.gid))?;
        unistd::setuid(Uid::from_raw(self.uid))
    }

    /// Runs `work` with the user's right to files; this process has one thread, and nothing else happens meanwhile.
    pub(crate) fn with_their_files<T>(&self, work: impl FnOnce() -> T) -> T {
        if !Uid::effective().is_root() {
            return work();
        }
        let own = unistd::getgroups().unwrap_or_default();
        // The kernel drops the file capabilities with the file-system uid, so even root's daemon gets EACCES.
        let _ = unistd::setgroups(&self.gids());
        unistd::setfsgid(Gid::from_raw(self.gid));
        unistd::setfsuid(Uid::from_raw(self.uid));
        let done = work();
        unistd::setfsuid(Uid::from_raw(0));
        unistd::setfsgid(Gid::from_raw(0));
        let _ = unistd::setgroups(&own);
        done
    }

    fn gids(&self) -> Vec<Gid> {
        let mut gids = vec![self.gid];
        gids.extend(self.groups.iter().filter(|gid| **gid != self.gid));
        gids.into_iter().map(Gid::from_raw).collect()
    }
}

/// Exit code of the copier when the file is there and `--force` was not given.
pub(crate) const EXISTS: u8 = 17;

/// The process that writes sbcast's file: becomes the user, and copies standard input.
///
/// `arguments`: uid, gid, groups (comma list or `-`), mode (octal), size, force (0/1), modified (ms or `-`), path.
#[must_use]
pub fn write_as_user(arguments: &[std::ffi::OsString]) -> ExitCode {
    match copy(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprint!("{}", reason(&e));
            let number = e.raw_os_error().and_then(|number| u8::try_from(number).ok()).unwrap_or(1);
            ExitCode::from(if e.kind() == io::ErrorKind::AlreadyExists { EXISTS } else { number })
        }
    }
}

fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_owned(),
        None if error.kind() == io::ErrorKind::AlreadyExists => "File exists".to_owned(),
        None => error.to_string(),
    }
}

fn copy(arguments: &[std::ffi::OsString]) -> io::Result<()> {
    let text = |at: usize| arguments.get(at).and_then(|text| text.to_str()).unwrap_or_default();
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let number = |at: usize| text(at).parse::<u64>().map_err(|_| invalid());
    let groups = text(2).split(',').filter_map(|group| group.parse().ok()).collect();
    let ids = Ids { uid: number(0)? as u32, gid: number(1)? as u32, groups };
    let mode = u32::from_str_radix(text(3), 8).map_err(|_| invalid())? & 0o777;
    let (size, force) = (number(4)?, text(5) == "1");
    let path = Path::new(arguments.get(7).ok_or_else(invalid)?);
    ids.become_for_good()?;
    if !force && path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let fresh = beside(path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let written = fill(file, size, mode, text(6));
    let placed = written.and_then(|()| if force { fs::rename(&fresh, path) } else { link(&fresh, path) });
    if placed.is_err() || !force {
        let _ = fs::remove_file(&fresh);
    }
    placed
}

/// Puts the file in place only if nothing is there, whatever happened since it was looked at.
fn link(fresh: &Path, path: &Path) -> io::Result<()> {
    fs::hard_link(fresh, path)
}

fn beside(path: &Path) -> std::path::PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or(OsStr::new("file")));
    name.push(format!(".{}", std::process::id()));
    path.with_file_name(name)
}

fn fill(mut file: File, size: u64, mode: u32, modified: &str) -> io::Result<()> {
    let copied = io::copy(&mut io::stdin().lock().take(size.saturating_add(1)), &mut file)?;
    if copied < size {
        return Err(io::Error::other("the file came incomplete"));
    }
    if copied > size {
        return Err(io::Error::other("more came than was announced"));
    }
    file.flush()?;
    file.set_permissions(Permissions::from_mode(mode))?;
    if let Ok(ms) = modified.parse() {
        file.set_modified(UNIX_EPOCH + Duration::from_millis(ms))?;
    }
    Ok(())
}

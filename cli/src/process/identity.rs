//! Who and where this process is.

use nix::unistd::{Uid, User};
use thiserror::Error;

/// What of this process goes into every job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Here {
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Host name, up to the first dot.
    pub host: String,
    /// Session id.
    pub sid: u32,
    /// Process id.
    pub pid: u32,
    /// Current directory; empty when it is gone.
    pub directory: String,
    /// umask(2).
    pub umask: u32,
    /// nice(2) value.
    pub nice: i32,
    /// The command line, words quoted by blanks only, as Slurm keeps it.
    pub line: String,
}

impl Here {
    /// Looks around. `line` is the whole command line.
    #[must_use]
    pub(crate) fn look(line: &[String]) -> Self {
        let mask = rustix::process::umask(rustix::fs::Mode::empty());
        rustix::process::umask(mask);
        // 0 where the session's leader is outside this pid namespace: a number the kernel gives, rustix' Pid cannot hold.
        let sid = nix::unistd::getsid(None).map_or(0, nix::unistd::Pid::as_raw);
        Self {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            host: short_host(&rustix::system::uname().nodename().to_string_lossy()),
            sid: u32::try_from(sid).unwrap_or(0),
            pid: std::process::id(),
            directory: directory(),
            umask: mask.bits(),
            nice: rustix::process::getpriority_process(None).unwrap_or(0),
            line: line.join(" "),
        }
    }
}

/// `$PWD` where it is the current directory, so that links stay as the user knows them; else what the kernel says.
fn directory() -> String {
    use std::os::unix::fs::MetadataExt;
    let same = |a: &std::path::Path| {
        let (a, b) = (std::fs::metadata(a).ok()?, std::fs::metadata(".").ok()?);
        Some(a.dev() == b.dev() && a.ino() == b.ino())
    };
    let named = std::env::var_os("PWD").map(std::path::PathBuf::from).filter(|path| path.is_absolute());
    let named = named.filter(|path| same(path) == Some(true));
    let path = named.or_else(|| std::env::current_dir().ok());
    path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

fn short_host(name: &str) -> String {
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Not a user of this host.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("no such user")]
pub(crate) struct UserError;

/// A user's id by name or number.
///
/// # Errors
/// When the name service knows no such name. A number is taken as it is.
pub(crate) fn user_id(text: &str) -> Result<u32, UserError> {
    if let Ok(id) = text.parse::<u32>() {
        return Ok(id);
    }
    let found = User::from_name(text).ok().flatten();
    found.map(|user| Uid::as_raw(user.uid)).ok_or(UserError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_number() {
        assert_eq!(user_id("root"), Ok(0));
        assert_eq!(user_id("4711"), Ok(4711));
        assert_eq!(user_id("no such user"), Err(UserError));
    }

    #[test]
    fn hosts_are_short() {
        assert_eq!(short_host("login1.site.example"), "login1");
    }
}

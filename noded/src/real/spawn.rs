//! A supervisor as a process in a session of its own: nothing that ends the daemon, or its terminal, reaches it.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use nix::libc;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::SigSet;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;
use tracing::warn;

use super::children;

/// Starts `program stepd DIR` with the locked file as standard input and its end of the conversation as standard output.
pub(super) fn supervisor(program: &Path, dir: &Path, lock: &File, talk: &OwnedFd) -> io::Result<i32> {
    let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(io::Error::other);
    let arguments = [text(program.as_os_str())?, c"stepd".to_owned(), text(dir.as_os_str())?];
    let variable = |(mut name, value): (std::ffi::OsString, std::ffi::OsString)| {
        name.push("=");
        name.push(value);
        CString::new(name.into_vec()).ok()
    };
    let environment: Vec<CString> = std::env::vars_os().filter_map(variable).collect();
    let mut descriptors = PosixSpawnFileActions::init()?;
    descriptors.add_dup2(lock.as_fd().as_raw_fd(), 0)?;
    descriptors.add_dup2(talk.as_raw_fd(), 1)?;
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_sigmask(&SigSet::empty())?;
    let own_session = PosixSpawnFlags::from_bits_retain(i32::from(libc::POSIX_SPAWN_SETSID));
    attributes.set_flags(own_session | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK)?;
    let spawn = || Ok(posix_spawn(program, &descriptors, &attributes, &arguments, &environment)?);
    let pid = children::start(spawn, |pid: &Pid| Some(pid.as_raw()))?;
    tokio::spawn(reap(pid));
    Ok(pid.as_raw())
}

/// It usually outlives its step by little, and may outlive this daemon.
async fn reap(pid: Pid) {
    let waited = async {
        let number = rustix::process::Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::InvalidInput)?;
        let pidfd = pidfd_open(number, PidfdFlags::NONBLOCK)?;
        // SAFETY: an OwnedFd names the same open file for as long as it lives, and it lives inside the AsyncFd.
        let pidfd = unsafe { AsyncFd::register(pidfd) }?;
        let _ended = pidfd.readable().await?;
        let waited = waitpid(pid, None).map(|_| ()).map_err(io::Error::from);
        children::ended(pid.as_raw());
        waited
    };
    if let Err(e) = waited.await {
        warn!("the supervisor with pid {pid} cannot be waited for: {e}");
    }
}

//! This daemon's children. It is a subreaper: what a killed supervisor leaves behind becomes its child, however it hid.
//!
//! The supervisors and programs that it started itself are known here, so that they are never taken for orphans.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard};

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::stepd::proc::{self, Process};

static KNOWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn known() -> MutexGuard<'static, BTreeSet<i32>> {
    KNOWN.lock().expect("no holder of this lock panics")
}

/// Starts a child, and knows it from its first moment: nobody looks for orphans meanwhile.
pub(super) fn start<T>(spawn: impl FnOnce() -> io::Result<T>, pid: impl Fn(&T) -> Option<i32>) -> io::Result<T> {
    let mut known = known();
    let child = spawn()?;
    known.extend(pid(&child));
    Ok(child)
}

/// It was waited for: its number may go to another.
pub(super) fn ended(pid: i32) {
    known().remove(&pid);
}

/// Children that this daemon did not start, and what descends from them. Dead ones are reaped on the way.
pub(super) fn orphans() -> Vec<Process> {
    let known = known();
    let own = std::process::id() as i32;
    let strangers = proc::children(own).into_iter().filter(|pid| !known.contains(pid));
    let mut found = Vec::new();
    for pid in strangers {
        let Some(process) = proc::read(pid) else { continue };
        let gone = process.is_zombie()
            && waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)).is_ok_and(|s| s.pid().is_some());
        if !gone {
            found.push(process);
            found.extend(proc::descendants(pid));
        }
    }
    found
}

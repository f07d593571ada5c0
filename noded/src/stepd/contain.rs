//! Containment without cgroups: a subreaper's descendants are the step, wherever they fork to.
//!
//! Whoever dies gives its children to the nearest living subreaper above it, so each living process of the step hangs on a
//! chain of living ones that ends here: a supervisor without a child has no descendant. That is the proof of emptiness, and
//! one system call. Walking /proc is only for finding whom to signal; what it misses shows in the next round.

use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;

use super::proc::{self, Process};

/// Between two rounds of killing.
const ROUND_FIRST: Duration = Duration::from_millis(1);
const ROUND_MAX: Duration = Duration::from_millis(200);

/// All of the step that lives.
pub(crate) fn members() -> Vec<Process> {
    proc::descendants(std::process::id() as i32)
}

/// Signals all of the step.
pub(crate) fn signal_all(signal: i32) {
    for process in members() {
        process.signal(signal);
    }
}

/// Reaps what is dead, telling pid and raw status of each. Whether a child is left.
pub(crate) fn reap(mut on_reaped: impl FnMut(i32, i32)) -> bool {
    let mut status = 0;
    loop {
        // Clones that were made without SIGCHLD are children too.
        // SAFETY: the pointer is to a live variable. nix's waitpid would lose the raw status that the cluster keeps.
        let waited = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG | libc::__WALL) };
        match Errno::result(waited) {
            Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return false,
            Ok(pid) if pid > 0 => on_reaped(pid, status),
            Ok(_) | Err(_) => return true,
        }
    }
}

/// SIGKILL, until nothing is left. `reap` is called each round, and says whether a child is left.
pub(crate) async fn kill_all(mut reap: impl FnMut() -> bool) {
    let mut pause = ROUND_FIRST;
    while reap() {
        signal_all(Signal::SIGKILL as i32);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(ROUND_MAX);
    }
}

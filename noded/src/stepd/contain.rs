//! Containment without cgroups: a subreaper's descendants are the step, wherever they fork to.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::proc::{self, Process};

/// Between two rounds of killing.
const ROUND_FIRST: Duration = Duration::from_millis(2);
const ROUND_MAX: Duration = Duration::from_millis(200);
/// A process that forks while it is being looked for shows in the next round: only two empty rounds count.
const EMPTY_ROUNDS: u32 = 2;

/// All of the step that lives.
pub(crate) fn members() -> Vec<Process> {
    let own = std::process::id() as i32;
    let mut members = proc::descendants(own);
    members.retain(|process| !process.is_zombie());
    members
}

/// Signals all of the step.
pub(crate) fn signal_all(signal: i32) {
    for process in members() {
        process.signal(signal);
    }
}

/// SIGKILL, until nothing is left. `reap` is called each round, since zombies are the caller's.
pub(crate) async fn kill_all(mut reap: impl FnMut()) {
    let mut empty = 0;
    let mut pause = ROUND_FIRST;
    while empty < EMPTY_ROUNDS {
        reap();
        let left = members();
        if left.is_empty() {
            empty += 1;
            continue;
        }
        empty = 0;
        for process in left {
            process.signal(Signal::SIGKILL as i32);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(ROUND_MAX);
    }
}

//! Supervisors of a spool that is gone: a new spool in an old boot proves nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tracing::{error, warn};

use crate::stepd::paths;
use crate::stepd::proc::{self, Process};

const ROUND: Duration = Duration::from_millis(20);
/// Rounds of killing before the daemon goes on: the leader drains the node in any case.
const ROUNDS_MAX: u32 = 250;

/// Ends every supervisor that works in `spool` from before it was made anew, its step first: nobody can reach it any more.
pub(super) async fn end(spool: &Path) {
    let steps = paths::steps(spool);
    let mut alone = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let left = supervisors(&steps);
        if left.is_empty() {
            return;
        }
        for supervisor in left {
            let members = proc::descendants(supervisor.pid);
            warn!("{} of a lost spool, and {} processes: killing", supervisor.describe(), members.len());
            members.iter().for_each(|process| process.signal(Signal::SIGKILL as i32));
            // It reaps them, and what they fork meanwhile stays below it: it goes last, and only when it was seen alone twice.
            if members.is_empty() && !alone.insert(supervisor.pid) {
                supervisor.signal(Signal::SIGKILL as i32);
            }
        }
        tokio::time::sleep(ROUND).await;
    }
    error!("steps of a lost spool cannot be killed");
}

/// Their working directory is that of their step, though it is no more.
fn supervisors(steps: &Path) -> Vec<Process> {
    let works_there = |process: &Process| {
        let dir = fs::read_link(format!("/proc/{}/cwd", process.pid));
        dir.is_ok_and(|dir| dir.starts_with(steps)) && is_supervisor(process.pid)
    };
    proc::all().into_iter().filter(|process| !process.is_zombie() && works_there(process)).collect()
}

fn is_supervisor(pid: i32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).nth(1) == Some(b"stepd")
}

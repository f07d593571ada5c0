//! Proof that nothing of an attempt lives on this node, and making it so.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use muster_model::agent::AttemptKey;
use nix::sys::signal::Signal;
use tokio::time::Instant;
use tracing::{error, info};

use super::control;
use super::steps::RealSteps;
use crate::stepd::proc::{self, Process};
use crate::stepd::wire::Launch;
use crate::stepd::{is_alive, paths};
use prost::Message;

const ROUND_FIRST: Duration = Duration::from_millis(5);
const ROUND_MAX: Duration = Duration::from_millis(500);
/// A process that forks while it is being looked for shows in the next round.
const EMPTY_ROUNDS: u32 = 2;

/// Returns only once no supervisor of the attempt holds its lock and no process carries its mark, twice in a row.
/// The text is why the node should be looked at, where killing took longer than `UnkillableStepTimeout`.
pub(super) async fn until_empty(steps: &RealSteps, attempt: AttemptKey) -> String {
    let began = Instant::now();
    let patience = Duration::from_secs(u64::from(steps.0.settings.unkillable_s.max(1)));
    let mut drain_reason = String::new();
    let (mut empty, mut pause) = (0, ROUND_FIRST);
    while empty < EMPTY_ROUNDS {
        let left = round(steps, attempt).await;
        if left.as_ref().is_some_and(Vec::is_empty) {
            empty += 1;
            continue;
        }
        empty = 0;
        if began.elapsed() > patience && drain_reason.is_empty() {
            drain_reason = stuck(left.unwrap_or_default().first());
            error!("attempt {attempt}: {drain_reason}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(ROUND_MAX);
    }
    if !drain_reason.is_empty() {
        info!("attempt {attempt}: the process is gone");
    }
    drain_reason
}

fn stuck(process: Option<&Process>) -> String {
    match process {
        Some(process) => format!("Kill task failed: {}", process.describe()),
        None => "Kill task failed".to_owned(),
    }
}

/// One look, with SIGKILL for what is found. Nothing: a supervisor lives, and kills by itself.
async fn round(steps: &RealSteps, attempt: AttemptKey) -> Option<Vec<Process>> {
    let mut supervised = false;
    for (_, dir) in steps.dirs_of(attempt) {
        if is_alive(&dir) {
            supervised = true;
            let pids = control::pids(&dir).await.unwrap_or_default();
            let processes = pids.iter().filter_map(|pid| proc::read(pid.pid as i32));
            processes.for_each(|process| process.signal(Signal::SIGKILL as i32));
        }
    }
    if supervised {
        return None;
    }
    let prefix = format!("{}/{attempt}.", steps.0.mark);
    let looking = tokio::task::spawn_blocking(move || proc::marked(paths::MARKER, |value| value.starts_with(&prefix)));
    let left = looking.await.unwrap_or_default();
    for process in &left {
        process.signal(Signal::SIGKILL as i32);
    }
    Some(left)
}

/// Removes a step's directory, and the job's with the script.
pub(super) fn remove(steps: &RealSteps, dir: &Path) -> io::Result<()> {
    let launch = fs::read(dir.join(paths::LAUNCH)).ok().and_then(|bytes| Launch::decode(&bytes[..]).ok());
    let order = launch.and_then(|launch| launch.order);
    let is_batch = order.as_ref().is_some_and(|order| !order.script.is_empty());
    if let Some(facts) = order.and_then(|order| order.facts).filter(|_| is_batch) {
        match fs::remove_dir_all(paths::job(&steps.0.spool, facts.job_id)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    fs::remove_dir_all(dir)
}

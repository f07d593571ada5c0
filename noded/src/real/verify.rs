//! Proof that nothing of an attempt lives on this node, and making it so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_model::agent::{AttemptKey, StepKey};
use nix::sys::signal::Signal;
use tokio::time::Instant;
use tracing::{error, info};

use super::steps::RealSteps;
use super::{children, control};
use crate::stepd::proc::{self, Process};
use crate::stepd::wire::Launch;
use crate::stepd::{exit_file, is_alive, paths};
use prost::Message;

const ROUND_FIRST: Duration = Duration::from_millis(5);
const ROUND_MAX: Duration = Duration::from_millis(500);
/// A process that forks while it is being looked for shows in the next round.
const EMPTY_ROUNDS: u32 = 2;

/// Returns only once no supervisor of the attempt holds its lock and no process of it is found, twice in a row.
/// The text is why the node should be looked at, where killing took longer than `UnkillableStepTimeout`.
pub(super) async fn until_empty(steps: &RealSteps, attempt: AttemptKey) -> String {
    let wanted = Wanted { dirs: steps.dirs_of(attempt), mark: format!("{}/{attempt}.", steps.0.mark) };
    settle(steps, &wanted, &format!("attempt {attempt}")).await
}

/// The same of one step, whose supervisor was killed.
pub(super) async fn until_step_empty(steps: &RealSteps, step: StepKey) {
    let wanted = Wanted { dirs: vec![(step, steps.dir(step))], mark: paths::marker(&steps.0.mark, step) };
    settle(steps, &wanted, &format!("step {step}")).await;
}

/// What is looked for.
struct Wanted {
    dirs: Vec<(StepKey, PathBuf)>,
    /// What the value of its processes' marker begins with.
    mark: String,
}

async fn settle(steps: &RealSteps, wanted: &Wanted, what: &str) -> String {
    let began = Instant::now();
    let patience = Duration::from_secs(u64::from(steps.settings().unkillable_s.max(1)));
    let mut drain_reason = String::new();
    let (mut empty, mut pause) = (0, ROUND_FIRST);
    while empty < EMPTY_ROUNDS {
        let left = round(wanted).await;
        if left.as_ref().is_some_and(Vec::is_empty) {
            empty += 1;
            continue;
        }
        empty = 0;
        if began.elapsed() > patience && drain_reason.is_empty() {
            drain_reason = stuck(left.unwrap_or_default().first());
            error!("{what}: {drain_reason}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(ROUND_MAX);
    }
    if !drain_reason.is_empty() {
        info!("{what}: the process is gone");
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
async fn round(wanted: &Wanted) -> Option<Vec<Process>> {
    let mut supervised = false;
    for (_, dir) in &wanted.dirs {
        if is_alive(dir) {
            supervised = true;
            let pids = control::pids(dir).await.unwrap_or_default();
            let processes = pids.iter().filter_map(|pid| proc::read(pid.pid as i32));
            processes.for_each(|process| process.signal(Signal::SIGKILL as i32));
        }
    }
    if supervised {
        return None;
    }
    let trace = Trace::of(wanted);
    let left = tokio::task::spawn_blocking(move || trace.find()).await.unwrap_or_default();
    for process in &left {
        process.signal(Signal::SIGKILL as i32);
    }
    Some(left)
}

/// By what processes without a supervisor are known.
struct Trace {
    /// The marker in their environment, which they may have cleared.
    mark: String,
    /// The session that their supervisor led, which they may have left.
    sessions: Vec<i32>,
    /// Whose orphans come to this daemon, if it has lived since they were started.
    users: Vec<u32>,
}

impl Trace {
    fn of(wanted: &Wanted) -> Self {
        let mut trace = Self { mark: wanted.mark.clone(), sessions: Vec::new(), users: Vec::new() };
        for (_, dir) in wanted.dirs.iter().filter(|(_, dir)| exit_file::read(dir).is_none_or(|record| !record.empty)) {
            let session = fs::read_to_string(dir.join(paths::LOCK)).ok().and_then(|pid| pid.parse().ok());
            // Another process with that number: the session is over, and its number was given again.
            trace.sessions.extend(session.filter(|pid| proc::read(*pid).is_none_or(|process| process.is_zombie())));
            let launch = fs::read(dir.join(paths::LAUNCH)).ok().and_then(|bytes| Launch::decode(&bytes[..]).ok());
            let of_hold = |launch: &Launch| Some(launch.hold.as_ref()?.spec.as_ref()?.uid);
            trace.users.extend(launch.and_then(|launch| {
                launch.order.as_ref().and_then(|order| Some(order.job.as_ref()?.uid)).or_else(|| of_hold(&launch))
            }));
        }
        trace
    }

    fn find(&self) -> Vec<Process> {
        let mut found = proc::all();
        found.retain(|process| !process.is_zombie() && (self.is_marked(process) || self.is_in_session(process)));
        let is_orphan = |process: &Process| {
            let of_user = proc::owner(process.pid).is_some_and(|uid| self.users.contains(&uid));
            // What a prolog leaves behind is the site's.
            !process.is_zombie() && of_user && proc::variable(process.pid, "SLURM_SCRIPT_CONTEXT").is_none()
        };
        if !self.users.is_empty() {
            found.extend(children::orphans().into_iter().filter(is_orphan));
        }
        found
    }

    fn is_marked(&self, process: &Process) -> bool {
        proc::variable(process.pid, paths::MARKER).is_some_and(|value| value.starts_with(&self.mark))
    }

    fn is_in_session(&self, process: &Process) -> bool {
        self.sessions.contains(&process.session)
            && proc::owner(process.pid).is_some_and(|uid| self.users.contains(&uid))
    }
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

//! The life of one step here: wait for srun if it is to come, start the tasks, wait for them, clean up, record, linger.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use muster_proto::durable::{EndCause, Usage};
use muster_proto::wire::{StepOver, TaskExited, TaskStarted, from_tasks};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};
use tracing::{debug, error, warn};

use super::child::{self, Surroundings};
use super::files::{Files, PipeEnds, TaskStreams};
use super::plan::Plan;
use super::shared::{Shared, Stage, Task};
use super::wire::{End, ExitRecord};
use super::{blame, contain, exit_file, input, output, script};

/// Slurm's way to say that the job's files could not be made: as if by signal 53.
const OPEN_FAILED: u32 = 53;
const EXIT_CODE_1: u32 = 0x0100;
/// After the tasks are gone their pipes are at an end; one that is not belongs to something that cannot be killed.
const DRAIN: Duration = Duration::from_secs(5);
/// What tasks leave behind is killed; a process that cannot be killed does not hold up the exit for longer.
const CLEANUP: Duration = Duration::from_secs(2);
/// How long KILL waits after TERM where the supervisor itself ends the step.
const OWN_KILL_WAIT_S: u32 = 30;

/// Runs the step to its end. The exit file is written when this returns; what lives may still be being killed.
pub(crate) async fn run(shared: &Rc<Shared>, plan: Option<&Plan>) -> io::Result<()> {
    let record = match plan {
        None => {
            shared.stage.send_replace(Stage::Started);
            wait_for_end(shared).await;
            finished(0, "")
        }
        Some(plan) => run_tasks(shared, plan).await?,
    };
    let record = ExitRecord { empty: !reap(shared), lease_over: shared.lease_over.get(), ..record };
    if !record.drain_reason.is_empty() {
        not_begun(shared, record).await;
        return Ok(());
    }
    exit_file::write_in_the_end(Path::new("."), &record, exit_file::WRITE_FOR, exit_file::WRITE_AGAIN).await?;
    debug!("{} ended with status {:#x} {}", shared.title, record.wait_status, record.error);
    let over = StepOver { wait_status: record.wait_status, error: record.error.clone() };
    shared.outbox.push(from_tasks::Body::Over(over));
    shared.stage.send_replace(Stage::Exited(record));
    Ok(())
}

/// Nothing was run, and what kept it from that may keep its record from the disk: noded hears of it all the same.
async fn not_begun(shared: &Shared, record: ExitRecord) {
    shared.stage.send_replace(Stage::Exited(record.clone()));
    let (patience, pause) = (exit_file::TELL_FOR, exit_file::WRITE_AGAIN);
    if let Err(e) = exit_file::write_in_the_end(Path::new("."), &record, patience, pause).await {
        warn!("{}: that it was not begun is told, and not written: {e}", shared.title);
    }
}

/// Resolves when nothing of the step lives, whatever it takes; says so in the log if that takes long.
pub(crate) async fn empty(shared: &Rc<Shared>) {
    let patience = Duration::from_secs(u64::from(shared.launch.unkillable_s.max(1)));
    let killing = contain::kill_all(|| reap(shared));
    tokio::pin!(killing);
    if timeout(patience, &mut killing).await.is_err() {
        for process in contain::members() {
            error!("Kill task failed: {}", process.describe());
        }
        killing.await;
    }
}

/// Keeps the last output for srun: until it has all, or does not come back.
pub(crate) async fn linger(shared: &Rc<Shared>) {
    let resume = Duration::from_millis(shared.launch.resume_wait_ms);
    let until = Instant::now() + 2 * resume;
    let attached = shared.launch.order.as_ref().and_then(|order| order.spec.as_ref()).is_some_and(|spec| spec.attached);
    while attached && !shared.outbox.is_empty() && Instant::now() < until {
        let (changed, room) = (shared.owner_changed.notified(), shared.outbox.room.notified());
        if shared.outbox.is_empty() || owner_is_lost(shared, resume) {
            return;
        }
        tokio::select! {
            () = changed => {}
            () = room => {}
            () = sleep(resume / 4) => {}
        }
    }
}

fn owner_is_lost(shared: &Shared, resume: Duration) -> bool {
    shared.owner.get() == 0 && shared.owner_lost.get().is_none_or(|since| since.elapsed() >= resume)
}

async fn wait_for_end(shared: &Shared) {
    loop {
        let told = shared.told.notified();
        if shared.ending.get() {
            return;
        }
        told.await;
    }
}

fn finished(wait_status: u32, error: &str) -> ExitRecord {
    ExitRecord {
        wait_status,
        end_ms: (muster_channel::Outside::real().wall_ms)(),
        error: error.into(),
        usage: Some(usage()),
        empty: false,
        lease_over: false,
        drain_reason: String::new(),
    }
}

fn usage() -> Usage {
    let Ok(used) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Usage::default() };
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    Usage {
        user_us: unsigned(used.user_time().num_microseconds()),
        system_us: unsigned(used.system_time().num_microseconds()),
        max_rss_kib: unsigned(used.max_rss()),
        pages: unsigned(used.major_page_faults()),
        // Blocks of 512 bytes.
        read_bytes: unsigned(used.block_reads()) * 512,
        write_bytes: unsigned(used.block_writes()) * 512,
        ..Usage::default()
    }
}

async fn run_tasks(shared: &Rc<Shared>, plan: &Plan) -> io::Result<ExitRecord> {
    if plan.attached
        && let Some(record) = wait_for_srun(shared).await
    {
        return Ok(record);
    }
    if shared.ending.get() {
        return Ok(finished(shared.status_without_tasks(), ""));
    }
    let mut children = signal(SignalKind::child())?;
    let readers = match start(shared, plan) {
        Ok(readers) => readers,
        Err(StartFailure { status, why, drain_reason }) => {
            warn!("{}: {why}", shared.title);
            let _ = timeout(CLEANUP, contain::kill_all(|| reap(shared))).await;
            return Ok(ExitRecord { drain_reason, ..finished(status, &why) });
        }
    };
    shared.stage.send_replace(Stage::Started);
    let resume = Duration::from_millis(shared.launch.resume_wait_ms);
    while reap_tasks(shared) {
        let changed = shared.owner_changed.notified();
        let lost_at = shared.owner_lost.get().map(|since| since + resume);
        let lost = plan.attached && lost_at.is_some() && !shared.ending.get();
        tokio::select! {
            _ = children.recv() => {}
            () = changed => {}
            () = sleep_until(lost_at.unwrap_or_else(Instant::now)), if lost => {
                warn!("{}: srun has gone and did not come back", shared.title);
                let cause = EndCause::Cancelled as i32;
                shared.end(End { cause, kill_wait_s: OWN_KILL_WAIT_S, whole: false, at_once: false });
            }
        }
    }
    task_epilogs(shared, plan, &mut children).await;
    // What tasks leave behind goes with the step.
    let _ = timeout(CLEANUP, contain::kill_all(|| reap(shared))).await;
    drain(readers).await;
    let highest = shared.tasks.borrow().iter().filter_map(|task| task.status).max().unwrap_or(0);
    Ok(finished(highest as u32, ""))
}

/// Nothing once srun is there; otherwise how the step ends without it.
async fn wait_for_srun(shared: &Rc<Shared>) -> Option<ExitRecord> {
    let until = Instant::now() + Duration::from_millis(shared.launch.attach_wait_ms);
    loop {
        let (changed, told) = (shared.owner_changed.notified(), shared.told.notified());
        if shared.owner.get() != 0 {
            return None;
        }
        if shared.ending.get() {
            return Some(finished(shared.status_without_tasks(), ""));
        }
        tokio::select! {
            () = changed => {}
            () = told => {}
            () = sleep_until(until) => return Some(finished(EXIT_CODE_1, "srun did not attach to the step")),
        }
    }
}

struct StartFailure {
    status: u32,
    why: String,
    /// Where it lies with the node.
    drain_reason: String,
}

impl StartFailure {
    fn of_job(status: u32, why: impl ToString) -> Self {
        Self { status, why: why.to_string(), drain_reason: String::new() }
    }

    fn of_node(what: &str, e: &io::Error) -> Self {
        Self { status: EXIT_CODE_1, why: format!("{what}: {e}"), drain_reason: blame::of_node(e) }
    }
}

fn start(shared: &Rc<Shared>, plan: &Plan) -> Result<Vec<JoinHandle<()>>, StartFailure> {
    let order = shared.launch.order.as_ref().expect("a plan comes from an order");
    if plan.is_batch {
        let job_id = order.facts.as_ref().map_or(0, |facts| facts.job_id);
        let spool = Path::new(&shared.launch.spool);
        let written = script::write(spool, job_id, &order.script);
        written.map_err(|e| StartFailure::of_node("cannot write the batch script", &e))?;
        let given = script::give(spool, job_id, &plan.ids);
        given
            .map_err(|e| StartFailure::of_job(EXIT_CODE_1, format!("cannot give the batch script to its user: {e}")))?;
    }
    let around = Surroundings { plan, node_name: &shared.launch.node_name, task_prolog: &shared.launch.task_prolog };
    let mut files = Files::new(&shared.launch, order, plan);
    let mut readers = Vec::new();
    for task in &plan.tasks {
        let streams = match plan.pty {
            Some(size) if task.local == 0 => terminal(size).map_err(|e| StartFailure::of_job(EXIT_CODE_1, e))?,
            _ => files.of_task(task.global).map_err(|e| StartFailure::of_job(OPEN_FAILED, e))?,
        };
        if task.local == 0 {
            *shared.notices.borrow_mut() = files.for_notices(&streams).map(Into::into);
        }
        let forked = child::spawn(&around, task, &streams).map_err(io::Error::from);
        let pid = forked.map_err(|e| match plan.is_batch {
            true => StartFailure::of_node("fork", &e),
            // It may have asked for more tasks than the node has room for.
            false => StartFailure::of_job(EXIT_CODE_1, format!("fork: {e}")),
        })?;
        let pid = pid.as_raw();
        shared.tasks.borrow_mut().push(Task { local: task.local, global: task.global, pid, status: None });
        shared.outbox.push(from_tasks::Body::TaskStarted(TaskStarted { task: task.global, pid: pid as u32 }));
        readers.extend(connect(shared, task.global, streams.ends));
    }
    Ok(readers)
}

/// A pseudo terminal as all three descriptors of a task.
fn terminal((rows, columns): (u16, u16)) -> io::Result<TaskStreams> {
    let size = nix::pty::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(Some(&size), None)?;
    for fd in [&pty.master, &pty.slave] {
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)?;
    }
    let copy = |fd: &OwnedFd| fd.try_clone();
    Ok(TaskStreams {
        stdin: copy(&pty.slave)?,
        stdout: copy(&pty.slave)?,
        stderr: pty.slave,
        ends: PipeEnds { terminal: Some(pty.master), ..PipeEnds::default() },
    })
}

fn connect(shared: &Rc<Shared>, task: u32, ends: PipeEnds) -> Vec<JoinHandle<()>> {
    let mut readers = Vec::new();
    let mut read = |pipe: OwnedFd, stderr: bool| {
        readers.push(tokio::task::spawn_local(output::read_loop(shared.clone(), pipe, task, stderr)));
    };
    if let Some(master) = ends.terminal {
        if let Ok(copy) = master.try_clone() {
            read(copy, false);
        }
        shared.inputs.borrow_mut().extend(input::open(task, master, true));
    }
    if let Some(pipe) = ends.stdout {
        read(pipe, false);
    }
    if let Some(pipe) = ends.stderr {
        read(pipe, true);
    }
    if let Some(pipe) = ends.stdin {
        shared.inputs.borrow_mut().extend(input::open(task, pipe, false));
    }
    readers
}

/// Reaps what can be reaped, orphans of tasks included. Whether anything of the step lives.
fn reap(shared: &Shared) -> bool {
    contain::reap(|pid, status| on_reaped(shared, pid, status))
}

/// The same. Whether a task lives.
fn reap_tasks(shared: &Shared) -> bool {
    reap(shared);
    shared.tasks.borrow().iter().any(|task| task.status.is_none())
}

fn on_reaped(shared: &Shared, pid: i32, status: i32) {
    let mut tasks = shared.tasks.borrow_mut();
    let Some(task) = tasks.iter_mut().find(|task| task.pid == pid && task.status.is_none()) else { return };
    // Without the core-dump bit, as Slurm shows it.
    task.status = Some(status & !0x80);
    let exited = TaskExited { task: task.global, wait_status: (status & !0x80) as u32 };
    shared.outbox.push(from_tasks::Body::TaskExited(exited));
}

/// TaskEpilog, as the user, once for each task; none when the node's lease is over.
async fn task_epilogs(shared: &Shared, plan: &Plan, children: &mut Signal) {
    for program in [&shared.launch.task_epilog, &plan.task_epilog].into_iter().filter(|program| !program.is_empty()) {
        for task in &plan.tasks {
            if shared.lease_has_ended.get() {
                return;
            }
            let ids = plan.ids.clone();
            let mut env = plan.environment.clone();
            super::environment::of_task(&mut env, task.local, task.global, std::process::id());
            let mut command = Command::new(program);
            command.env_clear().envs(env).stdin(std::process::Stdio::null());
            // SAFETY: this process has one thread, so the child may allocate and take locks before exec.
            unsafe {
                std::os::unix::process::CommandExt::pre_exec(&mut command, move || Ok(ids.become_for_good()?));
            }
            match command.spawn() {
                Ok(epilog) => until_reaped(shared, epilog.id() as i32, children).await,
                Err(e) => warn!("TaskEpilog {program}: {e}"),
            }
        }
    }
}

/// The thread is not blocked meanwhile: the end of the lease must reach what hangs.
async fn until_reaped(shared: &Shared, pid: i32, children: &mut Signal) {
    let mut over = false;
    loop {
        let any_left = contain::reap(|reaped, status| {
            over |= reaped == pid;
            on_reaped(shared, reaped, status);
        });
        if over || !any_left {
            return;
        }
        children.recv().await;
    }
}

async fn drain(readers: Vec<JoinHandle<()>>) {
    let until = Instant::now() + DRAIN;
    for mut reader in readers {
        let left = until.saturating_duration_since(Instant::now());
        // A reader that waits for srun's acknowledgements is not stuck: only silence counts, in steps of the limit.
        if timeout(left, &mut reader).await.is_err() && !contain::reap(|_, _| ()) {
            let _ = timeout(DRAIN, &mut reader).await;
        }
        reader.abort();
    }
}

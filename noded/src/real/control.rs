//! Starting one supervisor, and watching it until it is over.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use muster_model::agent::{Input, StepExit, StepKey};
use muster_proto::wire::PidInfo;
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use super::steps::{RealSteps, step_exit};
use super::{spawn, verify};
use crate::stepd::wire::{FromStep, Launch, ToStep, from_step, to_step};
use crate::stepd::{blame, exit_file, is_alive, make_directory, paths};
use crate::{read_frame, write_frame};

const CONNECT_AGAIN: Duration = Duration::from_millis(5);
/// How long an attach waits for a supervisor that is being started.
const CONNECT: Duration = Duration::from_secs(30);
const LAUNCH_FAILED: u32 = 0x0100;

/// Starts the supervisor if there is something to launch, then tells its news until it is over.
pub(super) async fn watch(
    steps: &RealSteps,
    step: StepKey,
    launch: Option<Launch>,
    mut orders: mpsc::Receiver<ToStep>,
) {
    let mut talk = None;
    match launch.map(|launch| start(steps, step, &launch)) {
        None => {}
        Some(Ok(stream)) => talk = Some(stream),
        Some(Err(NotStarted { why, drain_reason })) => {
            warn!("step {step} could not be started: {why}");
            let error = format!("the step's supervisor could not be started: {why}");
            let exit = StepExit { wait_status: LAUNCH_FAILED, error, drain_reason, ..StepExit::default() };
            return steps.news(Input::StepExited { step, exit }).await;
        }
    }
    let dir = steps.dir(step);
    loop {
        let stream = match talk.take() {
            Some(stream) => Ok(stream),
            None => connect_now(&dir).await,
        };
        if let Ok(stream) = stream
            && converse(steps, step, stream, &mut orders).await
        {
            return;
        }
        if let Some(record) = exit_file::read(&dir) {
            return steps.news(Input::StepExited { step, exit: step_exit(record) }).await;
        }
        if !is_alive(&dir) {
            // It may have written its exit between the two looks.
            let exit = match exit_file::read(&dir) {
                Some(record) => step_exit(record),
                None => {
                    warn!("step {step}: the supervisor was killed; what it left behind is ended");
                    verify::until_step_empty(steps, step).await;
                    killed()
                }
            };
            return steps.news(Input::StepExited { step, exit }).await;
        }
        tokio::time::sleep(CONNECT_AGAIN * 10).await;
    }
}

fn killed() -> StepExit {
    let error = "the step's supervisor was killed".to_owned();
    StepExit { wait_status: 9, error, ..StepExit::default() }
}

struct NotStarted {
    why: String,
    drain_reason: String,
}

impl From<io::Error> for NotStarted {
    /// What a supervisor needs is the node's: its spool, its processes, its own program.
    fn from(e: io::Error) -> Self {
        Self { why: e.to_string(), drain_reason: blame::of_node(&e) }
    }
}

/// Starts it. What is said before it listens waits in the stream.
fn start(steps: &RealSteps, step: StepKey, launch: &Launch) -> Result<UnixStream, NotStarted> {
    if let Some(job) = launch.order.as_ref().and_then(|order| order.job.as_ref()) {
        let own = rustix::process::geteuid().as_raw();
        if own != 0 && own != job.uid {
            let why = format!("this node runs as uid {own} and cannot run jobs of uid {}", job.uid);
            return Err(NotStarted { why, drain_reason: String::new() });
        }
    }
    let dir = steps.dir(step);
    let lock: File = make_directory(&dir, launch)?;
    // Room for the pid: once the supervisor runs it is too late to find that there is none.
    lock.write_all_at(b" ", 0)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (own, its) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(io::Error::from)?;
    let pid = spawn::supervisor(&steps.settings().program, &dir, &lock, &its)?;
    // The session of its tasks, for whoever must find them without it. It runs: this is no reason to say that it does not.
    if let Err(e) = lock.write_all_at(pid.to_string().as_bytes(), 0) {
        warn!("step {step}: the pid of its supervisor cannot be written down: {e}");
    }
    Ok(UnixStream::from_std(own.into())?)
}

/// Speaks with the supervisor; whether its end was told.
async fn converse(steps: &RealSteps, step: StepKey, stream: UnixStream, orders: &mut mpsc::Receiver<ToStep>) -> bool {
    let (mut reader, mut writer) = tokio::io::split(stream);
    if write_frame(&mut writer, &ToStep { body: Some(to_step::Body::Watch(true)) }).await.is_err() {
        return false;
    }
    // Frames are read by a task of their own: a read that is cut short by an order would lose its place.
    let (frames, mut news) = mpsc::channel(16);
    let reading = tokio::spawn(async move {
        while let Ok(Some(frame)) = read_frame::<FromStep>(&mut reader).await {
            if frames.send(frame).await.is_err() {
                return;
            }
        }
    });
    let over = loop {
        tokio::select! {
            frame = news.recv() => match frame.map(|frame| frame.body) {
                None => break false,
                Some(Some(from_step::Body::Started(_))) => steps.news(Input::StepStarted { step }).await,
                Some(Some(from_step::Body::Exited(record))) => {
                    info!("step {step} ended with status {:#x}", record.wait_status);
                    steps.news(Input::StepExited { step, exit: step_exit(record) }).await;
                    break true;
                }
                Some(_) => {}
            },
            Some(order) = orders.recv() => {
                if write_frame(&mut writer, &order).await.is_err() {
                    break false;
                }
            }
        }
    };
    reading.abort();
    over
}

/// Connects, and waits for a supervisor that is being started.
pub(super) async fn connect(dir: &Path) -> io::Result<UnixStream> {
    let until = Instant::now() + CONNECT;
    loop {
        match connect_now(dir).await {
            Ok(stream) => return Ok(stream),
            Err(e) if Instant::now() >= until || exit_file::read(dir).is_some() => return Err(e),
            Err(_) => tokio::time::sleep(CONNECT_AGAIN).await,
        }
    }
}

/// By way of a directory handle: the path of a socket may have 107 bytes, a spool's may have more.
async fn connect_now(dir: &Path) -> io::Result<UnixStream> {
    let handle = rustix::fs::open(dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    UnixStream::connect(format!("/proc/self/fd/{}/{}", handle.as_raw_fd(), paths::SOCKET)).await
}

/// The processes that a supervisor knows of.
pub(super) async fn pids(dir: &Path) -> io::Result<Vec<PidInfo>> {
    let mut stream = connect_now(dir).await?;
    write_frame(&mut stream, &ToStep { body: Some(to_step::Body::ListPids(true)) }).await?;
    match read_frame::<FromStep>(&mut stream).await?.and_then(|frame| frame.body) {
        Some(from_step::Body::Pids(pids)) => Ok(pids.pids),
        _ => Ok(Vec::new()),
    }
}

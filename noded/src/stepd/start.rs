//! `muster-noded stepd DIR`: supervises. noded starts it in a session of its own.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

use nix::sys::prctl::set_child_subreaper;
use nix::unistd::chdir;
use prost::Message;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tracing::error;

use super::plan::Plan;
use super::shared::Shared;
use super::supervise;
use super::wire::{ExitRecord, FromStep, Launch, ToStep, from_step};
use super::{blame, connection, exit_file, lease, paths};
use crate::{read_frame, write_frame};

/// Runs the supervisor whose launch file is in `dir`. Standard input is the locked lock file, standard output the conversation
/// with noded: both inherited.
pub fn main(dir: &Path) -> ExitCode {
    match prepare(dir) {
        Ok(prepared) => supervise_step(prepared),
        Err(e) => {
            eprintln!("stepd: {}: {e}", dir.display());
            ExitCode::FAILURE
        }
    }
}

struct Prepared {
    launch: Launch,
    lock: OwnedFd,
    talk: OwnedFd,
}

fn prepare(dir: &Path) -> io::Result<Prepared> {
    chdir(dir)?;
    let launch = Launch::decode(&fs::read(paths::LAUNCH)?[..])?;
    set_child_subreaper(true)?;
    let lock = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let talk = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    leave_terminal()?;
    Ok(Prepared { launch, lock, talk })
}

fn leave_terminal() -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}

fn supervise_step(prepared: Prepared) -> ExitCode {
    // Most steps have nothing to say: the file is made by the first line.
    let log = || -> Box<dyn io::Write> {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(paths::LOG);
        opened.map_or_else(|_| Box::new(io::sink()) as Box<dyn io::Write>, |file| Box::new(file))
    };
    tracing_subscriber::fmt().with_ansi(false).with_writer(log).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let local = tokio::task::LocalSet::new();
    let ran = runtime.and_then(|runtime| runtime.block_on(local.run_until(supervise(prepared))));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            error!("the supervisor failed: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn supervise(Prepared { launch, lock, talk }: Prepared) -> io::Result<()> {
    let talk = UnixStream::from_std(talk.into())?;
    let listener = match listen() {
        Ok(listener) => listener,
        Err(e) => return not_listening(talk, &e).await,
    };
    let plan = match Plan::of(&launch) {
        Ok(plan) => plan,
        Err(e) => {
            return exit_file::write(Path::new("."), &not_started(e.to_string()));
        }
    };
    let (title, is_batch) = match &plan {
        Some(plan) => (plan.title.clone(), plan.is_batch),
        None => ("extern step".to_owned(), false),
    };
    let shared = Shared::new(launch, title, is_batch);
    let accepting = tokio::task::spawn_local(connection::accept_loop(shared.clone(), listener, talk));
    if shared.launch.lease_until_ms != 0 {
        tokio::task::spawn_local(lease::keep(shared.clone()));
    }
    supervise::run(&shared, plan.as_ref()).await?;
    supervise::empty(&shared).await;
    // From here on nothing of the step lives: whoever waits for that may go on.
    drop(lock);
    supervise::linger(&shared).await;
    let _ = fs::remove_file(paths::SOCKET);
    accepting.abort();
    Ok(())
}

/// Nothing was started.
fn not_started(error: String) -> ExitRecord {
    let end_ms = (muster_channel::Outside::real().wall_ms)();
    ExitRecord { wait_status: 0x0100, end_ms, error, empty: true, ..ExitRecord::default() }
}

/// A full spool has no room for a socket either: noded, which speaks first, hears it where it already listens.
async fn not_listening(mut talk: UnixStream, e: &io::Error) -> io::Result<()> {
    let error = format!("the supervisor cannot listen: {e}");
    let record = ExitRecord { drain_reason: blame::of_node(e), ..not_started(error) };
    let _ = timeout(exit_file::TELL_FOR, read_frame::<ToStep>(&mut talk)).await;
    let body = Some(from_step::Body::Exited(record.clone()));
    let told = write_frame(&mut talk, &FromStep { body }).await;
    exit_file::write(Path::new("."), &record).or(told)
}

fn listen() -> io::Result<UnixListener> {
    let _ = fs::remove_file(paths::SOCKET);
    let listener = UnixListener::bind(paths::SOCKET)?;
    fs::set_permissions(paths::SOCKET, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Makes the directory of a step, with its launch file and its lock, which is locked in the file that is returned.
pub(crate) fn make_directory(dir: &Path, launch: &Launch) -> io::Result<File> {
    fs::DirBuilder::new().mode(0o700).create(dir)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(paths::LAUNCH))?;
    io::Write::write_all(&mut file, &launch.encode_to_vec())?;
    let lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(dir.join(paths::LOCK))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
    Ok(lock)
}

/// Whether the supervisor of `dir`, or a process of its step, lives.
pub(crate) fn is_alive(dir: &Path) -> bool {
    let Ok(lock) = OpenOptions::new().read(true).write(true).open(dir.join(paths::LOCK)) else { return false };
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err()
}

//! Starting the daemon, and its end.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use muster_noded::journal::FileJournal;
use muster_noded::real::{RealSteps, Spool};
use muster_noded::{JournalStore, Noded, Steps};
use nix::unistd::{ForkResult, chdir, fork, setsid};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use super::configure::{self, Configured};
use super::flags::Flags;
use super::log::{self, LogFile};
use super::tls;

/// What this daemon cannot write down it must not do.
const ENDED: &str =
    "the journal cannot be written, and this daemon ends; steps go on, and are found when it is started again";

/// Runs until it is told to stop.
pub(crate) fn run(flags: Flags) -> Result<()> {
    let configured = Configured::read(&flags)?;
    let outside = configure::outside();
    if !flags.foreground {
        daemonise()?;
    }
    // After the fork: locks of this kind belong to the process's open file, and stay with the child.
    let spool = Spool::open(&configured.spool, &outside.random)?;
    let log = log::start(&configured, &flags)?;
    for warning in &configured.warnings {
        warn!("{warning}");
    }
    write_pid_file(&configured.pid_file)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ran = runtime.block_on(serve(&configured, &flags, &spool, log));
    let _ = fs::remove_file(&configured.pid_file);
    ran
}

async fn serve(configured: &Configured, flags: &Flags, spool: &Spool, log: Option<LogFile>) -> Result<()> {
    let settings = configured.settings(flags, spool)?;
    let keeper = configured.credentials(&settings.listen)?;
    if keeper.name() == "auth/none" {
        warn!("AuthType=auth/none: everybody on this host is believed to be whom they say");
    }
    let journal = Arc::new(FileJournal::open(&spool.journal()).context("the node's journal")?);
    let steps = RealSteps::new(spool, configured.step_settings()?);
    if flags.clean_start {
        clean(&*journal, &spool.path)?;
    }
    info!("{} as node {} of cluster {}", super::version(), settings.node_name, settings.cluster);
    let controllers = settings.controllers.join(", ");
    let processes = steps.clone();
    let steps: Arc<dyn Steps> = Arc::new(steps);
    let outside = configure::outside();
    let tls = tls::load(configured, &outside)?;
    let mut noded = Noded::start(settings, outside.with_tls(tls.as_ref()), keeper, steps, journal).await?;
    if let Some(tls) = tls {
        tokio::spawn(tls.watch());
    }
    info!("listening on {}, controllers {controllers}", noded.address);
    sd_notify("READY=1");
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut reopen = signal(SignalKind::user_defined2())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            ended = noded.ended() => {
                let ended = ended.with_context(|| format!("{}: {ENDED}", spool.journal().display()));
                return ended.inspect_err(|why| error!("{why:#}"));
            }
            _ = hangup.recv() => {
                if let Some(read) = read_again(configured, flags) {
                    noded.reconfigure(read.agent_options(), read.conf_hash());
                    processes.reconfigure(read.step_settings()?);
                }
            }
            _ = reopen.recv() => reopen_log(log.as_ref()),
        }
    }
    info!("stopping; steps go on");
    sd_notify("STOPPING=1");
    noded.stop().await.context("the node's journal")
}

/// The configuration as it stands now, beside the one that this daemon was started with; nothing where it cannot be used: this daemon goes on with what it has.
fn read_again(configured: &Configured, flags: &Flags) -> Option<Configured> {
    let read = match Configured::read(flags) {
        Ok(read) => read,
        Err(e) => {
            error!("the configuration cannot be used, and nothing is changed: {e:#}");
            return None;
        }
    };
    for warning in &read.warnings {
        warn!("{warning}");
    }
    info!("reconfigured; jobs and steps that were started keep what they have");
    let later = configured.needs_restart(&read, flags);
    if !later.is_empty() {
        warn!("in force when this daemon is started again, steps go on meanwhile: {}", later.join(", "));
    }
    Some(read)
}

fn reopen_log(log: Option<&LogFile>) {
    match log.map(LogFile::reopen) {
        None => info!("there is no log file to reopen"),
        Some(Ok(())) => info!("the log was reopened"),
        Some(Err(e)) => warn!("the log cannot be reopened: {e}"),
    }
}

/// `-c`: only where nothing lives, since whatever lives is known by the journal alone.
fn clean(journal: &dyn JournalStore, spool: &Path) -> Result<()> {
    let steps = fs::read_dir(spool.join("steps"))?.count();
    if steps > 0 {
        bail!("-c: {} holds {steps} steps that the cluster was not told of yet", spool.display());
    }
    Ok(journal.replace(&[])?)
}

fn daemonise() -> Result<()> {
    // SAFETY: no thread was started yet.
    if let ForkResult::Parent { .. } = unsafe { fork() }? {
        std::process::exit(0);
    }
    setsid()?;
    chdir("/")?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

fn write_pid_file(path: &Path) -> Result<()> {
    let fresh = path.with_extension("new");
    // Not through a link that somebody else put there.
    let _ = fs::remove_file(&fresh);
    let made = OpenOptions::new().write(true).create_new(true).open(&fresh);
    let mut file = made.with_context(|| format!("pid file {}", path.display()))?;
    writeln!(file, "{}", std::process::id())?;
    fs::rename(&fresh, path)?;
    Ok(())
}

/// Tells systemd, if it waits for that.
fn sd_notify(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Ok(datagram) = std::os::unix::net::UnixDatagram::unbound() {
        let _ = datagram.send_to(state.as_bytes(), socket);
    }
}

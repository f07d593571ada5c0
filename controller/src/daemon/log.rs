//! Messages: to a file that SIGUSR2 opens anew, or to standard error.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use muster_channel::link_flags;
use muster_dialect::conf::Config;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::flags::Flags;
use super::user::SlurmUser;

/// Where messages go.
#[derive(Clone)]
pub(super) struct Log(Option<Arc<Target>>);

struct Target {
    path: PathBuf,
    file: Mutex<File>,
}

/// Opens the log and sends this process's messages there.
pub(super) fn open(flags: &Flags, config: &Config) -> io::Result<Log> {
    let configured = config.slurmctld_log_file.as_ref().map(PathBuf::from).filter(|_| !flags.foreground);
    let log = match flags.log.clone().or(configured) {
        None => Log(None),
        Some(path) => Log(Some(Arc::new(Target { file: Mutex::new(append_to(&path)?), path }))),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(flags.verbose, &config.slurmctld_debug))
        .with_target(false)
        .with_ansi(false)
        .with_writer(log.clone());
    // A second one in this process would be a bug of ours, and harmless.
    if flags.log_json {
        let _ = tracing::subscriber::set_global_default(subscriber.json().finish());
    } else {
        let _ = tracing::subscriber::set_global_default(subscriber.finish());
    }
    Ok(log)
}

fn append_to(path: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().create(true).append(true).custom_flags(link_flags(path)).open(path);
    opened.map_err(|why| io::Error::new(why.kind(), format!("{}: {why}", path.display())))
}

/// `SlurmctldDebug`, and more with each `-v`. Raft's own words are one level rarer: few can use them, and it warns of
/// each heartbeat that a dead replica does not answer, thirty lines a second. `muster status` says who is unreachable.
fn filter(verbose: u8, debug: &str) -> EnvFilter {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let configured = match debug {
        "quiet" => 0,
        "fatal" | "error" => 1,
        "info" => 3,
        "verbose" | "debug" => 4,
        _ => 5,
    };
    let level = (configured + usize::from(verbose)).min(5);
    let others = if level == 5 { "info" } else { LEVELS[level.min(2)] };
    let ours = LEVELS[level];
    let raft = if level > 3 { others } else { LEVELS[level.min(1)] };
    EnvFilter::new(format!(
        "{others},openraft={raft},muster_controller={ours},muster_raft_store={ours},muster_channel={ours}"
    ))
}

impl Log {
    /// SIGUSR2: the file was moved away.
    pub(super) fn reopen(&self) {
        let Some(target) = &self.0 else { return };
        match append_to(&target.path) {
            Ok(file) => *target.file.lock().unwrap_or_else(PoisonError::into_inner) = file,
            Err(why) => tracing::error!(%why, "the log was not opened anew"),
        }
    }

    /// So that SlurmUser can open it anew.
    pub(super) fn give_to(&self, user: &SlurmUser) {
        if let Some(target) = &self.0 {
            // Whoever is not root owns it already, or has to live with it.
            let file = target.file.lock().unwrap_or_else(PoisonError::into_inner);
            if file.metadata().is_ok_and(|of| of.is_file()) {
                let _ = nix::unistd::fchown(&*file, Some(user.uid), Some(user.gid));
            }
        }
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            None => io::stderr().write(bytes),
            Some(target) => target.file.lock().unwrap_or_else(PoisonError::into_inner).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;
    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

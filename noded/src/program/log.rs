//! Messages: to a file that SIGUSR2 opens anew, or to standard error.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context, Result};
use muster_channel::link_flags;
use tracing::level_filters::LevelFilter;

use super::configure::Configured;
use super::flags::Flags;

/// The log file. Clones write to the same one.
#[derive(Clone)]
pub(super) struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: Arc::new(Mutex::new(open(path)?)) })
    }

    /// It was moved away: what follows goes to a new one.
    ///
    /// # Errors
    /// A new one cannot be made: what follows goes to the old one.
    pub(super) fn reopen(&self) -> io::Result<()> {
        let fresh = open(&self.path)?;
        *self.file() = fresh;
        Ok(())
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().expect("no holder of this lock panics")
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// Root writes into no file that a link of somebody else names: the directory of logs may be SlurmUser's.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(link_flags(path)).open(path)
}

/// Starts logging, and gives the file, if there is one, for when it is to be opened anew.
pub(super) fn start(configured: &Configured, flags: &Flags) -> Result<Option<LogFile>> {
    let from_config = match configured.config.slurmd_debug.as_str() {
        "quiet" => LevelFilter::OFF,
        "fatal" | "error" => LevelFilter::ERROR,
        "info" | "verbose" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let level = match flags.verbose {
        0 => from_config,
        1 => from_config.max(LevelFilter::INFO),
        2..4 => from_config.max(LevelFilter::DEBUG),
        _ => LevelFilter::TRACE,
    };
    let level = tracing_subscriber::EnvFilter::new(format!(
        "warn,muster_noded={level},muster_model={level},muster_channel={level}"
    ));
    let builder = tracing_subscriber::fmt().with_env_filter(level).with_target(false);
    match &configured.log {
        Some(path) => {
            let log = LogFile::open(path).with_context(|| format!("log file {}", path.display()))?;
            let writer = log.clone();
            let builder = builder.with_ansi(false).with_writer(move || writer.clone());
            if flags.log_json {
                builder.json().init()
            } else {
                builder.init()
            }
            Ok(Some(log))
        }
        None => {
            let builder = builder.with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
            if flags.log_json {
                builder.json().init()
            } else {
                builder.init()
            }
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_log_that_was_moved_away_goes_on_in_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("log"), dir.path().join("log.1"));
        let mut log = LogFile::open(&path).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::rename(&path, &old).unwrap();
        log.clone().reopen().unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(
            (fs::read_to_string(old).unwrap(), fs::read_to_string(path).unwrap()),
            ("one\n".into(), "two\n".into())
        );
    }
}

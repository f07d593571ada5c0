//! The pid file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use muster_channel::link_flags;
use muster_dialect::conf::Config;

use super::flags::Flags;

/// Gone when dropped, where SlurmUser may remove it.
pub(super) struct PidFile(Option<PathBuf>);

impl PidFile {
    /// Needed by nobody but scripts: without the right to write it, the daemon runs all the same.
    pub(super) fn write(flags: &Flags, config: &Config) -> Self {
        let path = flags.pid_file.clone().unwrap_or_else(|| PathBuf::from(&config.slurmctld_pid_file));
        match write(&path) {
            Ok(()) => Self(Some(path)),
            Err(why) => {
                tracing::debug!(path = %path.display(), %why, "no pid file");
                Self(None)
            }
        }
    }
}

fn write(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).custom_flags(link_flags(path)).open(path)?;
    writeln!(file, "{}", std::process::id())
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

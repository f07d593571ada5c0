//! The pid file.

use std::fs;
use std::path::PathBuf;

use muster_dialect::conf::Config;

use super::flags::Flags;

/// Gone when dropped, where SlurmUser may remove it.
pub(super) struct PidFile(Option<PathBuf>);

impl PidFile {
    /// Needed by nobody but scripts: without the right to write it, the daemon runs all the same.
    pub(super) fn write(flags: &Flags, config: &Config) -> Self {
        let path = flags.pid_file.clone().unwrap_or_else(|| PathBuf::from(&config.slurmctld_pid_file));
        match fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Self(Some(path)),
            Err(why) => {
                tracing::debug!(path = %path.display(), %why, "no pid file");
                Self(None)
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

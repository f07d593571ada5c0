//! What will be run: everything that the configuration and the flags say, checked before anything is started.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use muster_channel::link_flags;
use muster_controller::read_config;
use muster_dialect::conf::{Config, Stored, parse};
use muster_proto::durable::ConfigFiles;
use nix::fcntl::OFlag;

use super::flags::Flags;
use super::user::SlurmUser;
use super::{address, name};

/// See the module.
pub(super) struct Plan {
    pub(super) conf_path: PathBuf,
    pub(super) files: ConfigFiles,
    pub(super) config: Config,
    pub(super) name: String,
    pub(super) listen: String,
    pub(super) replica_listen: String,
    pub(super) advertise: Option<String>,
    pub(super) controllers: Vec<String>,
    pub(super) state_dir: PathBuf,
    pub(super) user: SlurmUser,
}

impl Plan {
    pub(super) fn make(flags: &Flags) -> Result<Self> {
        let conf_path = flags.conf_path();
        // The daemon changes directory, and reads it again.
        let conf_path = std::path::absolute(&conf_path).with_context(|| conf_path.display().to_string())?;
        let (files, notes) =
            read_config(&conf_path).map_err(|errors| anyhow!("the configuration cannot be used:\n{errors}"))?;
        for note in notes.lines().filter(|note| flags.verbose > 0 || !note.contains(": note: ")) {
            eprintln!("{note}");
        }
        let config = parsed(&files)?;
        let user = SlurmUser::find(&config.slurm_user)?;
        let host = name::find(&config, flags.name.as_deref())?;
        let listen = flags.listen.clone().unwrap_or_else(|| address::client(&config, host));
        let replica_listen = match &flags.replica_listen {
            Some(address) => address.clone(),
            None => address::replica(&config, host).map_err(|why| anyhow!(why))?,
        };
        let state_dir = match &flags.state_dir {
            Some(dir) => std::path::absolute(dir).with_context(|| dir.display().to_string())?,
            None => PathBuf::from(&config.state_save_location).join(&config.cluster_name).join(&host.name),
        };
        let others = config.slurmctld_hosts.iter().filter(|other| other.name != host.name);
        Ok(Self {
            name: host.name.clone(),
            advertise: advertise(&listen, &host.addr),
            controllers: others.map(|other| address::client(&config, other)).collect(),
            conf_path,
            files,
            listen,
            replica_listen,
            state_dir,
            user,
            config,
        })
    }

    /// Makes the directory, for SlurmUser alone.
    pub(super) fn prepare_state_dir(&self) -> Result<()> {
        let dir = &self.state_dir;
        let at = || dir.display().to_string();
        fs::create_dir_all(dir).with_context(at)?;
        let flags = link_flags(dir) | OFlag::O_DIRECTORY.bits();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(dir);
        let opened = opened.with_context(|| format!("{} must be a directory, or a link of root's", dir.display()))?;
        if nix::unistd::geteuid().is_root() {
            nix::unistd::fchown(&opened, Some(self.user.uid), Some(self.user.gid)).with_context(at)?;
        }
        opened.set_permissions(fs::Permissions::from_mode(0o700)).with_context(at)
    }
}

fn parsed(files: &ConfigFiles) -> Result<Config> {
    let texts: Vec<(String, String)> = files.files.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
    let root = texts.first().map(|(path, _)| path.clone()).context("no configuration file")?;
    parse(&Stored(&texts), &root).config.context("the configuration was usable a moment ago")
}

/// A door that listens on all addresses is reached under the configured one.
fn advertise(listen: &str, configured: &str) -> Option<String> {
    let host = address::host_of(listen);
    let everywhere = matches!(host, "0.0.0.0" | "[::]" | "::" | "*" | "");
    let host = if everywhere { configured } else { host };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    Some(if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_on_all_addresses_is_reached_under_the_configured_one() {
        assert_eq!(advertise("0.0.0.0:6817", "ctl1").as_deref(), Some("ctl1"));
        assert_eq!(advertise("127.0.0.1:0", "ctl1").as_deref(), Some("127.0.0.1"));
        assert_eq!(advertise("[::]:1", "fd00::1").as_deref(), Some("[fd00::1]"));
    }
}

//! Which `SlurmctldHost` line this controller is.

use anyhow::{Context, Result, bail};
use muster_dialect::conf::{Config, ControlHost};

/// By `--name`, else by this host's name, long or short.
pub(super) fn find<'a>(config: &'a Config, asked: Option<&str>) -> Result<&'a ControlHost> {
    let hosts = &config.slurmctld_hosts;
    let names = || hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(asked) = asked {
        let found = hosts.iter().find(|host| host.name == asked);
        return found.with_context(|| format!("no SlurmctldHost line names {asked}; there are: {}", names()));
    }
    let own = nix::unistd::gethostname().context("this host has no name")?;
    let own = own.to_string_lossy().into_owned();
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    match hosts
        .iter()
        .find(|host| host.name == own)
        .or_else(|| hosts.iter().find(|host| short(&host.name) == short(&own)))
    {
        Some(host) => Ok(host),
        None => bail!(
            "This host ({own}) not a valid controller: SlurmctldHost names {}. --name says which one it is",
            names()
        ),
    }
}

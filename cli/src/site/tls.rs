//! How a command dials where the site's clients speak TLS.

use std::path::Path;

use muster_channel::Outside;
use muster_channel::tls::{TlsError, TlsSite};
use nix::unistd::{User, geteuid};

use super::Site;

/// The network as this site wants it: nothing is read where its clients speak in the clear.
///
/// # Errors
/// The authorities' file, or the user's own certificate, cannot be used.
pub(super) fn outside(site: &Site) -> Result<Outside, TlsError> {
    let (config, outside) = (&site.config, Outside::real());
    let plain = config.tls_parameters.get("muster_clients").is_some_and(|clients| clients == "plain");
    // Names of users are not looked up for nothing: it would cost a submit more than its request.
    if plain || matches!(config.tls_type.as_str(), "" | "tls/none") {
        return Ok(outside);
    }
    let own = geteuid();
    let user = User::from_uid(own).ok().flatten().map_or_else(|| own.to_string(), |user| user.name);
    let slurm_user = User::from_name(&config.slurm_user).ok().flatten().map(|user| user.uid.as_raw());
    let owners: Vec<u32> = slurm_user.into_iter().chain([own.as_raw()]).collect();
    let slurm_conf = site.files.first().map_or("", |(path, _)| path.as_str());
    let keys = TlsSite {
        tls_type: &config.tls_type,
        parameters: &config.tls_parameters,
        slurm_conf: Path::new(slurm_conf),
        cluster: &config.cluster_name,
        owners: &owners,
    };
    let tls = keys.command(&user, &outside)?;
    Ok(outside.with_tls(tls.as_ref()))
}

//! This node's certificates, where the site has TLS.

use std::sync::Arc;

use anyhow::{Context, Result};
use muster_channel::Outside;
use muster_channel::tls::{Role, Tls, TlsSite};

use super::configure::Configured;

/// Read as the user that runs this daemon, who reads them again when they are renewed.
pub(super) fn load(configured: &Configured, outside: &Outside) -> Result<Option<Arc<Tls>>> {
    let config = &configured.config;
    let owners = [rustix::process::geteuid().as_raw()];
    let site = TlsSite {
        tls_type: &config.tls_type,
        parameters: &config.tls_parameters,
        slurm_conf: &configured.path,
        cluster: &config.cluster_name,
        owners: &owners,
    };
    site.daemon(Role::Node, &configured.node.name, outside).context("TLS cannot be used")
}

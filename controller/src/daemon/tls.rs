//! This controller's certificates, where the site has TLS.

use std::sync::Arc;

use anyhow::{Context, Result};
use muster_channel::Outside;
use muster_channel::tls::{Role, Tls, TlsSite};

use super::plan::Plan;

/// Read as SlurmUser, who reads them again when they are renewed.
pub(super) fn load(plan: &Plan, outside: &Outside) -> Result<Option<Arc<Tls>>> {
    let owners = [plan.user.uid.as_raw()];
    let site = TlsSite {
        tls_type: &plan.config.tls_type,
        parameters: &plan.config.tls_parameters,
        slurm_conf: &plan.conf_path,
        cluster: &plan.config.cluster_name,
        owners: &owners,
    };
    site.daemon(Role::Replica, &plan.name, outside).context("TLS cannot be used")
}

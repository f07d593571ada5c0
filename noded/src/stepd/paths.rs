//! Where things are in the spool.
//!
//! ```text
//! SPOOL/journal  node_key  spool_id  lock        private to the daemon
//! SPOOL/lease                                    until when the node's lease was renewed; read by supervisors
//! SPOOL/steps/UID.ATTEMPT.STEP/{launch,lock,socket,exit,log}
//! SPOOL/job00012/slurm_script                    the user's
//! ```

use std::path::{Path, PathBuf};

use muster_model::agent::StepKey;

pub(crate) const LAUNCH: &str = "launch";
pub(crate) const LOCK: &str = "lock";
pub(crate) const SOCKET: &str = "socket";
pub(crate) const EXIT: &str = "exit";
pub(crate) const LOG: &str = "log";
pub(crate) const LEASE: &str = "lease";
/// Every task carries it: who has it belongs to the step, whatever became of its parents.
pub(crate) const MARKER: &str = "MUSTER_STEP";

pub(crate) fn steps(spool: &Path) -> PathBuf {
    spool.join("steps")
}

pub(crate) fn step(spool: &Path, step: StepKey) -> PathBuf {
    steps(spool).join(step.to_string())
}

pub(crate) fn job(spool: &Path, job_id: u32) -> PathBuf {
    spool.join(format!("job{job_id:05}"))
}

/// The marker's value. `mark` is the spool's: several nodes, and several clusters, may share a host.
pub(crate) fn marker(mark: &str, step: StepKey) -> String {
    format!("{mark}/{step}")
}

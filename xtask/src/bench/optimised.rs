//! Whoever measures must not be what is measured: a client without optimisation takes more of two cores than three
//! controllers do.

use std::process::Command;

use anyhow::{Result, ensure};

/// Builds this program as the daemons are built, and measures with that. `false`: it is that program, or one that is being
/// worked on (`MUSTER_DEMO_PROFILE=dev`).
pub(crate) fn measured_elsewhere() -> Result<bool> {
    if !cfg!(debug_assertions) || std::env::var("MUSTER_DEMO_PROFILE").is_ok_and(|profile| profile == "dev") {
        return Ok(false);
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut run = Command::new(cargo);
    run.args(["run", "--quiet", "--release", "--package", "xtask", "--"]).args(std::env::args_os().skip(1));
    let status = run.status()?;
    ensure!(status.success(), "the measuring program ended with {status}");
    Ok(true)
}

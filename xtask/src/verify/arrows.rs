//! Which of our crates may depend on which. ARCHITECTURE.md draws the same arrows.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Crate, and what of ours it may use outside of tests. `chaos-tests` may use everything.
const ALLOWED: &[(&str, &[&str])] = &[
    ("muster-dialect", &[]),
    ("muster-proto", &[]),
    ("muster-channel", &["muster-proto"]),
    ("muster-model", &["muster-dialect", "muster-proto"]),
    ("muster-raft-store", &["muster-model", "muster-proto"]),
    ("muster-noded", &["muster-channel", "muster-dialect", "muster-model", "muster-proto"]),
    ("muster-controller", &["muster-channel", "muster-dialect", "muster-model", "muster-proto", "muster-raft-store"]),
    ("muster-cli", &["muster-channel", "muster-dialect", "muster-proto"]),
    ("xtask", &["muster-channel", "muster-dialect", "muster-model", "muster-noded", "muster-proto"]),
];

/// Crates that only one of ours may name.
const KEPT_BY: &[(&str, &[&str])] =
    &[("openraft", &["muster-raft-store"]), ("rocksdb", &["muster-raft-store"]), ("turmoil", &["muster-chaos-tests"])];

/// One line for each forbidden dependency.
pub(super) fn breaches(root: &Path) -> Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages in the metadata")?;
    Ok(packages.iter().flat_map(package_breaches).collect())
}

fn package_breaches(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let used = dependencies.iter().filter(|d| d["kind"].is_null()).filter_map(|d| d["name"].as_str());
    used.filter(|used| !may_use(name, used)).map(|used| format!("{name} must not depend on {used}")).collect()
}

fn may_use(name: &str, used: &str) -> bool {
    if let Some((_, keepers)) = KEPT_BY.iter().find(|(kept, _)| *kept == used) {
        return keepers.contains(&name);
    }
    if name == "muster-chaos-tests" || !used.starts_with("muster-") {
        return true;
    }
    ALLOWED.iter().any(|(crate_name, allowed)| *crate_name == name && allowed.contains(&used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependency_arrows_are_those_of_the_design() {
        assert_eq!(breaches(&super::super::root()).expect("cargo metadata works"), Vec::<String>::new());
    }

    #[test]
    fn a_forbidden_arrow_is_found() {
        assert!(!may_use("muster-cli", "muster-model"));
        assert!(!may_use("muster-controller", "openraft"));
        assert!(!may_use("muster-unknown", "muster-model"));
        assert!(may_use("muster-controller", "muster-raft-store"));
    }
}

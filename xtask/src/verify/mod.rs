//! Rules of the tree that the compiler does not hold. Each is a function that returns what breaks it.

mod arrows;
mod documents;
mod golden;
mod purity;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Runs every rule and reports all breaches at once.
pub(crate) fn run() -> Result<()> {
    let root = root();
    let mut breaches = arrows::breaches(&root)?;
    breaches.extend(purity::breaches(&root)?);
    breaches.extend(documents::breaches(&root)?);
    breaches.extend(golden::breaches(&root)?);
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("{} breaches:\n{}", breaches.len(), breaches.join("\n"))
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the workspace").to_owned()
}

/// Files below `folder` whose names end in `.extension`, in order.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

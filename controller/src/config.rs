//! Configuration files: read for `muster init` and `scontrol reconfigure`, parsed wherever a version is used.
//!
//! A running controller follows the replicated version alone.

use std::path::Path;

use muster_dialect::conf::{self, Diagnostic, Parsed, Severity, Stored};
use muster_proto::durable::{ConfigFile, ConfigFiles};

/// Parses the files of a version; the first is slurm.conf.
pub(crate) fn parse(files: &ConfigFiles) -> Parsed {
    let stored: Vec<(String, String)> = files.files.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
    let root = stored.first().map(|(path, _)| path.clone()).unwrap_or_else(|| "slurm.conf".into());
    conf::parse(&Stored(&stored), &root)
}

/// Errors, and everything else, one a line.
pub(crate) fn findings(diagnostics: &[Diagnostic]) -> (String, String) {
    let lines = |wanted: fn(Severity) -> bool| {
        let lines = diagnostics.iter().filter(|found| wanted(found.severity)).map(ToString::to_string);
        lines.collect::<Vec<_>>().join("\n")
    };
    (lines(|severity| severity == Severity::Error), lines(|severity| severity != Severity::Error))
}

/// Reads slurm.conf at `path` with its includes and sister files.
///
/// # Errors
/// What is wrong with them, one finding a line, for a human. Warnings and notes come with success.
pub fn read(path: &Path) -> Result<(ConfigFiles, String), String> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|why| why.to_string());
    let parsed = conf::parse(&read, &path.to_string_lossy());
    let (errors, notes) = findings(&parsed.diagnostics);
    if parsed.config.is_none() || !errors.is_empty() {
        return Err(errors);
    }
    let files = parsed.files.into_iter().map(|(path, text)| ConfigFile { path, text }).collect();
    Ok((ConfigFiles { files }, notes))
}

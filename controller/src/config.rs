//! Configuration files: read for `muster init` and `scontrol reconfigure`, parsed wherever a version is used.
//!
//! A running controller follows the replicated version alone.

use std::path::Path;

use muster_dialect::conf::{self, Diagnostic, Parsed, Severity, Source, Stored};
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

/// This host's files. A sister file that is there and cannot be read is an error: to go on without a fence.conf, say, would
/// turn fencing off in silence.
struct Disk;

impl Source for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|why| why.to_string())
    }

    fn read_if_present(&self, path: &str) -> Result<Option<String>, String> {
        match std::fs::read_to_string(path) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(|why| why.to_string()),
        }
    }
}

/// Reads slurm.conf at `path` with its includes and sister files.
///
/// # Errors
/// What is wrong with them, one finding a line, for a human. Warnings and notes come with success.
pub fn read(path: &Path) -> Result<(ConfigFiles, String), String> {
    let parsed = conf::parse(&Disk, &path.to_string_lossy());
    let (errors, notes) = findings(&parsed.diagnostics);
    if parsed.config.is_none() || !errors.is_empty() {
        return Err(errors);
    }
    let files = parsed.files.into_iter().map(|(path, text)| ConfigFile { path, text }).collect();
    Ok((ConfigFiles { files }, notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sister_file_that_cannot_be_read_is_not_taken_for_absent() {
        let directory = tempfile::tempdir().expect("a directory");
        let conf = directory.path().join("slurm.conf");
        let text = "ClusterName=c\nSlurmctldHost=a\nNodeName=n1 CPUs=1\nPartitionName=p Nodes=ALL\n";
        std::fs::write(&conf, text).expect("the directory is ours");
        assert_eq!(read(&conf).expect("without a fence.conf").0.files.len(), 1);
        // Not even root can read a directory as a file.
        std::fs::create_dir(directory.path().join("fence.conf")).expect("the directory is ours");
        let why = read(&conf).expect_err("there is something");
        assert!(why.contains("fence.conf"), "{why}");
    }
}

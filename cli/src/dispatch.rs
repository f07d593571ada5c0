//! Which command is meant: by the name that the binary was started under, or `muster COMMAND`.

use std::ffi::OsString;

use crate::say::to_stderr;
use crate::{muster, sacct, salloc, sbatch, sbcast, scancel, scontrol, sdiag, sinfo, squeue, srun};

/// Runs a command with the words after its name.
type Verb = fn(&[String]) -> u8;

/// Slurm's commands that are built. Others of [`UNBUILT`] say that they are not.
const VERBS: &[(&str, Verb)] = &[
    ("sacct", sacct::run),
    ("salloc", salloc::run),
    ("sbatch", sbatch::run),
    ("sbcast", sbcast::run),
    ("scancel", scancel::run),
    ("scontrol", scontrol::run),
    ("sdiag", sdiag::run),
    ("sinfo", sinfo::run),
    ("squeue", squeue::run),
    ("srun", srun::run),
];

/// Commands of Slurm without code yet.
const UNBUILT: &[&str] = &["sacctmgr", "sattach", "scrontab", "sprio", "sreport", "sshare", "sstat", "strigger"];

/// Runs the command that `args` mean; the first is the program's own name. The exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let mut words = Vec::new();
    for word in args {
        match word.into_string() {
            Ok(word) => words.push(word),
            Err(word) => {
                to_stderr(&format!("muster: error: not UTF-8: {}\n", word.to_string_lossy()));
                return 1;
            }
        }
    }
    let Some((path, rest)) = words.split_first() else { return muster::run(&[]) };
    let name = path.rsplit('/').next().unwrap_or(path);
    match by_name(name, rest) {
        Some(code) => code,
        None => match rest.split_first().and_then(|(name, rest)| by_name(name, rest)) {
            Some(code) => code,
            None => muster::run(rest),
        },
    }
}

fn by_name(name: &str, words: &[String]) -> Option<u8> {
    if let Some((_, verb)) = VERBS.iter().find(|(verb, _)| *verb == name) {
        return Some(verb(words));
    }
    if UNBUILT.contains(&name) {
        to_stderr(&format!("{name}: not supported by this version\n"));
        return Some(1);
    }
    None
}

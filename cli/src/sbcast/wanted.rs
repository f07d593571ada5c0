//! What to copy, where to, and how.

use muster_dialect::options::Parsed;
use thiserror::Error;

use crate::process::Variables;
use crate::request::variables_of;
use crate::say::Voice;

/// Copies at a time: Slurm's own bound.
const FANOUT_MAX: usize = 8;
/// Largest and default piece, bytes: what a node takes.
const PIECE_BYTES_MAX: usize = 512 * 1024;
const PIECE_BYTES_MIN: usize = 4 * 1024;

/// A command line that cannot be carried out. All exit 1.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum WantedError {
    #[error("Need two file names, have {0} names")]
    Names(usize),
    #[error("Need a job id to run this command.  Run from within a Slurm job or use the --jobid option.")]
    NoJob,
    #[error("Invalid job id {0}")]
    Id(String),
    #[error("--{0}: not supported by this version")]
    NotBuilt(String),
}

impl WantedError {
    pub(super) fn report(&self, voice: Voice) -> u8 {
        match self {
            Self::Names(_) => {
                voice.bare(&self.to_string());
                voice.bare("Try \"sbcast --help\" for more information");
            }
            _ => voice.error(&self.to_string()),
        }
        1
    }
}

/// The command line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) source: String,
    /// Absolute.
    pub(super) dest: String,
    pub(super) job_id: u32,
    /// Only these of the job's nodes; empty: all.
    pub(super) nodes: String,
    pub(super) force: bool,
    pub(super) preserve: bool,
    pub(super) fanout: usize,
    pub(super) piece_bytes: usize,
    pub(super) timeout_s: u64,
    pub(super) verbosity: i8,
}

impl Wanted {
    /// Reads options, environment and operands. `directory`: where relative names start.
    pub(super) fn read(parsed: &Parsed, variables: &Variables, directory: &str) -> Result<Self, WantedError> {
        let mut wanted = Self {
            source: String::new(),
            dest: String::new(),
            job_id: 0,
            nodes: String::new(),
            force: false,
            preserve: false,
            fanout: FANOUT_MAX,
            piece_bytes: PIECE_BYTES_MAX,
            timeout_s: 0,
            verbosity: 0,
        };
        for (option, value) in variables_of("sbcast", variables) {
            wanted.apply(option, value)?;
        }
        for found in &parsed.options {
            wanted.apply(found.means(), found.value.as_deref())?;
        }
        let [source, dest] = parsed.operands.as_slice() else {
            return Err(WantedError::Names(parsed.operands.len()));
        };
        if wanted.job_id == 0 {
            let id = variables.get("SLURM_JOB_ID").or_else(|| variables.get("SLURM_JOBID"));
            wanted.job_id = job_id(id.ok_or(WantedError::NoJob)?)?;
        }
        source.clone_into(&mut wanted.source);
        wanted.dest = destination(source, dest, directory);
        Ok(wanted)
    }

    fn apply(&mut self, option: &str, value: Option<&str>) -> Result<(), WantedError> {
        let text = value.unwrap_or_default();
        match option {
            "force" => self.force = true,
            "preserve" => self.preserve = true,
            "verbose" => self.verbosity = self.verbosity.saturating_add(1),
            "jobid" => self.job_id = job_id(text)?,
            "nodelist" => text.clone_into(&mut self.nodes),
            "treewidth" => self.fanout = text.parse().unwrap_or(FANOUT_MAX).clamp(1, FANOUT_MAX),
            "timeout" => self.timeout_s = text.parse().unwrap_or(0),
            "size" => match bytes(text) {
                Some(bytes) => self.piece_bytes = bytes.clamp(PIECE_BYTES_MIN, PIECE_BYTES_MAX),
                None => crate::say::to_stderr("size specification is invalid, ignored\n"),
            },
            // No compression is one of the ways to compress.
            "compress" if text == "none" => {}
            "send-libs" if text == "no" => {}
            // It says which libraries not to send.
            "exclude" => {}
            other => return Err(WantedError::NotBuilt(other.to_owned())),
        }
        Ok(())
    }
}

/// `12`, `12.0`, of which the job counts.
fn job_id(text: &str) -> Result<u32, WantedError> {
    let job = text.split(['.', '+']).next().unwrap_or_default();
    job.parse().ok().filter(|id| *id > 0).ok_or_else(|| WantedError::Id(text.to_owned()))
}

fn bytes(text: &str) -> Option<usize> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1024),
        None => match text.strip_suffix(['m', 'M']) {
            Some(digits) => (digits, 1024 * 1024),
            None => (text, 1),
        },
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

fn destination(source: &str, dest: &str, directory: &str) -> String {
    let name = source.rsplit('/').next().unwrap_or(source);
    let dest = if dest.ends_with('/') { format!("{dest}{name}") } else { dest.to_owned() };
    if dest.starts_with('/') { dest } else { format!("{directory}/{dest}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_dialect::options::{parse, tables::SBCAST};

    fn read(words: &[&str], variables: &[(&str, &str)]) -> Result<Wanted, WantedError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Wanted::read(&parse(&SBCAST, &words).expect("valid options"), &Variables::of(variables), "/here")
    }

    #[test]
    fn two_names_and_a_job_are_needed() {
        assert_eq!(read(&["a"], &[]), Err(WantedError::Names(1)));
        assert_eq!(read(&["a", "b"], &[]), Err(WantedError::NoJob));
        assert_eq!(read(&["-j", "7.0", "a", "b"], &[]).expect("valid").job_id, 7);
        assert_eq!(read(&["a", "/tmp/"], &[("SLURM_JOB_ID", "8")]).expect("valid").dest, "/tmp/a");
        assert_eq!(read(&["d/a", "b"], &[("SLURM_JOB_ID", "8")]).expect("valid").dest, "/here/b");
    }

    #[test]
    fn sizes_and_fanout_are_bounded() {
        let wanted = read(&["-j7", "-F99", "-s1m", "a", "b"], &[]).expect("valid");
        assert_eq!((wanted.fanout, wanted.piece_bytes), (FANOUT_MAX, PIECE_BYTES_MAX));
        assert_eq!(read(&["-j7", "-C", "a", "b"], &[]), Err(WantedError::NotBuilt("compress".into())));
    }
}

//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use lexopt::Arg;
use lexopt::ValueExt;

/// What the command line asks for.
pub(super) enum Asked {
    Run(Flags),
    Help,
    Version,
}

/// What is to be done to a store that no controller has open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Backup {
    Inspect(PathBuf),
    Restore(PathBuf),
    /// And whether it was said that what may be lost may be lost.
    Recover(bool),
}

/// How to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) foreground: bool,
    pub(super) conf: Option<PathBuf>,
    pub(super) verbose: u8,
    pub(super) name: Option<String>,
    pub(super) listen: Option<String>,
    pub(super) replica_listen: Option<String>,
    pub(super) state_dir: Option<PathBuf>,
    pub(super) pid_file: Option<PathBuf>,
    pub(super) log: Option<PathBuf>,
    pub(super) log_json: bool,
    /// Not to run, but to do this to the store.
    pub(super) backup: Option<Backup>,
}

impl Flags {
    pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Asked> {
        let mut flags = Self::default();
        let mut parser = lexopt::Parser::from_iter(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Short('D') => flags.foreground = true,
                Arg::Short('f') => flags.conf = Some(path(parser.value()?)?),
                Arg::Short('v') => flags.verbose = flags.verbose.saturating_add(1),
                // slurmctld recovers by default too; a damaged store is never ignored, whatever is asked.
                Arg::Short('i' | 'R' | 'r') => {}
                Arg::Short('c') => bail!(
                    "-c: not supported by this version: state belongs to the cluster, not to one controller. To found \
                     another cluster, use another directory"
                ),
                Arg::Short('V') | Arg::Long("version") => return Ok(Asked::Version),
                Arg::Short('h') | Arg::Long("help") => return Ok(Asked::Help),
                Arg::Short('L') | Arg::Long("log") => flags.log = Some(path(parser.value()?)?),
                Arg::Long("name") => flags.name = Some(parser.value()?.string()?),
                Arg::Long("listen") => flags.listen = Some(parser.value()?.string()?),
                Arg::Long("replica-listen") => flags.replica_listen = Some(parser.value()?.string()?),
                Arg::Long("state-dir") => flags.state_dir = Some(path(parser.value()?)?),
                Arg::Long("pidfile") => flags.pid_file = Some(path(parser.value()?)?),
                Arg::Long("inspect") => flags.backup = Some(Backup::Inspect(path(parser.value()?)?)),
                Arg::Long("restore") => flags.backup = Some(Backup::Restore(path(parser.value()?)?)),
                Arg::Long("recover") => flags.backup = Some(Backup::Recover(false)),
                Arg::Long("accept-loss") if flags.backup == Some(Backup::Recover(false)) => {
                    flags.backup = Some(Backup::Recover(true));
                }
                Arg::Long("log-format") => flags.log_json = log_format(&parser.value()?.string()?)?,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Asked::Run(flags))
    }

    /// Path of slurm.conf.
    pub(super) fn conf_path(&self) -> PathBuf {
        let by_environment = || std::env::var_os("SLURM_CONF").filter(|path| !path.is_empty()).map(PathBuf::from);
        self.conf.clone().or_else(by_environment).unwrap_or_else(|| PathBuf::from("/etc/slurm/slurm.conf"))
    }
}

/// The daemon changes directory: a path means what it meant on the command line.
fn path(value: OsString) -> Result<PathBuf> {
    std::path::absolute(&value).with_context(|| value.to_string_lossy().into_owned())
}

fn log_format(word: &str) -> Result<bool> {
    match word {
        "text" => Ok(false),
        "json" => Ok(true),
        other => bail!("--log-format is text or json, not {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Asked> {
        Flags::parse(std::iter::once("muster-controller").chain(line.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn flags_are_those_of_slurmctld_and_some_of_our_own() {
        let Ok(Asked::Run(flags)) = parse("-D -vv -f /tmp/slurm.conf --name a --listen 127.0.0.1:0") else {
            panic!("these flags run a controller");
        };
        assert!(flags.foreground && flags.verbose == 2);
        assert_eq!(flags.conf_path(), PathBuf::from("/tmp/slurm.conf"));
        assert_eq!((flags.name.as_deref(), flags.listen.as_deref()), (Some("a"), Some("127.0.0.1:0")));
        assert!(parse("--nonsense").is_err() && parse("-c").is_err() && parse("extra").is_err());
        assert!(matches!(parse("-V"), Ok(Asked::Version)));
        let backup = |line: &str| match parse(line) {
            Ok(Asked::Run(flags)) => flags.backup,
            _ => None,
        };
        assert_eq!(backup("--recover"), Some(Backup::Recover(false)));
        assert_eq!(backup("--recover --accept-loss"), Some(Backup::Recover(true)));
        assert_eq!(backup("--restore /a"), Some(Backup::Restore("/a".into())));
        assert!(parse("--accept-loss").is_err());
    }
}

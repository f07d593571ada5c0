//! Command line: slurmd's flags, and a few of our own.

use std::path::PathBuf;

use lexopt::Arg::{Long, Short};
use lexopt::ValueExt;

const HELP: &str = "\
Usage: muster-noded [OPTIONS]

  -C, --hardware          print this host's hardware as slurm.conf would have it, and exit
  -c                      clean start: forget what the spool's journal holds (refused while steps live)
  -D                      stay in the foreground
  -f FILE                 configuration file
  -L FILE                 log file
  -N NAME                 node name; several nodes may run on one host
  -v                      more messages; more of them for more
  -V, --version           version, and exit
      --listen HOST:PORT  where srun and sbcast come (default: the address and port of the NodeName line)
      --spool DIR         instead of SlurmdSpoolDir
      --pidfile FILE      instead of SlurmdPidFile
      --controllers LIST  host:port,... instead of SlurmctldHost and SlurmctldPort
      --log-format text|json
  -h, --help              this text";

/// What was asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) print_hardware: bool,
    pub(crate) clean_start: bool,
    pub(crate) foreground: bool,
    pub(crate) config: Option<PathBuf>,
    pub(crate) log: Option<PathBuf>,
    pub(crate) node_name: Option<String>,
    pub(crate) verbose: u8,
    pub(crate) listen: Option<String>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) controllers: Vec<String>,
    pub(crate) log_json: bool,
}

/// To run, or only to say something.
pub(crate) enum Parsed {
    Run(Flags),
    Print(String),
}

impl Flags {
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Parsed, lexopt::Error> {
        let mut flags = Flags::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Short('C') | Long("hardware") => flags.print_hardware = true,
                Short('c') => flags.clean_start = true,
                Short('D') => flags.foreground = true,
                Short('f') => flags.config = Some(parser.value()?.into()),
                Short('L') => flags.log = Some(parser.value()?.into()),
                Short('N') => flags.node_name = Some(parser.value()?.string()?),
                Short('v') => flags.verbose = flags.verbose.saturating_add(1),
                Long("listen") => flags.listen = Some(parser.value()?.string()?),
                Long("spool") => flags.spool = Some(parser.value()?.into()),
                Long("pidfile") => flags.pid_file = Some(parser.value()?.into()),
                Long("controllers") => {
                    let list = parser.value()?.string()?;
                    flags.controllers = list.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect();
                }
                Long("log-format") => {
                    flags.log_json = match parser.value()?.string()?.as_str() {
                        "text" => false,
                        "json" => true,
                        other => return Err(format!("--log-format is text or json, not {other}").into()),
                    };
                }
                Short('V') | Long("version") => return Ok(Parsed::Print(super::version())),
                Short('h') | Long("help") => return Ok(Parsed::Print(HELP.to_owned())),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Parsed::Run(flags))
    }
}

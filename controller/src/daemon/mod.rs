//! From a command line to a running controller, as administrators of slurmctld expect it.
//!
//! Everything that can be wrong with the configuration is said at once, before anything is started. What needs root is
//! opened first; then the process becomes SlurmUser, and stays it.

mod address;
mod auth;
mod backup;
mod detach;
mod files;
mod flags;
mod log;
mod name;
mod notify;
mod pid_file;
mod plan;
mod serve;
mod tls;
mod user;

use anyhow::{Context, Result};

use flags::{Asked, Flags};

const HELP: &str = "\
Usage: muster-controller [OPTIONS]
  -D                       Run in the foreground, with messages to standard error.
  -f FILE                  Read configuration from FILE. Default: SLURM_CONF, else /etc/slurm/slurm.conf.
  -i                       Accepted for slurmctld's sake: a bad store is never ignored.
  -L FILE, --log FILE      Write messages to FILE.
  -v                       More messages; may be given several times.
  -V, --version            Print the version.
  -h, --help               Print this.
  --name NAME              Which SlurmctldHost line this controller is. Default: the one of this host's name.
  --listen HOST:PORT       Where clients and nodes are served. Default: of that line, SlurmctldPort.
  --replica-listen H:P     Where the other controllers are served. Default: the same host,
                           SlurmctldParameters=muster_replica_port=N, else SlurmctldPort+3.
  --state-dir DIR          Where state is kept. Default: StateSaveLocation/ClusterName/NAME.
  --pidfile FILE           Default: SlurmctldPidFile.
  --log-format text|json
  --inspect FILE           Do not run: say what a snapshot of `muster snapshot save` holds.
  --restore FILE           Do not run: make the empty state directory the one replica of a restored cluster.
  --recover                Do not run: say what this store holds, and what may be lost by going on with it alone, after a
                           majority of the replicas was lost for good. --recover --accept-loss does it.
";

/// Runs until it is told to stop, or cannot go on.
pub(crate) fn run() -> Result<()> {
    let flags = match Flags::parse(std::env::args_os())? {
        Asked::Run(flags) => flags,
        Asked::Help => {
            print!("{HELP}");
            return Ok(());
        }
        Asked::Version => {
            println!("slurm {} (muster-controller {})", muster_dialect::SLURM_VERSION, env!("CARGO_PKG_VERSION"));
            return Ok(());
        }
    };
    if let Some(asked) = &flags.backup {
        return backup::run(asked, &flags);
    }
    let plan = plan::Plan::make(&flags)?;
    // Before any thread exists: fork and setuid concern the whole process.
    let ready = if flags.foreground { None } else { Some(detach::detach()?) };
    let started = start(&flags, plan, ready.as_ref());
    if let (Some(ready), Err(why)) = (&ready, &started) {
        // The command that waits says it; here it would come twice.
        ready.failed(&format!("{why:#}"));
        tracing::error!("{why:#}");
        exit_at_once();
    }
    started
}

/// Ends the process with status 1 and no destructors: a store that failed is left open, and RocksDB's threads, which still
/// run, would use locks that exit(3) destroyed.
pub(crate) fn exit_at_once() -> ! {
    signal_hook::low_level::exit(1)
}

fn start(flags: &Flags, plan: plan::Plan, ready: Option<&detach::Ready>) -> Result<()> {
    let log = log::open(flags, &plan.config).context("cannot open the log")?;
    let pid_file = pid_file::PidFile::write(flags, &plan.config);
    plan.prepare_state_dir()?;
    log.give_to(&plan.user);
    plan.user.become_it()?;
    files::raise_limit();
    serve::serve(plan, log, pid_file, || {
        notify::ready();
        if let Some(ready) = ready {
            ready.up();
        }
    })
}

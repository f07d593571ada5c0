//! `muster-controller`: what slurmctld is to Slurm, one of several equals.

mod daemon;

use std::process::ExitCode;

fn main() -> ExitCode {
    match daemon::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("muster-controller: {why:#}");
            daemon::exit_at_once()
        }
    }
}

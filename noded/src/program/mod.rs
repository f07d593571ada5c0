//! The daemon as administrators know it: flags of slurmd, configuration, log, pid file.

mod configure;
mod flags;
mod hardware_line;
mod log;
mod run;
mod tls;

use std::process::ExitCode;

use flags::{Flags, Parsed};

/// What `-V` says.
pub(crate) fn version() -> String {
    format!("slurm {} (muster-noded {})", muster_dialect::SLURM_VERSION, env!("CARGO_PKG_VERSION"))
}

pub(crate) fn main() -> ExitCode {
    let flags = match Flags::parse(lexopt::Parser::from_env()) {
        Ok(Parsed::Run(flags)) => flags,
        Ok(Parsed::Print(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            eprintln!("muster-noded: error: {e}");
            eprintln!("Try \"muster-noded --help\" for more information");
            return ExitCode::FAILURE;
        }
    };
    if flags.print_hardware {
        println!("{}", hardware_line::print(flags.node_name.as_deref()));
        return ExitCode::SUCCESS;
    }
    match run::run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("muster-noded: fatal: {e:#}");
            ExitCode::FAILURE
        }
    }
}

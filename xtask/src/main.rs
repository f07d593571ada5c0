//! The project's own chores: `cargo xtask verify` checks rules that the compiler does not, and never writes.

mod verify;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  verify    check the dependency arrows, the purity of model/ and the documents' links
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut parser = lexopt::Parser::from_env();
    match parser.next()? {
        Some(Value(command)) if command == "verify" => verify::run(),
        Some(Value(command)) => bail!("unknown command {command:?}\n{USAGE}"),
        Some(Short('h') | Long("help")) => {
            print!("{USAGE}");
            Ok(())
        }
        Some(argument) => Err(argument.unexpected()).context(USAGE),
        None => bail!("no command\n{USAGE}"),
    }
}

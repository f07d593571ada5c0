//! How every command begins: options are read, and `--version` and `--help` are answered, before any other work.

use std::time::{SystemTime, UNIX_EPOCH};

use muster_dialect::options::{self, Parsed, Table};

use crate::help::{help, usage};
use crate::say::{to_stderr, to_stdout};
use crate::version;

/// Reads the options of a Slurm command.
///
/// # Errors
/// The exit code, when there is nothing left to do: an error was told, or the version or the help was asked for.
pub(crate) fn options(table: &Table, words: &[String]) -> Result<Parsed, u8> {
    let parsed = options::parse(table, words).map_err(|error| {
        to_stderr(&format!("{error}\n"));
        table.exit_code_of_errors()
    })?;
    if parsed.has("version") {
        return Err(print(&format!("{}\n", version::SLURM)));
    }
    if parsed.has("help") {
        return Err(print(&help(table)));
    }
    if parsed.has("usage") {
        return Err(print(&usage(table)));
    }
    if is_heterogeneous(table.command, &parsed.operands) {
        to_stderr(&format!("{}: error: heterogeneous jobs and steps: not supported by this version\n", table.command));
        return Err(1);
    }
    Ok(parsed)
}

/// Whether a `:` stands between components: before the script or, of srun, anywhere, since each component has a command.
fn is_heterogeneous(command: &str, operands: &[String]) -> bool {
    match command {
        "srun" => operands.iter().any(|word| word == ":"),
        "sbatch" | "salloc" => operands.first().is_some_and(|word| word == ":"),
        _ => false,
    }
}

/// How often an option was given.
#[must_use]
pub(crate) fn count(parsed: &Parsed, name: &str) -> i8 {
    let times = parsed.options.iter().filter(|found| found.means() == name).count();
    i8::try_from(times).unwrap_or(i8::MAX)
}

/// This host's clock.
#[must_use]
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn print(text: &str) -> u8 {
    u8::from(!to_stdout(text))
}

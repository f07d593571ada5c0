//! See the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(muster_cli::run(std::env::args_os()))
}

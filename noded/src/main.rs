//! `muster-noded`: the node daemon; `muster-noded stepd DIR`: the supervisor of one step, which the daemon starts.

mod program;

use std::path::Path;
use std::process::ExitCode;

use muster_noded::stepd;

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    match arguments.get(1).and_then(|first| first.to_str()) {
        // Both before anything starts a thread.
        Some("stepd") if arguments.len() == 3 => stepd::main(Path::new(&arguments[2])),
        Some("copy-as-user") => stepd::write_as_user(&arguments[2..]),
        _ => program::main(),
    }
}

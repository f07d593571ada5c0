//! What a command tells its user: lines on standard error that begin with the command's name, as Slurm writes them.
//!
//! Output that scripts read goes to standard output, and never through here.

use std::io::Write;

/// Who speaks, and how much. Cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Voice {
    /// "sbatch".
    pub program: &'static str,
    /// -1: quiet, 0: normal, 1 and more: `-v` so many times.
    pub verbosity: i8,
}

impl Voice {
    /// Speaks normally.
    #[must_use]
    pub(crate) fn new(program: &'static str) -> Self {
        Self { program, verbosity: 0 }
    }

    /// `sbatch: error: TEXT`, each line of the text by itself.
    pub(crate) fn error(&self, text: &str) {
        self.lines("error: ", text);
    }

    /// `sbatch: fatal: TEXT`.
    pub(crate) fn fatal(&self, text: &str) {
        self.lines("fatal: ", text);
    }

    /// `sbatch: TEXT`, unless the user asked for quiet.
    pub(crate) fn info(&self, text: &str) {
        if self.verbosity >= 0 {
            self.lines("", text);
        }
    }

    /// `sbatch: TEXT`, only with `-v`.
    pub(crate) fn verbose(&self, text: &str) {
        if self.verbosity > 0 {
            self.lines("", text);
        }
    }

    /// A line without the program's name, as the few that Slurm prints so.
    pub(crate) fn bare(&self, text: &str) {
        to_stderr(&format!("{text}\n"));
    }

    fn lines(&self, kind: &str, text: &str) {
        let mut out = String::new();
        for line in text.lines() {
            out.push_str(&format!("{}: {kind}{line}\n", self.program));
        }
        to_stderr(&out);
    }
}

/// Writes at once, so that lines of several programs do not mix. A closed standard error is nobody's fault.
pub(crate) fn to_stderr(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _closed = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Writes to standard output; false when nobody reads it any more.
#[must_use]
pub(crate) fn to_stdout(text: &str) -> bool {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_ok()
}

/// What strerror(3) says, without Rust's number behind it.
#[must_use]
pub(crate) fn os_error(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_owned(),
        None => error.to_string(),
    }
}

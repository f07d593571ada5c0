//! `code:signal` pairs, as `ExitCode=` shows them, and the wait status that the kernel gives.

use std::fmt;

use thiserror::Error;

/// How a process, step or job ended: the code that it returned, and the signal that ended it (0: none).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ExitCode {
    /// 0–255.
    pub code: u8,
    /// 0–127.
    pub signal: u8,
}

impl ExitCode {
    pub const SUCCESS: ExitCode = ExitCode { code: 0, signal: 0 };

    #[must_use]
    pub fn exited(code: u8) -> Self {
        Self { code, signal: 0 }
    }

    #[must_use]
    pub fn signalled(signal: u8) -> Self {
        Self { code: 0, signal: signal & 0x7f }
    }

    /// From wait(2)'s status. The core-dump bit is dropped, as Slurm does in what it prints.
    #[must_use]
    pub fn from_wait_status(status: i32) -> Self {
        Self { code: ((status >> 8) & 0xff) as u8, signal: (status & 0x7f) as u8 }
    }

    #[must_use]
    pub fn to_wait_status(self) -> i32 {
        (i32::from(self.code) << 8) | i32::from(self.signal)
    }

    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::SUCCESS
    }

    /// What a shell's `$?` would be: the code, or 128 + signal. srun exits with it.
    #[must_use]
    pub fn shell_status(self) -> u8 {
        if self.signal == 0 { self.code } else { 128 + self.signal }
    }

    /// `code` or `code:signal`.
    pub fn parse(text: &str) -> Result<Self, ExitCodeError> {
        let (code, signal) = text.split_once(':').unwrap_or((text, "0"));
        let code = code.parse().map_err(|_| ExitCodeError)?;
        let signal = signal.parse().ok().filter(|s| *s < 128).ok_or(ExitCodeError)?;
        Ok(Self { code, signal })
    }
}

impl fmt::Display for ExitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.code, self.signal)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid exit code")]
pub struct ExitCodeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_statuses_convert_both_ways() {
        assert_eq!(ExitCode::from_wait_status(0x0700), ExitCode::exited(7));
        assert_eq!(ExitCode::from_wait_status(9), ExitCode::signalled(9));
        assert_eq!(ExitCode::from_wait_status(0x8b), ExitCode::signalled(11));
        for status in [0, 0x0100, 15, 0xff00] {
            assert_eq!(ExitCode::from_wait_status(status).to_wait_status(), status);
        }
    }

    #[test]
    fn a_signal_is_128_and_more_to_the_shell() {
        assert_eq!(ExitCode::signalled(9).shell_status(), 137);
        assert_eq!(ExitCode::exited(3).shell_status(), 3);
    }

    #[test]
    fn pairs_print_and_parse() {
        assert_eq!(ExitCode { code: 0, signal: 15 }.to_string(), "0:15");
        assert_eq!(ExitCode::parse("0:15"), Ok(ExitCode::signalled(15)));
        assert_eq!(ExitCode::parse("2"), Ok(ExitCode::exited(2)));
        for bad in ["", "x", "256:0", "0:128", "0:-1"] {
            assert_eq!(ExitCode::parse(bad), Err(ExitCodeError), "{bad}");
        }
    }
}

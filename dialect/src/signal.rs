//! Signal names ↔ numbers, as `scancel -s`, `--signal` and `scontrol` read and print them. More names are known than Slurm's
//! commands take. Linux on x86-64 and arm64.

use thiserror::Error;

/// Names without `SIG`; the first of a number is how it is printed.
const SIGNALS: [(&str, u8); 31] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// Highest number: the last real-time signal.
pub const SIGNAL_MAX: u8 = 64;
/// Longest warning time of `--signal`, in seconds; Slurm keeps it in 16 bits.
const WARN_SECONDS_MAX: u32 = 65_535;
/// Warning time when `--signal` gives none.
const WARN_SECONDS_DEFAULT: u32 = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Unknown signal")]
pub struct SignalError;

/// `9`, `KILL`, `SIGKILL`, in any case.
pub fn parse(text: &str) -> Result<u8, SignalError> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().filter(|n| (1..=SIGNAL_MAX).contains(n)).ok_or(SignalError);
    }
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    SIGNALS.iter().find(|(name, _)| *name == bare).map(|(_, number)| *number).ok_or(SignalError)
}

/// `KILL` for 9; nothing for real-time signals and numbers out of range.
#[must_use]
pub fn name(signal: u8) -> Option<&'static str> {
    SIGNALS.iter().find(|(_, number)| *number == signal).map(|(name, _)| *name)
}

/// `KILL`, or the number where there is no name.
#[must_use]
pub fn name_or_number(signal: u8) -> String {
    name(signal).map_or_else(|| signal.to_string(), str::to_owned)
}

/// What a shell, strsignal(3) and srun call the end of a task: `Killed`, `Terminated`, ….
#[must_use]
pub fn describe(signal: u8) -> String {
    let text = match signal {
        1 => "Hangup",
        2 => "Interrupt",
        3 => "Quit",
        4 => "Illegal instruction",
        5 => "Trace/breakpoint trap",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        10 => "User defined signal 1",
        11 => "Segmentation fault",
        12 => "User defined signal 2",
        13 => "Broken pipe",
        14 => "Alarm clock",
        15 => "Terminated",
        24 => "CPU time limit exceeded",
        25 => "File size limit exceeded",
        31 => "Bad system call",
        _ => return format!("Unknown signal {signal}"),
    };
    text.to_owned()
}

/// `--signal=[{R|B}:]<signal>[@seconds]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    pub signal: u8,
    /// Seconds before the end of the time limit.
    pub seconds: u32,
    /// `B:`: only the batch shell, not the steps.
    pub batch_only: bool,
    /// `R:`: also when a reservation that overlaps begins.
    pub reservation: bool,
}

impl Warning {
    pub fn parse(text: &str) -> Result<Self, SignalError> {
        let (flags, rest) = match text.split_once(':') {
            Some((flags, rest)) => (flags, rest),
            None => ("", text),
        };
        if text.contains(':') && flags.is_empty() {
            return Err(SignalError);
        }
        let mut warning = Warning { signal: 0, seconds: WARN_SECONDS_DEFAULT, batch_only: false, reservation: false };
        for flag in flags.chars() {
            match flag.to_ascii_uppercase() {
                'B' => warning.batch_only = true,
                'R' => warning.reservation = true,
                _ => return Err(SignalError),
            }
        }
        let signal = match rest.split_once('@') {
            Some((signal, "")) => signal,
            Some((signal, seconds)) => {
                warning.seconds = seconds.parse().ok().filter(|s| *s <= WARN_SECONDS_MAX).ok_or(SignalError)?;
                signal
            }
            None => rest,
        };
        warning.signal = parse(signal)?;
        Ok(warning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_the_same_signal() {
        for text in ["9", "KILL", "SIGKILL", "kill", "sigkill"] {
            assert_eq!(parse(text), Ok(9), "{text}");
        }
        for bad in ["", "0", "65", "NOSUCH", "SIG", "-9"] {
            assert_eq!(parse(bad), Err(SignalError), "{bad}");
        }
        assert!(SIGNALS.iter().all(|(n, number)| parse(n) == Ok(*number) && name(*number) == Some(n)));
    }

    #[test]
    fn warnings_have_flags_and_a_time() {
        let usr1 = Warning { signal: 10, seconds: 60, batch_only: false, reservation: false };
        assert_eq!(Warning::parse("USR1"), Ok(usr1));
        assert_eq!(Warning::parse("B:USR1@120"), Ok(Warning { seconds: 120, batch_only: true, ..usr1 }));
        assert_eq!(Warning::parse("R:10"), Ok(Warning { reservation: true, ..usr1 }));
        assert_eq!(Warning::parse("USR1@"), Ok(usr1));
        for bad in ["BAD", "B:", "X:9", ":9", "9@x", "9@70000", "@60", "B:R:9", "9@-1", ""] {
            assert_eq!(Warning::parse(bad), Err(SignalError), "{bad}");
        }
    }

    #[test]
    fn ends_are_described_as_srun_prints_them() {
        assert_eq!(describe(9), "Killed");
        assert_eq!(describe(15), "Terminated");
        assert_eq!(name_or_number(40), "40");
    }
}

//! Time limits and durations: `90`, `1-12:30`, `UNLIMITED`; `1:02:03`, `00:00:05`.

use std::fmt;

use thiserror::Error;

/// Largest limit in minutes: the two values above it stand for "unlimited" and "not set" on Slurm's interfaces.
pub const MINUTES_MAX: u32 = u32::MAX - 2;

/// A limit. Slurm's resolution is a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeLimit {
    Minutes(u32),
    /// Greater than any number of minutes.
    Unlimited,
}

/// Not one of the forms, negative, or more than [`MINUTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid time limit specification")]
pub struct TimeLimitError;

impl TimeLimit {
    /// `min`, `min:sec`, `h:m:s`, `d-h`, `d-h:m`, `d-h:m:s`, `UNLIMITED`, `INFINITE`, `-1`. Seconds round up to a minute.
    ///
    /// Fields are not range-checked (`1:99:99` is 02:41:00). Other negative numbers, which Slurm lets wrap into huge
    /// limits, are refused.
    pub fn parse(text: &str) -> Result<Self, TimeLimitError> {
        Ok(match parse_seconds(text)? {
            None => Self::Unlimited,
            Some(seconds) => Self::Minutes(whole_minutes(seconds)?),
        })
    }

    /// As [`TimeLimit::parse`], where 0 asks for no limit: `--time`.
    pub fn parse_request(text: &str) -> Result<Self, TimeLimitError> {
        Ok(match Self::parse(text)? {
            Self::Minutes(0) => Self::Unlimited,
            limit => limit,
        })
    }

    /// Seconds, unless unlimited.
    #[must_use]
    pub fn seconds(self) -> Option<u64> {
        match self {
            Self::Minutes(minutes) => Some(u64::from(minutes) * 60),
            Self::Unlimited => None,
        }
    }

    /// squeue's `%l`: `5:00`, `1:30:00`, `1-00:00:00`, `UNLIMITED`.
    #[must_use]
    pub fn short(self) -> String {
        self.seconds().map_or_else(|| "UNLIMITED".to_owned(), short)
    }

    /// sinfo's `%l`: as [`TimeLimit::short`], but `infinite`.
    #[must_use]
    pub fn short_for_sinfo(self) -> String {
        self.seconds().map_or_else(|| "infinite".to_owned(), short)
    }
}

/// scontrol's and sacct's form: `01:30:00`, `1-00:00:00`, `UNLIMITED`.
impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds() {
            Some(seconds) => f.write_str(&long(seconds)),
            None => f.write_str("UNLIMITED"),
        }
    }
}

fn whole_minutes(seconds: u64) -> Result<u32, TimeLimitError> {
    u32::try_from(seconds.div_ceil(60)).ok().filter(|m| *m <= MINUTES_MAX).ok_or(TimeLimitError)
}

/// The same forms with seconds kept; `None` is unlimited.
pub fn parse_seconds(text: &str) -> Result<Option<u64>, TimeLimitError> {
    if ["UNLIMITED", "INFINITE", "-1"].iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(None);
    }
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(number(days)?), rest),
        None => (None, text),
    };
    if days.is_some() && rest.is_empty() {
        return total(days.unwrap_or(0), 0, 0, 0).map(Some);
    }
    let fields = rest.split(':').map(number).collect::<Result<Vec<u64>, _>>()?;
    match (days, fields.as_slice()) {
        (None, [m]) => total(0, 0, *m, 0),
        (None, [m, s]) => total(0, 0, *m, *s),
        (None, [h, m, s]) => total(0, *h, *m, *s),
        (Some(d), [h]) => total(d, *h, 0, 0),
        (Some(d), [h, m]) => total(d, *h, *m, 0),
        (Some(d), [h, m, s]) => total(d, *h, *m, *s),
        _ => Err(TimeLimitError),
    }
    .map(Some)
}

/// Digits only, few enough that sums of products cannot overflow.
fn number(text: &str) -> Result<u64, TimeLimitError> {
    if text.is_empty() || text.len() > 12 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(TimeLimitError);
    }
    text.parse().map_err(|_| TimeLimitError)
}

fn total(days: u64, hours: u64, minutes: u64, seconds: u64) -> Result<u64, TimeLimitError> {
    let total = days * 86_400 + hours * 3_600 + minutes * 60 + seconds;
    whole_minutes(total).map(|_| total)
}

/// Days, hours, minutes, seconds.
fn split(seconds: u64) -> (u64, u64, u64, u64) {
    (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60)
}

/// A duration as squeue prints it: `0:05`, `1:02:03`, `1-02:03:04`.
#[must_use]
pub fn short(seconds: u64) -> String {
    match split(seconds) {
        (0, 0, m, s) => format!("{m}:{s:02}"),
        (0, h, m, s) => format!("{h}:{m:02}:{s:02}"),
        (d, h, m, s) => format!("{d}-{h:02}:{m:02}:{s:02}"),
    }
}

/// As [`short`], of a difference that may be negative (a job past its end): Slurm prints `INVALID` then.
#[must_use]
pub fn short_signed(seconds: i64) -> String {
    u64::try_from(seconds).map_or_else(|_| "INVALID".to_owned(), short)
}

/// A duration as scontrol and sacct print it: `00:00:05`, `1-02:03:04`.
#[must_use]
pub fn long(seconds: u64) -> String {
    match split(seconds) {
        (0, h, m, s) => format!("{h:02}:{m:02}:{s:02}"),
        (d, h, m, s) => format!("{d}-{h:02}:{m:02}:{s:02}"),
    }
}

/// CPU time as sacct prints it: `00:00.017` below an hour, `01:02:03` and `1-02:03:04` above; `00:00:00` for none.
#[must_use]
pub fn cpu(seconds: u64, microseconds: u32) -> String {
    let milliseconds = microseconds / 1_000;
    match split(seconds) {
        (0, 0, 0, 0) if milliseconds == 0 => long(0),
        (0, 0, m, s) => format!("{m:02}:{s:02}.{milliseconds:03}"),
        _ => long(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_as_sbatch_reads_them() {
        for (text, shown) in [
            ("5", "00:05:00"),
            ("90", "01:30:00"),
            ("0", "UNLIMITED"),
            ("1:30", "00:02:00"),
            ("90:00", "01:30:00"),
            ("0:30", "00:01:00"),
            ("0:59", "00:01:00"),
            ("1:00:00", "01:00:00"),
            ("01:30:00", "01:30:00"),
            ("100:00:00", "4-04:00:00"),
            ("1-0", "1-00:00:00"),
            ("1-12", "1-12:00:00"),
            ("2-00", "2-00:00:00"),
            ("1-12:30", "1-12:30:00"),
            ("1-12:30:15", "1-12:31:00"),
            ("0-00:10", "00:10:00"),
            ("0-0:0:30", "00:01:00"),
            ("00:00:01", "00:01:00"),
            ("00:00:00", "UNLIMITED"),
            ("365-0", "365-00:00:00"),
            ("UNLIMITED", "UNLIMITED"),
            ("unlimited", "UNLIMITED"),
            ("INFINITE", "UNLIMITED"),
            ("infinite", "UNLIMITED"),
            ("-1", "UNLIMITED"),
            ("1:60", "00:02:00"),
            ("1:99:99", "02:41:00"),
            ("25:00:00", "1-01:00:00"),
            ("1-25", "2-01:00:00"),
            ("1-", "1-00:00:00"),
        ] {
            assert_eq!(TimeLimit::parse_request(text).map(|t| t.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in
            ["+10", "1.5", "abc", "1:2:3:4", "1h", "10m", "1:", ":30", " 7", "INVALID", "", "-", "-5", "1-1:1:1:1"]
        {
            assert_eq!(TimeLimit::parse(text), Err(TimeLimitError), "{text}");
        }
    }

    #[test]
    fn limits_are_bounded() {
        assert_eq!(TimeLimit::parse("4294967293"), Ok(TimeLimit::Minutes(MINUTES_MAX)));
        for text in ["4294967294", "999999999999", "999999999999-999999999999:999999999999", "99999999999999999999"] {
            assert_eq!(TimeLimit::parse(text), Err(TimeLimitError), "{text}");
        }
    }

    #[test]
    fn zero_is_a_limit_outside_requests() {
        assert_eq!(TimeLimit::parse("0"), Ok(TimeLimit::Minutes(0)));
        assert!(TimeLimit::Minutes(MINUTES_MAX) < TimeLimit::Unlimited);
    }

    #[test]
    fn durations_print_as_each_command_prints_them() {
        assert_eq!(short(5), "0:05");
        assert_eq!(short(3_723), "1:02:03");
        assert_eq!(short(93_784), "1-02:03:04");
        assert_eq!(short_signed(-1), "INVALID");
        assert_eq!(long(5), "00:00:05");
        assert_eq!(long(93_784), "1-02:03:04");
        assert_eq!(TimeLimit::Minutes(30).short_for_sinfo(), "30:00");
        assert_eq!(TimeLimit::Unlimited.short_for_sinfo(), "infinite");
        assert_eq!(TimeLimit::Unlimited.short(), "UNLIMITED");
        assert_eq!(cpu(0, 17_000), "00:00.017");
        assert_eq!(cpu(0, 0), "00:00:00");
        assert_eq!(cpu(3_600, 5), "01:00:00");
    }
}

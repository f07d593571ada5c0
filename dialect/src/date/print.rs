//! Instant → text.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::EpochSeconds;

/// Longest text that a strftime format may give, in bytes.
const STRFTIME_BYTES_MAX: usize = 255;

fn local(seconds: EpochSeconds, zone: &TimeZone) -> Zoned {
    let clamped = seconds.clamp(0, Timestamp::MAX.as_second() - 86_400 * 2);
    Timestamp::from_second(clamped).expect("clamped to the representable range").to_zoned(zone.clone())
}

/// `2026-11-21T22:34:45`, local time. What Slurm prints for "unset" (`Unknown`, `N/A`, `None`) is the caller's choice.
#[must_use]
pub fn iso(seconds: EpochSeconds, zone: &TimeZone) -> String {
    local(seconds, zone).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `Sat Nov 21 22:34:45 2026`, as asctime(3): the headers of `sinfo -l`, `squeue -l` and sdiag.
#[must_use]
pub fn asctime(seconds: EpochSeconds, zone: &TimeZone) -> String {
    local(seconds, zone).strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// SLURM_TIME_FORMAT: how listings print dates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// [`iso`].
    #[default]
    Standard,
    /// Short, and aware of today: `23:55:15`, `Tomorr 04:55`, `Mon 23:55`, `28 Nov 23:55`, `4 Mar 2027`.
    Relative,
    Strftime(String),
}

impl TimeFormat {
    /// From the variable's value; without it (`None`) the standard.
    #[must_use]
    pub fn from_variable(value: Option<&str>) -> Self {
        match value {
            None | Some("" | "standard") => Self::Standard,
            Some("relative") => Self::Relative,
            Some(format) => Self::Strftime(format.to_owned()),
        }
    }

    #[must_use]
    pub fn print(&self, seconds: EpochSeconds, now: EpochSeconds, zone: &TimeZone) -> String {
        match self {
            Self::Standard => iso(seconds, zone),
            Self::Relative => relative(seconds, now, zone),
            Self::Strftime(format) => strftime(format, seconds, zone).unwrap_or_else(|| iso(seconds, zone)),
        }
    }
}

/// Nothing for a format that is not one, or too long.
fn strftime(format: &str, seconds: EpochSeconds, zone: &TimeZone) -> Option<String> {
    if format.len() > STRFTIME_BYTES_MAX {
        return None;
    }
    let text = jiff::fmt::strtime::format(format, &local(seconds, zone)).ok()?;
    (text.len() <= STRFTIME_BYTES_MAX).then_some(text)
}

fn relative(seconds: EpochSeconds, now: EpochSeconds, zone: &TimeZone) -> String {
    let (then, today) = (local(seconds, zone), local(now, zone).date());
    let days = (then.date() - today).get_days();
    let format = match days {
        -1 => "Ystday %H:%M",
        0 => "%H:%M:%S",
        1 => "Tomorr %H:%M",
        2..=6 => "%a %H:%M",
        _ if then.date().year() == today.year() => "%-d %b %H:%M",
        _ => "%-d %b %Y",
    };
    then.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date::parse;

    /// 2026-11-21T23:55:15Z, a Saturday.
    const NOW: EpochSeconds = 1_795_305_315;

    #[test]
    fn dates_print_in_each_style() {
        assert_eq!(iso(NOW, &TimeZone::UTC), "2026-11-21T23:55:15");
        assert_eq!(asctime(NOW, &TimeZone::UTC), "Sat Nov 21 23:55:15 2026");
        assert_eq!(asctime(NOW - 86_400 * 20, &TimeZone::UTC), "Sun Nov  1 23:55:15 2026");
        let plus_one = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(iso(NOW, &plus_one), "2026-11-22T00:55:15");
        assert_eq!(iso(i64::MAX, &plus_one).len(), 19);
    }

    #[test]
    fn relative_dates_are_as_short_as_they_may() {
        for (spec, shown) in [
            ("now", "23:55:15"),
            ("now+5hours", "Tomorr 04:55"),
            ("now-1day", "Ystday 23:55"),
            ("now+2days", "Mon 23:55"),
            ("now+6days", "Fri 23:55"),
            ("now+7days", "28 Nov 23:55"),
            ("now+30days", "21 Dec 23:55"),
            ("2027-03-04T05:06:07", "4 Mar 2027"),
        ] {
            let seconds = parse(spec, NOW, &TimeZone::UTC).unwrap();
            assert_eq!(TimeFormat::Relative.print(seconds, NOW, &TimeZone::UTC), shown, "{spec}");
        }
    }

    #[test]
    fn formats_come_from_the_variable() {
        let print = |value| TimeFormat::from_variable(value).print(NOW, NOW, &TimeZone::UTC);
        assert_eq!(print(None), "2026-11-21T23:55:15");
        assert_eq!(print(Some("standard")), "2026-11-21T23:55:15");
        assert_eq!(print(Some("%a %d/%b %H:%M")), "Sat 21/Nov 23:55");
        assert_eq!(print(Some("%s")), "1795305315");
        assert_eq!(print(Some("%!")), "2026-11-21T23:55:15");
    }
}

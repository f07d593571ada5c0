//! The two forms of a record.

use jiff::tz::TimeZone;
use muster_dialect::date;

/// How records are printed.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// `--oneliner`
    pub(crate) one_line: bool,
    /// `--details`
    pub(crate) details: bool,
    /// Where times are told.
    pub(crate) zone: TimeZone,
}

impl Form {
    /// `2026-11-21T22:33:06`, or `absent` for 0.
    pub(crate) fn date(&self, ms: u64, absent: &str) -> String {
        if ms == 0 { absent.to_owned() } else { date::iso((ms / 1000) as i64, &self.zone) }
    }
}

/// Lines of one record, without indentation.
#[derive(Default)]
pub(crate) struct Record(Vec<String>);

impl Record {
    /// Adds a line.
    pub(crate) fn line(&mut self, line: impl Into<String>) {
        self.0.push(line.into());
    }

    /// Adds a line unless it says nothing.
    pub(crate) fn line_if(&mut self, wanted: bool, line: impl FnOnce() -> String) {
        if wanted {
            self.0.push(line());
        }
    }

    /// The record with its line ends.
    pub(crate) fn print(&self, form: &Form) -> String {
        if form.one_line { self.0.join(" ") + "\n" } else { self.0.join("\n   ") + "\n\n" }
    }
}

/// Slurm's word for a string that is not set.
pub(super) fn or_null(text: &str) -> &str {
    if text.is_empty() { "(null)" } else { text }
}

/// `YES` or `NO`.
pub(super) fn yes_no(fact: bool) -> &'static str {
    if fact { "YES" } else { "NO" }
}

//! Instants as Slurm prints them: local time, `2026-11-22T00:07:26`.

use jiff::tz::TimeZone;
use muster_dialect::date;

/// Milliseconds since the epoch in the time zone of this process.
#[must_use]
pub(crate) fn local(ms: u64) -> String {
    date::iso(i64::try_from(ms / 1000).unwrap_or(i64::MAX), &TimeZone::system())
}

//! Dates: read as `--begin=now+1hour`, `16:00`, `2027-01-20T12:34`; printed as `2026-11-21T22:34:45`.
//!
//! The clock and the zone are arguments, so the same text always gives the same instant.

mod parse;
mod print;

pub use parse::{DateError, parse, parse_past};
pub use print::{TimeFormat, asctime, iso};

/// Seconds since 1970-01-01T00:00:00Z.
pub type EpochSeconds = i64;

#[cfg(test)]
mod tests;

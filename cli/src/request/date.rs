//! `--begin` and `--deadline`.

use jiff::tz::TimeZone;
use muster_dialect::date;

use super::bad::Bad;

/// Milliseconds since the epoch. A begin that is not in the future is "now", which is 0.
pub(super) fn parse(option: &'static str, text: &str, now_ms: u64) -> Result<u64, Bad> {
    let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
    let found = date::parse(text, now, &TimeZone::system());
    let seconds = found.map_err(|error| Bad::Date { option, line: error.to_string() })?;
    if option == "begin" && seconds <= now {
        return Ok(0);
    }
    Ok(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    #[test]
    fn a_begin_in_the_past_is_now() {
        assert_eq!(parse("begin", "now+1hour", NOW_MS), Ok(NOW_MS + 3_600_000));
        assert_eq!(parse("begin", "now-1hour", NOW_MS), Ok(0));
        assert!(parse("deadline", "2001-01-01", NOW_MS).is_ok_and(|ms| ms > 0 && ms < NOW_MS));
    }

    #[test]
    fn nonsense_says_where() {
        let line = "Invalid time specification (pos=0): nosuch".to_owned();
        assert_eq!(parse("begin", "nosuch", NOW_MS), Err(Bad::Date { option: "begin", line }));
    }
}

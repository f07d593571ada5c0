use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

/// 2026-11-22T00:15:14Z.
const NOW: EpochSeconds = 1_795_306_514;

fn shown(text: &str) -> String {
    match parse(text, NOW, &TimeZone::UTC) {
        Ok(seconds) => iso(seconds, &TimeZone::UTC),
        Err(error) => format!("pos={}", error.position),
    }
}

#[test]
fn accepted_forms_are_slurms() {
    for (text, date) in [
        ("now", "2026-11-22T00:15:14"),
        ("NOW", "2026-11-22T00:15:14"),
        ("now+1", "2026-11-22T00:15:15"),
        ("now+60minutes", "2026-11-22T01:15:14"),
        ("now+2days", "2026-11-24T00:15:14"),
        ("now+1week", "2026-11-29T00:15:14"),
        ("now-1hour", "2026-11-21T23:15:14"),
        ("now + 1hour", "2026-11-22T01:15:14"),
        ("now+1 hour", "2026-11-22T01:15:14"),
        ("now+1HOURS", "2026-11-22T01:15:14"),
        ("now+99999999999", "5195-10-07T10:01:53"),
        ("today", "2026-11-22T00:00:00"),
        ("today 23:00", "2026-11-22T23:00:00"),
        ("tomorrow", "2026-11-23T00:00:00"),
        ("tomorrow noon", "2026-11-23T12:00:00"),
        ("noon tomorrow", "2026-11-23T12:00:00"),
        ("midnight", "2026-11-23T00:00:00"),
        ("noon", "2026-11-22T12:00:00"),
        ("fika", "2026-11-22T15:00:00"),
        ("teatime", "2026-11-22T16:00:00"),
        ("elevenses", "2026-11-22T11:00:00"),
        ("23:59", "2026-11-22T23:59:00"),
        ("00:05", "2026-11-23T00:05:00"),
        ("16:00:30", "2026-11-22T16:00:30"),
        ("4:00", "2026-11-22T04:00:00"),
        ("12:30AM", "2026-11-22T00:30:00"),
        ("12:30PM", "2026-11-22T12:30:00"),
        ("4:30 pm", "2026-11-22T16:30:00"),
        ("10:00 tomorrow", "2026-11-23T10:00:00"),
        ("1121", "2027-11-21T00:00:00"),
        ("1122", "2027-11-22T00:00:00"),
        ("11.23", "2026-11-23T00:00:00"),
        ("01/20", "2027-01-20T00:00:00"),
        ("1/2", "2027-01-02T00:00:00"),
        ("01/20/27", "2027-01-20T00:00:00"),
        ("012027", "2027-01-20T00:00:00"),
        ("012027-10:00", "2027-01-20T10:00:00"),
        ("01/20/27-16:00", "2027-01-20T16:00:00"),
        ("16:00 01/20/27", "2027-01-20T16:00:00"),
        ("noon 01/20/27", "2027-01-20T12:00:00"),
        ("2027-01-20", "2027-01-20T00:00:00"),
        ("2027-01-20T12:34", "2027-01-20T12:34:00"),
        ("2027-01-20T12:34:56", "2027-01-20T12:34:56"),
        ("2027-01-20 12:34", "2027-01-20T12:34:00"),
        ("2027-01-20T1:34", "2027-01-20T01:34:00"),
        ("2027-01-20-10:00", "2027-01-20T10:00:00"),
        ("2027-01-20T10:00PM", "2027-01-20T22:00:00"),
        ("2027-01-20T", "2027-01-20T00:00:00"),
        ("2027-02-30", "2027-03-02T00:00:00"),
        ("02/30/27", "2027-03-02T00:00:00"),
        ("2027-01-20 2027-01-21", "2027-01-21T00:00:00"),
    ] {
        assert_eq!(shown(text), date, "{text}");
    }
}

#[test]
fn refused_forms_say_where() {
    for (text, position) in [
        ("13:30PM", 5),
        ("24:00", 0),
        ("23:60", 3),
        ("1:2", 3),
        ("1:02:3", 6),
        ("10:00:60", 6),
        ("4pm", 1),
        ("tomorrow+1hour", 8),
        ("2027-01-20T12", 13),
        ("2027-1-2", 0),
        ("2027-13-01", 5),
        ("2027-00-20", 5),
        ("2027-01-32", 8),
        ("2027-01-20T24:00", 11),
        ("2027-01-20T12:34:5", 18),
        ("2027-01-20t12:34", 10),
        ("2027-01-20T12:34Z", 16),
        ("01202027", 6),
        ("01/20/2027", 8),
        ("01-20-27", 2),
        ("27-01-20", 0),
        ("2027/01/20", 0),
        ("13/01/27", 0),
        ("01/00/27", 3),
        ("uptime", 0),
        ("next week", 0),
        ("monday", 0),
        ("1800000000", 0),
        ("Tomorrow", 1),
        ("tomorro", 0),
        ("now+1min", 4),
        ("now+5sec", 4),
        ("now+", 3),
        ("now1", 3),
        ("now+1hourx", 9),
        ("now+1.5hour", 4),
        ("10:00x", 5),
        ("", 0),
        ("now+999999999999999999", 4),
    ] {
        assert_eq!(shown(text), format!("pos={position}"), "{text}");
    }
    let error = parse("monday", NOW, &TimeZone::UTC).unwrap_err();
    assert_eq!(error.to_string(), "Invalid time specification (pos=0): monday");
}

#[test]
fn the_past_is_searched_backwards() {
    for (text, date) in [
        ("23:59", "2026-11-21T23:59:00"),
        ("00:05", "2026-11-22T00:05:00"),
        ("1121", "2026-11-21T00:00:00"),
        ("1225", "2025-12-25T00:00:00"),
        ("2027-01-20", "2027-01-20T00:00:00"),
    ] {
        assert_eq!(iso(parse_past(text, NOW, &TimeZone::UTC).unwrap(), &TimeZone::UTC), date, "{text}");
    }
}

#[test]
fn the_zone_decides_what_today_is() {
    let west = TimeZone::fixed(jiff::tz::offset(-5));
    assert_eq!(iso(parse("tomorrow", NOW, &west).unwrap(), &west), "2026-11-22T00:00:00");
    assert_eq!(parse("2027-01-20", NOW, &west).unwrap() - parse("2027-01-20", NOW, &TimeZone::UTC).unwrap(), 5 * 3_600);
}

#[test]
fn hours_that_a_zone_skips_or_repeats_are_one_instant() {
    let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let shown = |text| iso(parse(text, NOW, &berlin).unwrap(), &berlin);
    assert_eq!(shown("2027-03-28T02:30"), "2027-03-28T03:30:00");
    assert_eq!(shown("2027-03-28T12:00"), "2027-03-28T12:00:00");
    let first = parse("2027-10-31T02:30", NOW, &berlin).unwrap();
    assert_eq!(first, parse("2027-10-31T00:30", NOW, &TimeZone::UTC).unwrap());
}

proptest! {
    #[test]
    fn no_text_panics(text in "[0-9nowT:/. +\\-aphmurdystié]{0,24}") {
        let _ = parse(&text, NOW, &TimeZone::UTC);
        let _ = parse_past(&text, NOW, &TimeZone::UTC);
    }

    #[test]
    fn printed_dates_read_back(seconds in 0_i64..200_000_000_000) {
        prop_assert_eq!(parse(&iso(seconds, &TimeZone::UTC), NOW, &TimeZone::UTC), Ok(seconds));
    }
}

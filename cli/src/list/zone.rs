//! Where times are told.

use jiff::tz::TimeZone;

/// The time zone of this process: `TZ`, else the system's.
pub(crate) fn zone() -> TimeZone {
    TimeZone::system()
}

//! What the listing commands share: words of filters, and texts that stand in more than one listing.

mod bad;
mod job_text;
mod zone;

pub(crate) use bad::Bad;
pub(crate) use job_text::{end_ms, expected_start_ms, has_begun, job_name_id, reason, start_ms, time_left, time_limit};
pub(crate) use zone::zone;

/// The words of a list option: `a,b`, without empty ones.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

//! `MUSTER_STALE=1`: listings from any controller that can be reached, as it has the state, when there is no quorum to ask.

use muster_dialect::date;
use muster_proto::wire::{Age, request};

use crate::list::zone;
use crate::say::Voice;

/// Commands that only show. Whoever changes something by what a listing says asks the quorum.
const PROGRAMS: [&str; 4] = ["squeue", "sinfo", "sacct", "scontrol"];

/// Whether the user takes what there is, for this request of this program: then, who tells how old it is.
pub(super) fn is_taken(program: &str, body: &request::Body) -> Option<Voice> {
    let variable = std::env::var("MUSTER_STALE").unwrap_or_default();
    let asked = !matches!(variable.as_str(), "" | "0" | "no") && is_listing(body);
    PROGRAMS.into_iter().find(|known| asked && *known == program).map(Voice::new)
}

fn is_listing(body: &request::Body) -> bool {
    use request::Body;
    matches!(
        body,
        Body::ListJobs(_)
            | Body::ListNodes(_)
            | Body::ListPartitions(_)
            | Body::ListHistory(_)
            | Body::ListSteps(_)
            | Body::ShowConfig(_)
            | Body::ReadScript(_)
    )
}

/// What a listing that may be old says of itself, on standard error.
pub(super) fn tell(voice: Voice, age: &Age) {
    voice.info(&text(age, &date::iso((age.as_of_ms / 1000) as i64, &zone())));
}

fn text(age: &Age, as_of: &str) -> String {
    let seconds = age.old_ms_max.div_ceil(1000);
    let by = if age.by_clock { ", by the controllers' clocks" } else { "" };
    format!("state as of {as_of} at controller {} ({seconds} seconds old at most{by})", age.controller)
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::CancelJobs;
    use muster_proto::wire::ListJobs;

    use super::*;

    #[test]
    fn the_age_is_rounded_up_and_says_what_it_rests_on() {
        let age = Age { controller: "c2".into(), old_ms_max: 1_001, ..Age::default() };
        assert_eq!(text(&age, "T"), "state as of T at controller c2 (2 seconds old at most)");
        let by_clock = Age { by_clock: true, ..age };
        assert!(text(&by_clock, "T").ends_with("(2 seconds old at most, by the controllers' clocks)"));
    }

    #[test]
    fn what_changes_something_is_no_listing() {
        assert!(is_listing(&request::Body::ListJobs(ListJobs::default())));
        assert!(!is_listing(&request::Body::CancelJobs(CancelJobs::default())));
    }
}

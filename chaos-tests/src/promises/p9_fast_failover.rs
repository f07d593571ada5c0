//! While a majority of controllers runs undisturbed, somebody leads within two seconds, and submits are answered.
//!
//! The simulation's timers are the default ones, and its time is virtual: what a loaded machine adds is not seen here.

use crate::oracle::{Seen, Told};

/// The promise, ms.
const LEADER_MS_MAX: u64 = 2_000;
/// A submit's: the same; and one try, which may have gone to a controller that died, and a client's pause.
const SUBMIT_MS_MAX: u64 = 2_000 + 1_500 + 500;

pub(super) fn check(seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    for (from, to) in &seen.calm {
        for (gone, back) in &seen.leaderless {
            if back.min(to).saturating_sub(*gone.max(from)) > LEADER_MS_MAX {
                found.push(format!("nobody led from {gone} to {back}, undisturbed from {from} to {to}"));
            }
        }
        for (name, submit) in &seen.submits {
            let began = submit.asked_ms.max(*from);
            let late = submit.told_ms > began + SUBMIT_MS_MAX && began + SUBMIT_MS_MAX <= *to;
            if late
                || (submit.told == Told::Unknown && submit.told_ms <= *to && began + SUBMIT_MS_MAX <= submit.told_ms)
            {
                let (asked, told) = (submit.asked_ms, submit.told_ms);
                found.push(format!("{name} asked at {asked} was told at {told}, undisturbed from {from} to {to}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::accepted;
    use super::*;

    #[test]
    fn a_majority_without_a_leader_and_a_late_answer_are_found() {
        let mut seen = accepted("a", 1, 10);
        seen.calm.push((100, 10_000));
        seen.leaderless.push((0, 2_100));
        assert_eq!(check(&seen), Vec::<String>::new());
        seen.leaderless.push((3_000, 5_001));
        assert_eq!(check(&seen).len(), 1);
        let submit = seen.submits.get_mut("a").expect("it is there");
        (submit.asked_ms, submit.told_ms) = (1_000, 1_000 + SUBMIT_MS_MAX + 1);
        assert_eq!(check(&seen).len(), 2);
        seen.calm[0].1 = 3_500;
        assert_eq!(check(&seen), Vec::<String>::new());
    }
}

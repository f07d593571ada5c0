//! What no right client says is refused in words, and ends nobody; no daemon panics, or ends by itself while nothing of its own
//! has failed.

use crate::oracle::Seen;

pub(super) fn check(seen: &Seen) -> Vec<String> {
    let mut found = seen.ended.clone();
    let taken = seen.poison.iter().filter_map(|(what, came)| Some((what, came.as_ref()?)));
    found.extend(taken.map(|(what, came)| format!("{what}: {came}")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_ended_and_poison_that_was_taken_are_found() {
        let poison =
            vec![("no tasks".to_owned(), None), ("a name of a megabyte".to_owned(), Some("accepted".to_owned()))];
        let seen = Seen { poison, ended: vec!["c1 ended by itself".to_owned()], ..Seen::default() };
        assert_eq!(check(&seen), ["c1 ended by itself", "a name of a megabyte: accepted"]);
    }
}

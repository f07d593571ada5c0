//! A later attempt of a job never starts while a process of an earlier one lives, on any node; and no step of an attempt
//! starts twice on a node.

use std::collections::BTreeSet;

use crate::oracle::{Run, Seen};

pub(super) fn check(seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    let mut started = BTreeSet::new();
    for (at, run) in seen.runs.iter().enumerate() {
        if !started.insert((run.uid, run.attempt, run.step, &run.node)) {
            found.push(format!("{} started twice", shown(run)));
        }
        let others = seen.runs[..at].iter().filter(|other| other.uid == run.uid && other.attempt != run.attempt);
        for other in others.filter(|other| other.over_ms.is_none_or(|over| over > run.began_ms)) {
            found.push(format!("{} began at {} while {} lived", shown(run), run.began_ms, shown(other)));
        }
    }
    found
}

fn shown(run: &Run) -> String {
    format!("attempt {} of uid {}, step {:#x} on {}", run.attempt, run.uid, run.step, run.node)
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn overlapping_attempts_and_double_starts_are_found() {
        let one_after_the_other =
            Seen { runs: vec![run(1, 1, "n1", 0, Some(5)), run(1, 2, "n2", 5, None)], ..Seen::default() };
        assert!(check(&one_after_the_other).is_empty());
        let overlapping = Seen { runs: vec![run(1, 1, "n1", 0, Some(6)), run(1, 2, "n2", 5, None)], ..Seen::default() };
        assert_eq!(check(&overlapping).len(), 1);
        let twice = Seen { runs: vec![run(1, 1, "n1", 0, Some(1)), run(1, 1, "n1", 2, None)], ..Seen::default() };
        assert_eq!(check(&twice).len(), 1);
    }
}

//! No core of a node is used by two jobs at a time.

use crate::oracle::{Run, Seen};

pub(super) fn check(seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    for (at, run) in seen.runs.iter().enumerate() {
        for other in &seen.runs[..at] {
            if other.node == run.node && other.uid != run.uid && live_together(other, run) && share_a_core(other, run) {
                let (node, from) = (&run.node, run.began_ms);
                found.push(format!("uid {} and uid {} share a core of {node} from {from}", other.uid, run.uid));
            }
        }
    }
    found
}

/// `run` began after `other`.
fn live_together(other: &Run, run: &Run) -> bool {
    other.over_ms.is_none_or(|over| over > run.began_ms)
}

fn share_a_core(one: &Run, other: &Run) -> bool {
    one.cores.iter().zip(&other.cores).any(|(one, other)| one & other != 0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn a_core_used_by_two_jobs_is_found() {
        let together = Seen { runs: vec![run(1, 1, "n1", 0, Some(6)), run(2, 1, "n1", 5, None)], ..Seen::default() };
        assert_eq!(check(&together).len(), 1);
        let apart = Seen { runs: vec![run(1, 1, "n1", 0, Some(5)), run(2, 1, "n1", 5, None)], ..Seen::default() };
        assert!(check(&apart).is_empty());
    }
}

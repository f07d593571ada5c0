//! What is done to controllers - they are replaced, added, removed, upgraded, reconfigured, or they die - turns no right request
//! away, is done in the end, and touches no running job.

use crate::oracle::{Limit, Seen};

/// Slurm's number of the batch step.
const BATCH: u32 = 0xffff_fffb;

pub(super) fn check(seen: &Seen) -> Vec<String> {
    let mut found = touched(seen);
    found.extend(seen.turned_away.iter().map(|(what, why)| format!("{what} was refused: {why}")));
    let undone = seen.deeds.iter().filter(|(_, done)| !done);
    found.extend(undone.map(|(what, _)| format!("{what}: not done in the end")));
    found
}

/// Scripts that somebody ended, although their users did not ask for it, they were within their time limit, and no node of
/// theirs had failed before.
fn touched(seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    for run in seen.runs.iter().filter(|run| run.step == BATCH && run.ended_with.is_none()) {
        let Some(over_ms) = run.over_ms.filter(|_| !seen.endable.contains(&run.uid)) else { continue };
        // What was begun may have been seen late: all replicas may have been dead.
        let passed = |limit: &Limit| limit.passes_ms.min(run.began_ms + limit.ms) <= over_ms;
        if seen.limits.get(&(run.uid, run.attempt)).is_some_and(passed) {
            continue;
        }
        let beside = seen.placed.get(&(run.uid, run.attempt)).into_iter().flatten();
        let failed = |node: &str| seen.node_faults.get(node).is_some_and(|at_ms| *at_ms <= over_ms);
        if !failed(&run.node) && !beside.into_iter().any(|node| failed(node)) {
            found
                .push(format!("the script of uid {} on {} was ended at {over_ms} by nobody's wish", run.uid, run.node));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;
    use crate::oracle::Run;

    #[test]
    fn a_script_that_is_ended_by_nobodys_wish_is_found() {
        let script = Run { step: BATCH, ..run(1, 1, "n1", 0, Some(5)) };
        let mut seen = Seen { runs: vec![script], ..Seen::default() };
        assert_eq!(check(&seen).len(), 1);
        seen.node_faults.insert("n1".into(), 5);
        assert_eq!(check(&seen), Vec::<String>::new());
        seen.node_faults.insert("n1".into(), 6);
        assert_eq!(check(&seen).len(), 1);
        seen.node_faults.insert("n2".into(), 4);
        assert_eq!(check(&seen).len(), 1, "a node of somebody else's");
        seen.placed.insert((1, 1), vec!["n1".into(), "n2".into()]);
        assert_eq!(check(&seen), Vec::<String>::new(), "its other node, where nothing of it ran yet");
        seen.placed.clear();
        seen.limits.insert((1, 1), Limit { ms: 6, passes_ms: 6 });
        assert_eq!(check(&seen).len(), 1);
        for limit in [Limit { ms: 6, passes_ms: 5 }, Limit { ms: 5, passes_ms: 6 }] {
            seen.limits.insert((1, 1), limit);
            assert_eq!(check(&seen), Vec::<String>::new());
        }
        seen.limits.clear();
        seen.endable.insert(1);
        assert_eq!(check(&seen), Vec::<String>::new());
    }

    #[test]
    fn right_requests_that_are_refused_and_deeds_left_undone_are_found() {
        let turned_away = vec![("u1-3".to_owned(), "no".to_owned())];
        let deeds = vec![("c4 added".to_owned(), false), ("reconfigured".to_owned(), true)];
        assert_eq!(check(&Seen { turned_away, deeds, ..Seen::default() }).len(), 2);
    }
}

//! Nothing ran that the committed state did not order: each run is of an attempt whose allocation names that node.

use super::FinalState;
use crate::oracle::Seen;

pub(super) fn check(seen: &Seen, states: &[FinalState]) -> Vec<String> {
    let Some(state) = states.first() else { return vec!["no replica has a state".into()] };
    let ordered = |run: &&crate::oracle::Run| {
        let job = state.jobs.get(&run.uid);
        let attempts = job.map(|job| job.attempts.as_slice()).unwrap_or_default();
        attempts.iter().any(|(number, nodes)| *number == run.attempt && nodes.contains(&run.node))
    };
    let strays = seen.runs.iter().filter(|run| !ordered(run));
    strays.map(|run| format!("attempt {} of uid {} ran on {} unordered", run.attempt, run.uid, run.node)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{run, state_with};
    use super::*;

    #[test]
    fn a_run_that_nobody_ordered_is_found() {
        let mut state = state_with(&[(1, 1, "a")]);
        let seen = Seen { runs: vec![run(1, 1, "n1", 0, None)], ..Seen::default() };
        assert_eq!(check(&seen, std::slice::from_ref(&state)).len(), 1);
        state.jobs.get_mut(&1).expect("it is there").attempts.push((1, vec!["n1".into()]));
        assert!(check(&seen, &[state]).is_empty());
    }
}

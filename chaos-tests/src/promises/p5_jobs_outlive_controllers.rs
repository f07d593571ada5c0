//! A batch job that is said to have completed or failed ran to its own end: nobody ended it, and its exit status is the one
//! that was recorded. Controllers and node daemons that restart do not count as somebody.

use super::{FinalJob, FinalState};
use crate::oracle::{Run, Seen};

/// Slurm's number of the batch step.
const BATCH: u32 = 0xffff_fffb;

pub(super) fn check(seen: &Seen, states: &[FinalState]) -> Vec<String> {
    let Some(state) = states.first() else { return Vec::new() };
    let mut found = Vec::new();
    for job in state.jobs.values().filter(|job| job.batch) {
        let claims_success = match job.state.as_str() {
            "COMPLETED" => true,
            "FAILED" => false,
            _ => continue,
        };
        let status = script_of(seen, job).and_then(|run| run.ended_with);
        if status.is_none_or(|status| (status == 0) != claims_success) {
            let (id, name, said) = (job.job_id, &job.name, &job.state);
            found.push(format!("job {id} ({name}) is {said}; its script ended by itself with {status:?}"));
        }
    }
    found
}

/// The newest attempt's script.
fn script_of<'a>(seen: &'a Seen, job: &FinalJob) -> Option<&'a Run> {
    let newest = job.attempts.iter().map(|(number, _)| *number).max()?;
    seen.runs.iter().find(|run| (run.uid, run.attempt, run.step) == (job.uid, newest, BATCH))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{run, state_with};
    use super::*;

    #[test]
    fn a_job_that_completed_while_its_script_was_ended_is_found() {
        let mut state = state_with(&[(1, 1, "a")]);
        let job = state.jobs.get_mut(&1).expect("it is there");
        (job.batch, job.attempts) = (true, vec![(1, vec!["n1".into()])]);
        let script = Run { step: BATCH, ..run(1, 1, "n1", 0, Some(5)) };
        let ended = Seen { runs: vec![script.clone()], ..Seen::default() };
        assert_eq!(check(&ended, std::slice::from_ref(&state)).len(), 1);
        let itself = Seen { runs: vec![Run { ended_with: Some(0), ..script.clone() }], ..Seen::default() };
        assert!(check(&itself, std::slice::from_ref(&state)).is_empty());
        let failed = Seen { runs: vec![Run { ended_with: Some(256), ..script }], ..Seen::default() };
        assert_eq!(check(&failed, &[state]).len(), 1);
    }
}

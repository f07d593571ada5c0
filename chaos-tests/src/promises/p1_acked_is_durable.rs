//! A job whose id a client was told is there, under that id, on every replica.

use super::FinalState;
use crate::oracle::{Seen, Told};

pub(super) fn check(seen: &Seen, states: &[FinalState]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, submit) in &seen.submits {
        let Told::Accepted { job_id, uid } = submit.told else { continue };
        for state in states {
            match state.jobs.get(&uid) {
                None => found.push(format!("job {job_id} (uid {uid}, {name}) is not on {}", state.name)),
                Some(job) if job.job_id != job_id || job.name != *name => {
                    found.push(format!("uid {uid} was told as job {job_id} {name}, and is {job:?} on {}", state.name));
                }
                Some(_) => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, state_with};
    use super::check;

    #[test]
    fn a_lost_job_is_found() {
        let seen = accepted("a", 1, 10);
        assert!(check(&seen, &[state_with(&[(10, 1, "a")])]).is_empty());
        assert_eq!(check(&seen, &[state_with(&[])]).len(), 1);
        assert_eq!(check(&seen, &[state_with(&[(10, 2, "a")])]).len(), 1);
    }
}

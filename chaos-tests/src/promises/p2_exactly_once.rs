//! One submit makes at most one job; a refused one makes none; no job id or uid is told twice.

use std::collections::BTreeMap;

use super::FinalState;
use crate::oracle::{Seen, Told};

pub(super) fn check(seen: &Seen, states: &[FinalState]) -> Vec<String> {
    let mut found = Vec::new();
    for state in states {
        let mut made: BTreeMap<&str, u32> = BTreeMap::new();
        for job in state.jobs.values() {
            *made.entry(&job.name).or_default() += 1;
        }
        for (name, submit) in &seen.submits {
            let most = u32::from(submit.told != Told::Refused);
            let count = made.get(name.as_str()).copied().unwrap_or(0);
            if count > most {
                found.push(format!("{name} was told {:?} and exists {count} times on {}", submit.told, state.name));
            }
        }
    }
    let mut told: BTreeMap<u32, &str> = BTreeMap::new();
    for (name, submit) in &seen.submits {
        let Told::Accepted { job_id, .. } = submit.told else { continue };
        if let Some(other) = told.insert(job_id, name) {
            found.push(format!("job id {job_id} was told to {other} and to {name}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, state_with};
    use super::check;
    use crate::oracle::Told;

    #[test]
    fn a_job_made_twice_is_found() {
        let seen = accepted("a", 1, 10);
        assert!(check(&seen, &[state_with(&[(10, 1, "a")])]).is_empty());
        assert_eq!(check(&seen, &[state_with(&[(10, 1, "a"), (11, 2, "a")])]).len(), 1);
    }

    #[test]
    fn a_refused_job_that_exists_and_an_id_told_twice_are_found() {
        let mut seen = accepted("a", 1, 10);
        seen.submits.extend(accepted("b", 1, 11).submits);
        assert_eq!(check(&seen, &[]).len(), 1);
        seen.submits.get_mut("b").expect("it is there").told = Told::Refused;
        assert_eq!(check(&seen, &[state_with(&[(11, 2, "b")])]).len(), 1);
    }
}

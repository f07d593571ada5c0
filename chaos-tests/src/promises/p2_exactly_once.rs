//! One submit makes at most one job; a refused one makes none; no job id or uid is told twice. An update is carried out once:
//! it does not come back after a later one.

use std::collections::{BTreeMap, BTreeSet};

use super::FinalState;
use crate::oracle::{Seen, Told, may_be};

pub(super) fn check(seen: &Seen, states: &[FinalState]) -> Vec<String> {
    let mut found = Vec::new();
    for state in states {
        let mut made: BTreeMap<&str, u32> = BTreeMap::new();
        // A task of an array is not a job of its own here; the array's record is, and stays.
        for job in state.jobs.values().filter(|job| job.array.is_none_or(|array| array == job.uid)) {
            *made.entry(&job.name).or_default() += 1;
        }
        found.extend(doubled_tasks(state));
        found.extend(updated_again(seen, state));
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

/// After all is over a register has what was written last.
fn updated_again(seen: &Seen, state: &FinalState) -> Vec<String> {
    let known = seen.writes.iter().filter_map(|(name, writes)| Some((name, writes, state.registers.get(name)?)));
    let wrong = known.filter(|(_, writes, value)| !may_be(writes, value, u64::MAX, u64::MAX));
    wrong
        .map(|(name, writes, value)| format!("{name} is {value:?} on {}, after {:?}", state.name, writes.last()))
        .collect()
}

/// Each task of an array has one record.
fn doubled_tasks(state: &FinalState) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let tasks = state.jobs.values().filter_map(|job| Some((job.array?, job.task?, job)));
    let doubled = tasks.filter(|(array, task, _)| !seen.insert((*array, *task)));
    doubled.map(|(_, task, job)| format!("task {task} of {} exists twice on {}", job.name, state.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, state_with};
    use super::check;
    use crate::oracle::{Seen, Told, Write, Written};

    #[test]
    fn a_job_made_twice_is_found() {
        let seen = accepted("a", 1, 10);
        assert!(check(&seen, &[state_with(&[(10, 1, "a")])]).is_empty());
        assert_eq!(check(&seen, &[state_with(&[(10, 1, "a"), (11, 2, "a")])]).len(), 1);
    }

    #[test]
    fn an_update_that_comes_back_is_found() {
        let write = |value: &str, asked_ms, written| Write { value: value.into(), asked_ms, written };
        let writes = vec![write("1", 1, Written::Done(2)), write("2", 3, Written::Done(4))];
        let mut seen = Seen { writes: [("r".to_owned(), writes)].into(), ..Seen::default() };
        let mut state = state_with(&[]);
        state.registers.insert("r".into(), "2".into());
        assert!(check(&seen, std::slice::from_ref(&state)).is_empty());
        state.registers.insert("r".into(), "1".into());
        assert_eq!(check(&seen, std::slice::from_ref(&state)).len(), 1);
        seen.writes.get_mut("r").expect("it is there")[1].written = Written::Unknown;
        assert!(check(&seen, &[state]).is_empty());
    }

    #[test]
    fn tasks_of_one_array_are_one_job_and_each_has_one_record() {
        let mut state = state_with(&[(10, 1, "a"), (11, 2, "a")]);
        for (uid, task) in [(10, 0), (11, 1)] {
            let job = state.jobs.get_mut(&uid).expect("it is there");
            (job.array, job.task) = (Some(10), Some(task));
        }
        let seen = accepted("a", 1, 10);
        assert!(check(&seen, std::slice::from_ref(&state)).is_empty());
        state.jobs.get_mut(&11).expect("it is there").task = Some(0);
        assert_eq!(check(&seen, &[state]).len(), 1);
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

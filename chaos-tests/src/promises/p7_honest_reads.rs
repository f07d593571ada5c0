//! A listing shows every job that was acknowledged before it was asked for, whichever replica answers; and no listing is of
//! an older state than one that was answered before it was asked for. A job whose cancel or release was acknowledged is never
//! shown live, or held, by a listing that was asked for later. What clients write again and again - comments, holds, drains - is
//! read as it was written: never as it was before what was acknowledged, nor as nobody wrote it.

use std::collections::BTreeMap;

use crate::oracle::{Read, Seen, Told, may_be};

pub(super) fn check(seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    for (name, submit) in &seen.submits {
        let Told::Accepted { job_id, uid } = submit.told else { continue };
        let later = seen.reads.iter().filter(|read| read.asked_ms > submit.told_ms);
        for read in later.filter(|read| !read.jobs.contains(&(uid, job_id))) {
            let (from, at) = (&read.from, read.asked_ms);
            found.push(format!("{from} asked at {at} did not show job {job_id} ({name}), told at {}", submit.told_ms));
        }
    }
    found.extend(turned_back(seen));
    found.extend(never_so(seen));
    found.extend(undone(seen, "cancelled", &seen.cancelled, |read| &read.live));
    found.extend(undone(seen, "released", &seen.released, |read| &read.held));
    found
}

/// What was acknowledged as `done`, and is shown as if it were not by a listing asked for later.
fn undone(seen: &Seen, done: &str, when: &BTreeMap<u64, u64>, as_before: impl Fn(&Read) -> &Vec<u64>) -> Vec<String> {
    let mut found = Vec::new();
    for (uid, at) in when {
        let later = seen.reads.iter().filter(|read| read.asked_ms > *at);
        for read in later.filter(|read| as_before(read).contains(uid)) {
            found.push(format!(
                "{} asked at {} showed uid {uid} as before it was {done} at {at}",
                read.from, read.asked_ms
            ));
        }
    }
    found
}

/// Values that no order of writes explains.
fn never_so(seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    for read in &seen.values {
        let Some(writes) = seen.writes.get(&read.register) else { continue };
        if !may_be(writes, &read.value, read.asked_ms, read.told_ms) {
            let (register, value, from, at) = (&read.register, &read.value, &read.from, read.asked_ms);
            found.push(format!("{from} asked at {at} said {register} is {value:?}, which it was not then"));
        }
    }
    found
}

fn turned_back(seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    for (at, read) in seen.reads.iter().enumerate() {
        let before = seen.reads[..at].iter().filter(|other| other.told_ms < read.asked_ms);
        let Some(newest) = before.max_by_key(|other| other.index).filter(|other| other.index > read.index) else {
            continue;
        };
        let (from, asked, index) = (&read.from, read.asked_ms, read.index);
        found.push(format!(
            "{from} asked at {asked} showed index {index} after {} had shown {}",
            newest.from, newest.index
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::accepted;
    use super::check;
    use crate::oracle::{Read, Seen, Value, Write, Written};

    #[test]
    fn a_stale_listing_is_found() {
        let mut seen = accepted("a", 1, 10);
        let told = seen.submits["a"].told_ms;
        seen.reads.push(read(told, 5));
        assert!(check(&seen).is_empty());
        seen.reads.push(read(told + 1, 5));
        assert_eq!(check(&seen).len(), 1);
    }

    #[test]
    fn a_listing_of_an_older_state_is_found() {
        let mut seen = Seen { reads: vec![read(1, 5), read(1, 4), read(3, 5)], ..Seen::default() };
        assert!(check(&seen).is_empty());
        seen.reads.push(read(4, 4));
        assert_eq!(check(&seen).len(), 1);
    }

    #[test]
    fn a_cancel_or_release_that_is_not_shown_is_found() {
        let mut seen = Seen { cancelled: [(7, 2)].into(), released: [(8, 2)].into(), ..Seen::default() };
        seen.reads.push(Read { live: vec![7], held: vec![8], ..read(2, 5) });
        assert!(check(&seen).is_empty());
        seen.reads.push(Read { live: vec![7], ..read(3, 5) });
        seen.reads.push(Read { held: vec![8], ..read(3, 5) });
        assert_eq!(check(&seen).len(), 2);
    }

    #[test]
    fn a_value_that_was_written_over_or_is_not_written_yet_is_found() {
        let write = |value: &str, asked_ms, written| Write { value: value.into(), asked_ms, written };
        let writes =
            vec![write("", 0, Written::Done(0)), write("a", 10, Written::Done(20)), write("b", 30, Written::Refused)];
        let mut seen = Seen { writes: [("r".to_owned(), writes)].into(), ..Seen::default() };
        let value = |value: &str, asked_ms, told_ms| Value {
            register: "r".into(),
            value: value.into(),
            asked_ms,
            told_ms,
            from: "c1".into(),
        };
        seen.values =
            vec![value("", 5, 9), value("", 15, 16), value("a", 15, 16), value("a", 21, 22), value("", 20, 22)];
        assert_eq!(check(&seen), Vec::<String>::new());
        seen.values = vec![value("a", 5, 9), value("", 21, 22), value("b", 31, 32)];
        assert_eq!(check(&seen).len(), 3);
    }

    fn read(asked_ms: u64, index: u64) -> Read {
        Read {
            asked_ms,
            told_ms: asked_ms + 1,
            from: "c1".into(),
            index,
            jobs: Vec::new(),
            live: Vec::new(),
            held: Vec::new(),
        }
    }
}

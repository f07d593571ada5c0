//! A listing shows every job that was acknowledged before it was asked for, whichever replica answers.

use crate::oracle::{Seen, Told};

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
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::accepted;
    use super::check;
    use crate::oracle::Read;

    #[test]
    fn a_stale_listing_is_found() {
        let mut seen = accepted("a", 1, 10);
        let told = seen.submits["a"].told_ms;
        seen.reads.push(Read { asked_ms: told, from: "c1".into(), jobs: Vec::new() });
        assert!(check(&seen).is_empty());
        seen.reads.push(Read { asked_ms: told + 1, from: "c1".into(), jobs: Vec::new() });
        assert_eq!(check(&seen).len(), 1);
    }
}

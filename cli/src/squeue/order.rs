//! `-S`: in which order lines come. Letters are those of `-o`; `-` turns one round.

use std::cmp::Ordering;

use muster_proto::wire::{JobInfo, StepInfo};

use crate::list::{end_ms, start_ms, time_left};
use crate::show::job_status;

/// Sorts by each key in turn; what they leave equal keeps the order of job ids.
pub(super) fn jobs(jobs: &mut [JobInfo], keys: &str) {
    let keys = parse(keys);
    jobs.sort_by(|a, b| first_difference(&keys, |letter| compare_jobs(letter, a, b)).then_with(|| id(a).cmp(&id(b))));
}

/// Likewise for steps.
pub(super) fn steps(steps: &mut [StepInfo], keys: &str) {
    let keys = parse(keys);
    steps.sort_by(|a, b| {
        first_difference(&keys, |letter| compare_steps(letter, a, b)).then_with(|| step_id(a).cmp(&step_id(b)))
    });
}

fn first_difference(keys: &[(char, bool)], compare: impl Fn(char) -> Ordering) -> Ordering {
    let differences = keys.iter().map(|(letter, turned)| {
        let order = compare(*letter);
        if *turned { order.reverse() } else { order }
    });
    differences.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// `P,t,-p`: letters, and whether each is turned round.
fn parse(keys: &str) -> Vec<(char, bool)> {
    let mut parsed = Vec::new();
    let mut turned = false;
    for letter in keys.chars().filter(|letter| !matches!(letter, ',' | '+' | ' ' | '%')) {
        match letter {
            '-' => turned = true,
            letter => parsed.push((letter, std::mem::take(&mut turned))),
        }
    }
    parsed
}

fn id(job: &JobInfo) -> (u32, Option<u32>) {
    job.row.as_ref().map_or((0, None), |row| {
        let array = if row.array_job_id == 0 { row.job_id } else { row.array_job_id };
        (array, row.array_task)
    })
}

fn compare_jobs(letter: char, a: &JobInfo, b: &JobInfo) -> Ordering {
    let number = |f: fn(&JobInfo) -> u64| f(a).cmp(&f(b));
    let text = |f: fn(&JobInfo) -> String| f(a).cmp(&f(b));
    match letter {
        'i' | 'A' | 'F' => id(a).cmp(&id(b)),
        'p' | 'Q' => number(|job| job.row.as_ref().map_or(0, |row| u64::from(row.priority))),
        't' | 'T' => number(|job| u64::from(job_status(job).base.code()) | if job.completing { 1 << 15 } else { 0 }),
        'M' => number(|job| job.run_ms),
        'L' => time_left(a).unwrap_or(i64::MAX).cmp(&time_left(b).unwrap_or(i64::MAX)),
        'l' => number(|job| u64::from(job.effective_time_limit_s)),
        'S' => number(|job| Some(start_ms(job)).filter(|ms| *ms > 0).unwrap_or(u64::MAX)),
        'e' => number(|job| Some(end_ms(job)).filter(|ms| *ms > 0).unwrap_or(u64::MAX)),
        'V' => number(|job| job.row.as_ref().map_or(0, |row| row.submit_ms)),
        'D' => number(|job| u64::from(job.num_nodes)),
        'C' => number(|job| u64::from(job.num_cpus)),
        'm' => number(|job| job.mem_mib),
        'U' => number(|job| spec(job, |spec| u64::from(spec.uid))),
        'G' => number(|job| spec(job, |spec| u64::from(spec.gid))),
        'P' => text(|job| job.effective_partition.clone()),
        'N' | 'R' => text(|job| job.nodes.clone()),
        'j' => text(|job| spec(job, |spec| spec.name.clone())),
        'u' => text(|job| spec(job, |spec| spec.user_name.clone())),
        'g' => text(|job| spec(job, |spec| spec.group_name.clone())),
        'a' => text(|job| spec(job, |spec| spec.account.clone())),
        'q' => text(|job| spec(job, |spec| spec.qos.clone())),
        'r' => text(crate::list::reason),
        _ => Ordering::Equal,
    }
}

fn spec<T: Default>(job: &JobInfo, of: impl Fn(&muster_proto::durable::JobSpec) -> T) -> T {
    job.row.as_ref().and_then(|row| row.spec.as_deref()).map_or_else(T::default, of)
}

/// Numbered steps before batch and extern, as Slurm numbers them.
fn step_id(step: &StepInfo) -> (u32, u32) {
    (step.job_id, step.step.as_ref().and_then(|s| s.spec.as_ref()).map_or(0, |spec| spec.step_id))
}

fn compare_steps(letter: char, a: &StepInfo, b: &StepInfo) -> Ordering {
    match letter {
        'i' => step_id(a).cmp(&step_id(b)),
        'P' => a.partition.cmp(&b.partition),
        'u' => a.user_name.cmp(&b.user_name),
        'M' => a.run_ms.cmp(&b.run_ms),
        'N' => a.nodes.cmp(&b.nodes),
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::JobRow;

    use super::*;

    fn job(job_id: u32, state: u32, priority: u32) -> JobInfo {
        JobInfo { row: Some(JobRow { job_id, state, priority, ..JobRow::default() }), ..JobInfo::default() }
    }

    #[test]
    fn by_default_pending_comes_first_and_the_highest_priority_of_it() {
        let mut list = vec![job(1, 1, 5), job(2, 0, 1), job(3, 0, 9)];
        jobs(&mut list, "P,t,-p");
        assert_eq!(list.iter().map(|job| id(job).0).collect::<Vec<_>>(), [3, 2, 1]);
    }

    #[test]
    fn equal_keys_leave_the_order_of_ids() {
        let mut list = vec![job(2, 0, 1), job(1, 0, 1)];
        jobs(&mut list, "-p");
        assert_eq!(list.iter().map(|job| id(job).0).collect::<Vec<_>>(), [1, 2]);
    }
}

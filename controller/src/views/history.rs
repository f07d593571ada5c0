//! Living and past jobs, as `sacct` needs them: memory and the accounting history, merged.

use std::collections::BTreeMap;

use muster_dialect::errno;
use muster_model::cluster::{Job, Table};
use muster_proto::durable::{HistoryRow, JobRow, JobTarget};
use muster_proto::wire::{JobInfo, JobList, ListHistory, reply};
use prost::Message;

use super::around::Around;
use super::job::info;
use super::{Sight, walk};
use crate::door::client::Refusal;
use crate::listing::{Encoded, Rows};
use crate::member::Member;

/// Rows of the history that one answer looks at.
const ROWS_MAX: usize = 1_000_000;
/// Rows read at once.
const CHUNK_ROWS: usize = 1_000;

/// One run of a job, also one that has not begun: uid and number of the run.
type Key = (u64, u32);

/// Oldest first.
pub(crate) async fn history(member: &Member, sight: Sight, asked: &ListHistory) -> Result<Encoded, Refusal> {
    let index = member.core.applied();
    let wanted = |job: &Job| is_wanted(asked, job) && sight.shows(job.spec().uid);
    let living = walk::all_records(member).await;
    let around = Around::of(member);
    let mut found: BTreeMap<Key, Job> = BTreeMap::new();
    for job in living.iter().filter(|job| wanted(job)) {
        found.insert((job.uid(), job.run()), Job::clone(job));
    }
    past(member, asked.start_ms, |job| {
        if wanted(&job) {
            found.entry((job.uid(), job.run())).or_insert(job);
        }
    })
    .await?;
    let mut jobs: Vec<Job> = if asked.duplicates { found.into_values().collect() } else { newest_of_each(found) };
    jobs.sort_by_key(|job| (job.row.submit_ms, job.row.job_id, job.row.array_task));
    let rows_max = if asked.max_rows == 0 { usize::MAX } else { asked.max_rows as usize };
    let mut rows = Rows::default();
    for job in jobs.iter().take(rows_max) {
        rows.push(&with_steps(&around, job)).await?;
    }
    rows.finish(reply::Body::Jobs(JobList { index, now_ms: around.now_ms, ..JobList::default() }))
}

/// A run that ended has its row in the history; a requeued job has several.
fn newest_of_each(found: BTreeMap<Key, Job>) -> Vec<Job> {
    let newest: BTreeMap<u64, Job> = found.into_iter().map(|((uid, _), job)| (uid, job)).collect();
    newest.into_values().collect()
}

fn with_steps(around: &Around, job: &Job) -> JobInfo {
    let shown = info(around, job);
    let row = shown.row.map(|row| JobRow { steps: job.row.steps.clone(), ..row });
    JobInfo { row, ..shown }
}

/// Rows that ended at `start_ms` or later.
async fn past(member: &Member, start_ms: u64, mut take: impl FnMut(Job)) -> Result<(), Refusal> {
    let mut from = start_ms.to_be_bytes().to_vec();
    let mut seen = 0;
    while seen < ROWS_MAX {
        let rows = member.core.replica.rows(Table::History, &from, None, CHUNK_ROWS);
        let rows = rows.map_err(|why| Refusal::with(errno::ESLURM_INTERNAL, why.to_string()))?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        from = [&last[..], &[0]].concat();
        seen += rows.len();
        let past = rows.into_iter().filter_map(|(_, value)| HistoryRow::decode(&value[..]).ok()?.job);
        past.filter_map(Job::of).for_each(&mut take);
        tokio::task::yield_now().await;
    }
    Err(Refusal::slurm(errno::ESLURM_RESULT_TOO_LARGE))
}

fn is_wanted(asked: &ListHistory, job: &Job) -> bool {
    let (row, spec) = (&job.row, job.spec());
    let in_time =
        (row.end_ms == 0 || row.end_ms >= asked.start_ms) && (asked.end_ms == 0 || row.submit_ms <= asked.end_ms);
    let names =
        |list: &[String], name: &str| list.is_empty() || name.split(',').any(|part| list.iter().any(|it| it == part));
    in_time
        && (asked.targets.is_empty() || asked.targets.iter().any(|target| is_meant(target, row)))
        && (asked.users.is_empty() || asked.users.contains(&spec.uid))
        && names(&asked.accounts, &spec.account)
        && names(&asked.partitions, &spec.partitions)
        && (asked.names.is_empty() || asked.names.contains(&spec.name))
        && (asked.states.is_empty() || asked.states.contains(&row.state))
}

fn is_meant(target: &JobTarget, row: &JobRow) -> bool {
    if target.uid != 0 {
        return target.uid == row.uid;
    }
    if let Some(task) = target.array_task {
        let pending = || muster_model::cluster::array::contains(&row.pending_tasks, task);
        return row.array_job_id == target.job_id && (row.array_task == Some(task) || pending());
    }
    if !target.tasks.is_empty() {
        let named = |task| muster_model::cluster::array::contains(&target.tasks, task);
        return row.array_job_id == target.job_id && row.array_task.is_some_and(named);
    }
    row.job_id == target.job_id || row.array_job_id == target.job_id
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::{JobSpec, Request};

    use super::*;

    fn job(job_id: u32, submit_ms: u64, end_ms: u64) -> Job {
        let request = Some(Request::default());
        let spec = JobSpec { uid: 1001, partitions: "a,b".into(), request, ..JobSpec::default() };
        let spec = Some(Box::new(spec));
        Job::of(JobRow { job_id, submit_ms, end_ms, spec, ..JobRow::default() }).unwrap()
    }

    #[test]
    fn a_job_is_listed_when_its_life_overlaps_the_time_asked_for() {
        let asked = ListHistory { start_ms: 100, end_ms: 200, ..ListHistory::default() };
        assert!(is_wanted(&asked, &job(1, 50, 0)));
        assert!(is_wanted(&asked, &job(1, 50, 100)));
        assert!(!is_wanted(&asked, &job(1, 50, 99)));
        assert!(!is_wanted(&asked, &job(1, 201, 0)));
    }

    #[test]
    fn filters_must_all_hold() {
        let asked = ListHistory { users: vec![1001], partitions: vec!["b".into()], ..ListHistory::default() };
        assert!(is_wanted(&asked, &job(1, 1, 0)));
        let other = ListHistory { users: vec![1002], ..asked };
        assert!(!is_wanted(&other, &job(1, 1, 0)));
        let target = JobTarget { job_id: 7, ..JobTarget::default() };
        let named = ListHistory { targets: vec![target], ..ListHistory::default() };
        assert!(is_wanted(&named, &job(7, 1, 0)) && !is_wanted(&named, &job(8, 1, 0)));
    }
}

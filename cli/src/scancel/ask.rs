//! One job at a time: listed first, then confirmed (`-i`) or named (`-v`), then cancelled.

use std::io::{BufRead, Write};

use muster_channel::CallError;
use muster_dialect::errno;
use muster_dialect::hostlist;
use muster_dialect::jobid::{ArraySel, JobSpec};
use muster_proto::durable::{JobRow, JobSpec as Spec};
use muster_proto::wire::{JobInfo, ListJobs, reply, request};

use super::kill;
use super::wanted::Wanted;
use crate::refusal::{Refusal, unexpected};
use crate::say::Voice;
use crate::site::Client;
use crate::target::target;

/// Slurm's base states that end no more: COMPLETED and above.
const STATE_ENDED_MIN: u32 = 3;
const STATE_NAMES: [&str; 3] = ["PENDING", "RUNNING", "SUSPENDED"];

/// Goes through the ids, or else through the jobs that match. The exit code.
pub(crate) async fn each(client: &Client, wanted: &Wanted, voice: Voice) -> u8 {
    let jobs = match list(client, wanted).await {
        Ok(jobs) => jobs,
        Err(error) => {
            let refusal = Refusal::of(&error, "which jobs there are");
            voice.error(&format!("slurm_load_jobs error: {}", refusal.text));
            return refusal.exit_code();
        }
    };
    let active: Vec<&JobInfo> = jobs.iter().filter(|job| is_active(job)).collect();
    let mut code = 0;
    let mut chosen = Vec::new();
    for id in &wanted.ids {
        let meant: Vec<&JobInfo> = active.iter().copied().filter(|job| is_meant(job, id)).collect();
        if meant.is_empty() {
            code = code.max(unknown(id, wanted, voice));
        }
        chosen.extend(meant.into_iter().find(|job| matches(job, wanted)).map(|job| (id.clone(), job)));
    }
    if wanted.ids.is_empty() {
        chosen.extend(active.into_iter().filter(|job| matches(job, wanted)).map(|job| (own_id(job), job)));
    }
    if chosen.is_empty() && !wanted.filters.is_empty() {
        nothing_matches(wanted, voice);
    }
    for (id, job) in chosen {
        if wanted.interactive && !confirmed(&id, job) {
            continue;
        }
        kill::announce(&id, wanted, voice);
        code = code.max(kill::one(client, wanted, &id, voice).await);
    }
    code
}

/// No active job has this id.
fn unknown(id: &JobSpec, wanted: &Wanted, voice: Voice) -> u8 {
    if !wanted.quiet {
        let what = if id.step.is_some() { "job step id" } else { "job id" };
        voice.error(&format!("Kill job error on {what} {id}: {}", errno::ESLURM_INVALID_JOB_ID));
    }
    1
}

/// Told to those who want to read it; no failure.
fn nothing_matches(wanted: &Wanted, voice: Voice) {
    if voice.verbosity > 0 {
        // As Slurm has them, whatever their order was.
        let mut filters = wanted.filters.clone();
        filters.sort_unstable();
        voice.error(&format!("No active jobs match ALL job filters, including: {} ", filters.join(" ")));
    }
}

async fn list(client: &Client, wanted: &Wanted) -> Result<Vec<JobInfo>, CallError> {
    let targets: Vec<_> = wanted.ids.iter().map(target).collect();
    // An id of another user's job is known, and matches nothing.
    let users = wanted.cancel.user.filter(|_| targets.is_empty()).into_iter().collect();
    let list = ListJobs { targets, users, ..ListJobs::default() };
    match client.call(request::Body::ListJobs(list)).await? {
        reply::Body::Jobs(jobs) => Ok(jobs.jobs),
        _ => Err(unexpected()),
    }
}

/// The same filters that the cluster would apply.
fn matches(job: &JobInfo, wanted: &Wanted) -> bool {
    let filters = &wanted.cancel;
    let row = job.row.clone().unwrap_or_default();
    let spec = row.spec.clone().unwrap_or_default();
    let same = |filter: &str, value: &str| filter.is_empty() || filter == value;
    let request = spec.request.clone().unwrap_or_default();
    same(&filters.account, &spec.account)
        && same(&filters.name, &spec.name)
        && (filters.partition.is_empty() || in_partition(job, &spec, &filters.partition))
        && same(&filters.qos, &spec.qos)
        && same(&filters.wckey, &spec.wckey)
        && same(&filters.reservation, &request.reservation)
        && filters.user.is_none_or(|uid| uid == spec.uid)
        && (filters.states.is_empty() || state_is(&row, &filters.states))
        && (filters.nodes.is_empty() || runs_on(job, &filters.nodes))
}

fn in_partition(job: &JobInfo, spec: &Spec, name: &str) -> bool {
    job.effective_partition == name || spec.partitions.split(',').any(|partition| partition == name)
}

fn state_is(row: &JobRow, states: &[String]) -> bool {
    STATE_NAMES.get(row.state as usize).is_some_and(|name| states.iter().any(|state| state == name))
}

fn runs_on(job: &JobInfo, nodes: &str) -> bool {
    let (Ok(mine), Ok(asked)) = (hostlist::parse(&job.nodes), hostlist::parse(nodes)) else { return false };
    asked.iter().any(|node| mine.contains(node))
}

fn is_active(job: &JobInfo) -> bool {
    job.row.as_ref().is_some_and(|row| row.state < STATE_ENDED_MIN)
}

/// Whether the id means this record, or some of its tasks.
fn is_meant(job: &JobInfo, id: &JobSpec) -> bool {
    let Some(row) = &job.row else { return false };
    let is_array = row.array_job_id != 0 && row.array_job_id == id.job;
    let task_is_meant = match (&id.array, row.array_task) {
        (None | Some(ArraySel::All), _) => true,
        (Some(ArraySel::Task(task)), Some(own)) => *task == own,
        (Some(ArraySel::Tasks(tasks)), Some(own)) => tasks.ids.contains(&own),
        // The cluster listed it for the tasks that wait in it.
        (Some(_), None) => is_array,
    };
    id.het.is_none() && (is_array || (row.job_id == id.job && id.array.is_none())) && task_is_meant
}

fn own_id(job: &JobInfo) -> JobSpec {
    let row = job.row.clone().unwrap_or_default();
    match (row.array_job_id, row.array_task) {
        (array, Some(task)) if array > 0 => JobSpec { array: Some(ArraySel::Task(task)), ..JobSpec::job(array) },
        _ => JobSpec::job(row.job_id),
    }
}

fn confirmed(id: &JobSpec, job: &JobInfo) -> bool {
    let spec = job.row.clone().unwrap_or_default().spec.unwrap_or_default();
    let what = if id.step.is_some() { "step_id" } else { "job_id" };
    let question = format!("Cancel {what}={id} name={} partition={} [y/n]? ", spec.name, job.effective_partition);
    let mut stdout = std::io::stdout().lock();
    let _closed = stdout.write_all(question.as_bytes()).and_then(|()| stdout.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim_start().starts_with(['y', 'Y'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: u32, partition: &str) -> JobInfo {
        let spec = Spec { uid: 7, partitions: partition.to_owned(), name: "sleep".into(), ..Spec::default() };
        let row = JobRow { job_id: 5, state, spec: Some(Box::new(spec)), ..JobRow::default() };
        JobInfo { row: Some(row), nodes: "n[1-2]".into(), ..JobInfo::default() }
    }

    #[test]
    fn an_id_means_its_job_or_the_tasks_of_its_array() {
        let id = |text: &str| JobSpec::parse(text).expect("an id");
        let mut job = job(1, "debug");
        assert!(is_meant(&job, &id("5")) && is_meant(&job, &id("5.0")));
        assert!(!is_meant(&job, &id("6")) && !is_meant(&job, &id("5_1")) && !is_meant(&job, &id("5+1")));
        let row = job.row.as_mut().expect("it has one");
        (row.array_job_id, row.array_task) = (4, Some(2));
        assert_eq!(own_id(&job), id("4_2"));
        assert!(is_meant(&job, &id("4")) && is_meant(&job, &id("4_2")) && is_meant(&job, &id("4_[1-3]")));
        assert!(is_meant(&job, &id("5")) && !is_meant(&job, &id("4_1")) && !is_meant(&job, &id("4_[3-4]")));
    }

    #[test]
    fn every_filter_must_hold() {
        let mut wanted = Wanted::default();
        assert!(matches(&job(1, "debug"), &wanted));
        assert!(is_active(&job(2, "debug")) && !is_active(&job(3, "debug")));
        wanted.cancel.partition = "debug".into();
        wanted.cancel.nodes = "n2".into();
        wanted.cancel.states = vec!["RUNNING".into()];
        assert!(matches(&job(1, "debug,short"), &wanted));
        assert!(!matches(&job(0, "debug"), &wanted));
        wanted.cancel.user = Some(8);
        assert!(!matches(&job(1, "debug"), &wanted));
    }
}

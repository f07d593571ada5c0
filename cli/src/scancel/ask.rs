//! One job at a time: listed first, then confirmed (`-i`) or named (`-v`), then cancelled.

use std::io::{BufRead, Write};

use muster_channel::CallError;
use muster_dialect::hostlist;
use muster_dialect::jobid::JobSpec;
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

/// Goes through the jobs that match. The exit code.
pub(crate) async fn each(client: &Client, wanted: &Wanted, voice: Voice) -> u8 {
    let jobs = match list(client, wanted).await {
        Ok(jobs) => jobs,
        Err(error) => {
            let refusal = Refusal::of(&error, "which jobs there are");
            voice.error(&format!("slurm_load_jobs error: {}", refusal.text));
            return refusal.exit_code();
        }
    };
    let matching: Vec<_> = jobs.iter().filter(|job| matches(job, wanted)).collect();
    if matching.is_empty() {
        return nothing(wanted, voice);
    }
    let mut code = 0;
    for job in matching {
        for id in ids(job, wanted) {
            if wanted.interactive && !confirmed(&id, job) {
                continue;
            }
            kill::announce(&id, wanted, voice);
            code = code.max(kill::one(client, wanted, &id, voice).await);
        }
    }
    code
}

fn nothing(wanted: &Wanted, voice: Voice) -> u8 {
    if wanted.ids.is_empty() {
        if voice.verbosity > 0 {
            // As Slurm has them, whatever their order was.
            let mut filters = wanted.filters.clone();
            filters.sort_unstable();
            let filters = filters.join(" ");
            voice.error(&format!("No active jobs match ALL job filters, including: {filters} "));
        }
        return 0;
    }
    for id in &wanted.ids {
        voice.error(&format!("Kill job error on job id {id}: {}", muster_dialect::errno::ESLURM_INVALID_JOB_ID));
    }
    1
}

async fn list(client: &Client, wanted: &Wanted) -> Result<Vec<JobInfo>, CallError> {
    let list = ListJobs {
        targets: wanted.ids.iter().map(target).collect(),
        users: wanted.cancel.user.into_iter().collect(),
        ..ListJobs::default()
    };
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
    row.state < STATE_ENDED_MIN
        && same(&filters.account, &spec.account)
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

/// The ids as the user gave them where a part of the job was meant, else the job's own.
fn ids(job: &JobInfo, wanted: &Wanted) -> Vec<JobSpec> {
    let row = job.row.clone().unwrap_or_default();
    let own = match (row.array_job_id, row.array_task) {
        (array, Some(task)) if array > 0 => {
            JobSpec { array: Some(muster_dialect::jobid::ArraySel::Task(task)), ..JobSpec::job(array) }
        }
        _ => JobSpec::job(row.job_id),
    };
    let named =
        wanted.ids.iter().filter(|id| id.step.is_some() && (id.job == row.job_id || id.job == row.array_job_id));
    let named: Vec<JobSpec> = named.cloned().collect();
    if named.is_empty() { vec![own] } else { named }
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
    fn every_filter_must_hold() {
        let mut wanted = Wanted::default();
        assert!(matches(&job(1, "debug"), &wanted));
        assert!(!matches(&job(3, "debug"), &wanted), "it has ended");
        wanted.cancel.partition = "debug".into();
        wanted.cancel.nodes = "n2".into();
        wanted.cancel.states = vec!["RUNNING".into()];
        assert!(matches(&job(1, "debug,short"), &wanted));
        assert!(!matches(&job(0, "debug"), &wanted));
        wanted.cancel.user = Some(8);
        assert!(!matches(&job(1, "debug"), &wanted));
    }
}

//! The question, and its listing: a line a job, and a line a step.

use muster_proto::durable::StepRecord;
use muster_proto::wire::{JobInfo, ListHistory, reply, request};

use super::job_cell::Teller;
use super::step_cell;
use super::wanted::Wanted;
use crate::list::job_name_id;
use crate::refusal::{Refusal, unexpected};
use crate::say::{Voice, to_stdout};
use crate::show::job_status;
use crate::site::Reach;
use crate::target::target;

pub(super) async fn run(reach: &Reach, wanted: &Wanted, voice: Voice) -> u8 {
    let question = ListHistory {
        targets: wanted.jobs.iter().map(target).collect(),
        users: wanted.users.clone(),
        accounts: wanted.accounts.clone(),
        partitions: wanted.partitions.clone(),
        start_ms: wanted.start_ms,
        end_ms: wanted.end_ms,
        states: Vec::new(),
        names: wanted.names.clone(),
        max_rows: 0,
        duplicates: wanted.duplicates,
    };
    let list = match reach.client.call(request::Body::ListHistory(question)).await {
        Ok(reply::Body::Jobs(list)) => list,
        Ok(_) => return Refusal::of(&unexpected(), "").report(voice, "Unexpected message received"),
        Err(error) => {
            let refusal = Refusal::of(&error, "the listing");
            return refusal.report(voice, &refusal.text);
        }
    };
    let teller = Teller::new(wanted, reach, list.now_ms, list.node_names);
    let mut text = String::new();
    if wanted.header {
        text += &format!("{}\n", wanted.layout.header(&wanted.columns));
    }
    let mut jobs: Vec<&JobInfo> = list.jobs.iter().filter(|job| is_wanted(job, wanted)).collect();
    jobs.sort_by_key(|job| order(job));
    for job in jobs {
        text += &lines(job, wanted, &teller);
    }
    u8::from(!to_stdout(&text))
}

/// As they were submitted; tasks of an array together.
fn order(job: &JobInfo) -> (u64, u32, Option<u32>, u64) {
    job.row.as_ref().map_or((0, 0, None, 0), |row| {
        let array = if row.array_job_id == 0 { row.job_id } else { row.array_job_id };
        (row.submit_ms, array, row.array_task, row.uid)
    })
}

fn lines(job: &JobInfo, wanted: &Wanted, teller: &Teller) -> String {
    let Some(row) = &job.row else { return String::new() };
    let mut text = String::new();
    let asked: Vec<_> = wanted.jobs.iter().filter_map(|id| id.step).collect();
    if asked.is_empty() {
        text += &wanted.layout.row(&wanted.columns, |field| teller.cell(job, field.name));
        text.push('\n');
    }
    if wanted.allocations {
        return text;
    }
    let mut steps: Vec<&StepRecord> = row.steps.iter().collect();
    steps.sort_by_key(|step| step_cell::order(step));
    for step in steps {
        let number = step.spec.as_ref().map_or(0, |spec| spec.step_id);
        if asked.is_empty() || asked.iter().any(|step| step.0 == number) {
            text += &wanted.layout.row(&wanted.columns, |field| step_cell::cell(teller, job, step, field.name));
            text.push('\n');
        }
    }
    text
}

/// Filters that the request does not carry.
fn is_wanted(job: &JobInfo, wanted: &Wanted) -> bool {
    let spec = job.row.as_ref().and_then(|row| row.spec.clone()).unwrap_or_default();
    let status = job_status(job);
    let state = wanted.states.is_empty() || wanted.states.iter().any(|filter| filter.matches(status));
    let on_node = || muster_dialect::hostlist::parse(&job.nodes).unwrap_or_default();
    // What an array's record stands for has not run yet; sacct shows it all the same.
    !job_name_id(job).is_empty()
        && state
        && (wanted.qos.is_empty() || wanted.qos.contains(&spec.qos))
        && (wanted.nodes.is_empty() || on_node().iter().any(|node| wanted.nodes.contains(node)))
}

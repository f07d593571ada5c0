//! One question and its listing.

use muster_dialect::{date, errno};
use muster_proto::wire::{JobInfo, JobList, ListJobs, ListNodes, ListSteps, StepInfo, reply, request};

use super::wanted::Wanted;
use super::{job_cell, order, step_cell};
use crate::list::zone;
use crate::refusal::{Refusal, unexpected};
use crate::say::{Voice, to_stdout};
use crate::show::job_status;
use crate::site::Reach;
use crate::target::target;

pub(super) async fn once(reach: &Reach, wanted: &Wanted, voice: Voice) -> u8 {
    if let Some(name) = unknown_node(reach, wanted).await {
        voice.error(&format!("Invalid node name {name}"));
        return 1;
    }
    let done = if wanted.steps.is_some() { steps(reach, wanted).await } else { jobs(reach, wanted).await };
    match done {
        Ok(text) => u8::from(!to_stdout(&text)),
        Err(refusal) => {
            refusal.before.iter().for_each(|line| voice.error(line));
            voice.bare(&format!("slurm_load_jobs error: {}", refusal.text));
            1
        }
    }
}

/// The first name of `-w` that no node has.
async fn unknown_node(reach: &Reach, wanted: &Wanted) -> Option<String> {
    if wanted.nodes.is_empty() {
        return None;
    }
    let question = request::Body::ListNodes(ListNodes::default());
    let Ok(reply::Body::Nodes(list)) = reach.client.call(question).await else { return None };
    let is_known =
        |name: &&String| list.nodes.iter().filter_map(|node| node.row.as_ref()).any(|row| row.name == **name);
    wanted.nodes.iter().find(|name| !is_known(name)).cloned()
}

async fn jobs(reach: &Reach, wanted: &Wanted) -> Result<String, Refusal> {
    let question = ListJobs {
        targets: wanted.jobs.iter().map(target).collect(),
        users: wanted.users.clone(),
        one_row_a_task: wanted.one_row_a_task,
        max_rows: 0,
        brief: wanted.is_brief(),
    };
    let list = match reach.client.call(request::Body::ListJobs(question)).await {
        Ok(reply::Body::Jobs(list)) => list,
        Ok(_) => return Err(Refusal::of(&unexpected(), "")),
        Err(error) => return Err(Refusal::of(&error, "the listing")),
    };
    let JobList { jobs, now_ms, .. } = list;
    // One id that means nothing is an error; among several it is passed over.
    if jobs.is_empty() && wanted.jobs.len() == 1 && wanted.users.is_empty() {
        return Err(Refusal::of_failure(errno::ESLURM_INVALID_JOB_ID.code, ""));
    }
    let mut jobs: Vec<JobInfo> = jobs.into_iter().filter(|job| is_wanted(job, wanted)).collect();
    order::jobs(&mut jobs, &wanted.sort);
    let teller = job_cell::Teller::new(now_ms, wanted, reach);
    let mut text = head(wanted, now_ms);
    for job in &jobs {
        text += wanted.format.row(|field| teller.cell(job, field.name)).as_str();
        text.push('\n');
    }
    Ok(text)
}

async fn steps(reach: &Reach, wanted: &Wanted) -> Result<String, Refusal> {
    let asked = wanted.steps.as_deref().unwrap_or_default();
    let targets = asked.iter().chain(&wanted.jobs).map(target).collect();
    let question = ListSteps { targets, step_id: None, users: wanted.users.clone() };
    let list = match reach.client.call(request::Body::ListSteps(question)).await {
        Ok(reply::Body::Steps(list)) => list,
        Ok(_) => return Err(Refusal::of(&unexpected(), "")),
        Err(error) => return Err(Refusal::of(&error, "the listing")),
    };
    let names_step = |step: &StepInfo| {
        let number = step.step.as_ref().and_then(|s| s.spec.as_ref()).map_or(0, |spec| spec.step_id);
        asked.is_empty() || asked.iter().any(|id| id.step.is_none_or(|step| step.0 == number))
    };
    let mut steps: Vec<StepInfo> = list.steps.into_iter().filter(names_step).collect();
    order::steps(&mut steps, &wanted.sort);
    let mut text = head(wanted, list.now_ms);
    for step in &steps {
        text += wanted.format.row(|field| step_cell::cell(step, field.name, &reach.cluster)).as_str();
        text.push('\n');
    }
    Ok(text)
}

fn head(wanted: &Wanted, now_ms: u64) -> String {
    let mut text = String::new();
    if wanted.date {
        text += &format!("{}\n", date::asctime((now_ms / 1000) as i64, &zone()));
    }
    if wanted.header {
        text += &format!("{}\n", wanted.format.header());
    }
    text
}

/// Filters that the request does not carry.
fn is_wanted(job: &JobInfo, wanted: &Wanted) -> bool {
    let Some(row) = &job.row else { return false };
    let spec = row.spec.clone().unwrap_or_default();
    let request = spec.request.clone().unwrap_or_default();
    let any = |wanted: &[String], text: &str| {
        wanted.is_empty() || text.split(',').any(|word| wanted.iter().any(|name| name == word))
    };
    let state = wanted.states.iter().any(|filter| filter.matches(job_status(job)));
    state
        && any(&wanted.accounts, &spec.account)
        && (wanted.names.is_empty() || wanted.names.contains(&spec.name))
        && any(&wanted.partitions, &job.effective_partition)
        && any(&wanted.qos, &spec.qos)
        && any(&wanted.reservations, &request.reservation)
        && licences(&wanted.licences, &request.licenses)
        && on_a_node(&wanted.nodes, &job.nodes)
}

fn licences(wanted: &[String], text: &str) -> bool {
    let name = |word: &str| word.split([':', '*']).next().unwrap_or(word).to_owned();
    wanted.is_empty() || text.split(',').any(|word| wanted.contains(&name(word)))
}

fn on_a_node(wanted: &[String], nodes: &str) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let has = muster_dialect::hostlist::parse(nodes).unwrap_or_default();
    has.iter().any(|node| wanted.contains(node))
}

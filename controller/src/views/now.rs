//! One job or step as it is now: what long polls answer.

use std::sync::Arc;

use muster_dialect::errno;
use muster_dialect::hostlist;
use muster_dialect::state::JobState;
use muster_model::cluster::{Cluster, Job};
use muster_proto::wire::{JobNodes, JobNow, NodeAddresses, StepNow, StepPlace};

use super::around::Around;
use super::job::info;
use super::{Sight, allocation, node_address, step};
use crate::core::PART_RECORDS;
use crate::door::client::{Caller, Refusal};
use crate::member::Member;

/// `until_ended`: it has ended everywhere; else it has started, or will not.
pub(crate) fn job_now(member: &Member, uid: u64, job_id: u32, until_ended: bool) -> JobNow {
    let found = member.core.read(|cluster| {
        let job = find(cluster, uid, job_id)?.clone();
        let places = places(cluster, &job);
        Some((job, places))
    });
    let Some((job, nodes)) = found else {
        return JobNow { uid, job_id, known: false, ..JobNow::default() };
    };
    let around = Around::of(member);
    let reached = match job.row.array_job_id {
        _ if !until_ended => has_started(&job),
        // The id of an array stands for all of its tasks.
        array if array != 0 && uid == 0 && job_id == array => array_has_ended(member, array),
        _ => has_ended(&job),
    };
    JobNow { uid: job.uid(), job_id: job.row.job_id, job: Some(info(&around, &job)), reached, nodes, known: true }
}

fn find(cluster: &Cluster, uid: u64, job_id: u32) -> Option<&Arc<Job>> {
    if uid == 0 { cluster.job_by_label(job_id, None) } else { cluster.job(uid) }
}

/// Looks at some records under each lock, up to one that has not ended. A task that leaves the array's record meanwhile comes
/// later than all that was looked at.
fn array_has_ended(member: &Member, array: u32) -> bool {
    let mut last = 0;
    loop {
        let records =
            |cluster: &Cluster| cluster.array_records_after(array, last).take(PART_RECORDS).cloned().collect();
        let part: Vec<Arc<Job>> = member.core.take(records);
        if !part.iter().all(|job| has_ended(job)) {
            return false;
        }
        match part.last() {
            Some(job) if part.len() == PART_RECORDS => last = job.uid(),
            _ => return true,
        }
    }
}

fn has_ended(job: &Job) -> bool {
    job.state().is_finished() && job.row.pending_tasks.is_empty()
}

fn has_started(job: &Job) -> bool {
    let runs = job.live_attempt().is_some_and(|attempt| attempt.start_ms != 0);
    job.state().is_finished() || (runs && job.state() != JobState::Pending)
}

fn places(cluster: &Cluster, job: &Job) -> Vec<StepPlace> {
    let shares = job.live_attempt().into_iter().flat_map(allocation::shares);
    let place = |share: &muster_proto::durable::NodeShare| {
        let node = cluster.node(share.node)?;
        Some(StepPlace {
            node: node.name().to_owned(),
            address: node_address(node),
            tasks: share.tasks,
            task_ids: Vec::new(),
        })
    };
    shares.filter_map(place).collect()
}

pub(crate) fn step_now(member: &Member, uid: u64, step_id: u32) -> StepNow {
    let Some(job) = member.core.read(|cluster| cluster.job(uid).cloned()) else { return StepNow::default() };
    let around = Around::of(member);
    let Some(record) = job.row.steps.iter().find(|record| step::is_named(record, step_id)) else {
        return StepNow::default();
    };
    StepNow { known: true, step: Some(step::info(&around, &job, record)), reached: step::has_ended(record) }
}

/// Whether `PrivateData` hides the job from the caller: it is then as if there were none.
pub(crate) fn is_hidden_job(member: &Member, caller: &Caller, uid: u64, job_id: u32) -> bool {
    let owner = member.core.read(|cluster| find(cluster, uid, job_id).map(|job| job.spec().uid));
    owner.is_some_and(|owner| owner != caller.uid) && caller.sees(member, "jobs") != Sight::All
}

/// Where `sbcast` and `srun` find the nodes of a job.
pub(crate) fn job_nodes(member: &Member, caller: &Caller, asked: &JobNodes) -> Result<NodeAddresses, Refusal> {
    if is_hidden_job(member, caller, asked.uid, asked.job_id) {
        return Err(Refusal::slurm(errno::ESLURM_INVALID_JOB_ID));
    }
    let found = member.core.read(|cluster| {
        let job = find(cluster, asked.uid, asked.job_id)?;
        let attempt = job.live_attempt().map_or(0, |attempt| attempt.number);
        Some(NodeAddresses { nodes: places(cluster, job), uid: job.uid(), attempt })
    });
    let mut found = found.ok_or_else(|| Refusal::slurm(errno::ESLURM_INVALID_JOB_ID))?;
    if !asked.names.is_empty() {
        let names = hostlist::parse(&asked.names).map_err(|_| Refusal::slurm(errno::ESLURM_INVALID_NODE_NAME))?;
        found.nodes.retain(|place| names.contains(&place.node));
    }
    Ok(found)
}

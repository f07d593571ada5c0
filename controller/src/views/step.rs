//! Steps as `squeue -s`, `scontrol show step` and `srun` need them.

use std::sync::Arc;

use muster_dialect::step::StepId;
use muster_model::cluster::{Cluster, Job, step_id_of};
use muster_proto::durable::{StepNode, StepRecord, StepState};
use muster_proto::wire::{ListSteps, StepInfo, StepList, StepPlace, reply};

use super::allocation::{self, Nodes};
use super::around::Around;
use super::{Sight, node_address, walk};
use crate::door::client::Refusal;
use crate::listing::{Encoded, Rows};
use crate::member::Member;

/// Steps that have not ended, or of the jobs that are named.
pub(crate) async fn steps(member: &Member, sight: Sight, asked: &ListSteps) -> Result<Encoded, Refusal> {
    let records = walk::records(member, &asked.targets, &asked.users).await;
    let around = Around::of(member);
    let mut rows = Rows::default();
    for job in records.iter().filter(|job| sight.shows(job.spec().uid)) {
        for step in of_job(&around, job, asked.step_id) {
            rows.push(&step).await?;
        }
    }
    rows.finish(reply::Body::Steps(StepList { now_ms: around.now_ms, ..StepList::default() }))
}

fn of_job(around: &Around, job: &Arc<Job>, only: Option<u32>) -> Vec<StepInfo> {
    let living = job.row.steps.iter().filter(|step| step.state() != StepState::Ended);
    let wanted = living.filter(|step| only.is_none_or(|only| only == step_id_of(step)));
    wanted.map(|step| info(around, job, step)).collect()
}

pub(super) fn info(around: &Around, job: &Job, step: &StepRecord) -> StepInfo {
    let nodes = step.nodes.iter().map(|place| place.node);
    let cpus = step.nodes.iter().map(|place| cpus(&around.nodes, place)).sum();
    let mem_mib = step.nodes.iter().map(|place| place.mem_mib).sum();
    let mut gres = std::collections::BTreeMap::new();
    for share in step.nodes.iter().flat_map(|place| &place.gres) {
        *gres.entry(share.name.clone()).or_default() += share.count;
    }
    let count = u32::try_from(step.nodes.len()).unwrap_or(u32::MAX);
    let end_ms = if step.end_ms == 0 { around.now_ms } else { step.end_ms };
    StepInfo {
        uid: job.uid(),
        job_id: job.row.job_id,
        array_job_id: job.row.array_job_id,
        array_task: job.row.array_task,
        user: job.spec().uid,
        user_name: job.spec().user_name.clone(),
        partition: partition(job),
        nodes: allocation::fold(&around.nodes, nodes),
        cpus,
        // Steps have no billing of their own.
        tres: allocation::tres(cpus, mem_mib, count, 0, &gres),
        run_ms: if step.start_ms == 0 { 0 } else { end_ms.saturating_sub(step.start_ms) },
        job_name: job.spec().name.clone(),
        step: Some(step.clone()),
    }
}

fn partition(job: &Job) -> String {
    let placed = job.newest_attempt().and_then(|attempt| attempt.allocation.as_ref());
    placed.map_or_else(|| job.spec().partitions.clone(), |allocation| allocation.partition.clone())
}

fn cpus(nodes: &Nodes, place: &StepNode) -> u32 {
    let cores = muster_model::cluster::resources::BitSet::from_bytes(&place.cores).len();
    cores * nodes.get(&place.node).map_or(1, |node| node.total().cpus_per_core())
}

/// Where a step's tasks are, in the step's order.
pub(crate) fn step_places(cluster: &Cluster, step: &StepRecord) -> Vec<StepPlace> {
    let place = |place: &StepNode| {
        let node = cluster.node(place.node)?;
        Some(StepPlace {
            node: node.name().to_owned(),
            address: node_address(node),
            tasks: place.tasks,
            task_ids: place.task_ids.clone(),
        })
    };
    step.nodes.iter().filter_map(place).collect()
}

/// Whether the step has ended everywhere.
pub(super) fn has_ended(step: &StepRecord) -> bool {
    step.state() == StepState::Ended
}

/// The id that users know a step by.
pub(super) fn is_named(step: &StepRecord, step_id: u32) -> bool {
    StepId(step_id_of(step)) == StepId(step_id)
}

//! From what the state wants of a node to the order that says it: everything that the node needs to know goes along.

use muster_dialect::step::StepId;
use muster_model::cluster::dispatch::{Wanted, launched_with_hold};
use muster_model::cluster::{Cluster, Job, array};
use muster_proto::durable::{Attempt, BlobRef, NodeShare, StepNode, StepSpec};
use muster_proto::wire::{
    AttemptFacts, EndAttempt, EndStep, Hold, LaunchStep, SetTimeLimit, SignalTasks, TaskIds, order,
};

/// An order whose blobs are still to be read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) uid: u64,
    pub(super) attempt: u32,
    pub(super) body: order::Body,
    /// Into `script` and `environment` of the launch.
    pub(super) script: Option<BlobRef>,
    pub(super) environment: Option<BlobRef>,
}

/// The order for `wanted` on `node`; `None` when the state changed in between.
pub(super) fn draft(cluster: &Cluster, node: u32, wanted: &Wanted) -> Option<Draft> {
    let kill_wait_s = cluster.config().map_or(0, |config| config.settings.kill_wait_s);
    match *wanted {
        Wanted::Hold { uid, attempt } => {
            let (job, placed) = attempt_of(cluster, uid, attempt)?;
            let hold = hold(cluster, job, placed, node)?;
            let launches = hold.launch.is_some();
            Some(Draft {
                script: job.spec().script.clone().filter(|_| launches),
                environment: job.spec().environment.clone().filter(|_| launches),
                ..plain(uid, attempt, order::Body::Hold(hold))
            })
        }
        Wanted::LaunchStep { uid, attempt, step } => {
            let (job, placed) = attempt_of(cluster, uid, attempt)?;
            launch(cluster, job, placed, node, step)
        }
        Wanted::Signal { uid, attempt, step, signal_id, signal, batch_only } => {
            let signal = SignalTasks { step_id: step, signal_id, signal, batch_only, all_steps: false };
            Some(plain(uid, attempt, order::Body::SignalTasks(signal)))
        }
        Wanted::EndStep { uid, attempt, step, cause, by_uid, at_once } => {
            let end = EndStep { step_id: step, cause: cause.into(), kill_wait_s, by_uid, at_once };
            Some(plain(uid, attempt, order::Body::EndStep(end)))
        }
        Wanted::EndAttempt { uid, attempt, cause, by_uid } => {
            let end = EndAttempt { cause: cause.into(), kill_wait_s, by_uid };
            Some(plain(uid, attempt, order::Body::EndAttempt(end)))
        }
        Wanted::SetTimeLimit { uid, attempt, end_by_ms, time_limit_s } => {
            Some(plain(uid, attempt, order::Body::SetTimeLimit(SetTimeLimit { end_by_ms, time_limit_s })))
        }
    }
}

fn plain(uid: u64, attempt: u32, body: order::Body) -> Draft {
    Draft { uid, attempt, body, script: None, environment: None }
}

fn attempt_of(cluster: &Cluster, uid: u64, attempt: u32) -> Option<(&Job, &Attempt)> {
    let job = cluster.job(uid)?;
    let placed = job.newest_attempt().filter(|placed| placed.number == attempt)?;
    Some((job, placed))
}

fn hold(cluster: &Cluster, job: &Job, attempt: &Attempt, node: u32) -> Option<Hold> {
    let share = shares(attempt).find(|share| share.node == node)?.clone();
    Some(Hold {
        spec: Some(job.spec().clone()),
        share: Some(share),
        facts: Some(facts(cluster, job, attempt, node)),
        end_by_ms: 0,
        time_limit_s: job.spec().time_limit_s.unwrap_or(u32::MAX),
        extern_step: cluster.config().is_some_and(|config| config.settings.contain),
        launch: launched_with_hold(job).map(|(spec, place)| of_batch_step(cluster, spec, place)),
    })
}

/// Without what stands in the order to hold.
fn of_batch_step(cluster: &Cluster, spec: StepSpec, place: StepNode) -> LaunchStep {
    LaunchStep {
        step_nodes: vec![name(cluster, place.node)],
        step_tasks: vec![place.tasks],
        step_task_ids: vec![TaskIds { ids: place.task_ids.clone() }],
        place: Some(place),
        spec: Some(spec),
        ..LaunchStep::default()
    }
}

fn launch(cluster: &Cluster, job: &Job, attempt: &Attempt, node: u32, step_id: u32) -> Option<Draft> {
    let step = job.step(step_id)?;
    let spec = step.spec.clone()?;
    let (position, place) = (0..).zip(&step.nodes).find(|(_, place)| place.node == node)?;
    let is_batch = StepId(step_id) == StepId::BATCH;
    let of_job = job.spec();
    let environment = spec.environment.clone().or_else(|| of_job.environment.clone());
    let launch = LaunchStep {
        place: Some(place.clone()),
        job: Some(of_job.clone()),
        facts: Some(facts(cluster, job, attempt, node)),
        step_nodes: step.nodes.iter().map(|place| name(cluster, place.node)).collect(),
        step_tasks: step.nodes.iter().map(|place| place.tasks).collect(),
        step_task_ids: step.nodes.iter().map(|place| TaskIds { ids: place.task_ids.clone() }).collect(),
        step_position: position,
        spec: Some(spec),
        ..LaunchStep::default()
    };
    Some(Draft {
        uid: job.uid(),
        attempt: attempt.number,
        body: order::Body::LaunchStep(launch),
        script: if is_batch { of_job.script.clone() } else { None },
        environment,
    })
}

/// What environment and prolog variables need to know of the whole allocation.
fn facts(cluster: &Cluster, job: &Job, attempt: &Attempt, node: u32) -> AttemptFacts {
    let row = &job.row;
    let tasks = job.spec().array.as_ref().map(|array| array.ranges.as_slice()).unwrap_or_default();
    let partition = attempt.allocation.as_ref().map(|it| it.partition.clone()).unwrap_or_default();
    let (def_mem_per_node_mib, def_mem_per_cpu_mib) = default_memory(cluster, &partition);
    AttemptFacts {
        job_id: row.job_id,
        array_job_id: row.array_job_id,
        array_task: row.array_task,
        array_count: u32::try_from(array::count(tasks)).unwrap_or(u32::MAX),
        array_min: array::lowest(tasks).unwrap_or(0),
        array_max: array::highest(tasks).unwrap_or(0),
        array_step: tasks.first().map_or(0, |range| range.step.max(1)),
        restarts: row.restarts,
        cluster: cluster.meta().cluster_name.clone(),
        partition,
        nodes: shares(attempt).map(|share| name(cluster, share.node)).collect(),
        cpus: shares(attempt).map(|share| share.cpus).collect(),
        tasks: shares(attempt).map(|share| share.tasks).collect(),
        addresses: shares(attempt).map(|share| address(cluster, share.node)).collect(),
        start_ms: attempt.start_ms.max(attempt.placed_ms),
        gres: shares(attempt).map(gres_text).collect(),
        node_position: (0..).zip(shares(attempt)).find(|(_, share)| share.node == node).map_or(0, |(at, _)| at),
        mem_text: shares(attempt).find(|share| share.node == node).map(mem_text).unwrap_or_default(),
        def_mem_per_cpu_mib,
        def_mem_per_node_mib,
    }
}

/// The memory of a job that asks for none, by node and by CPU: the partition's, else the cluster's.
fn default_memory(cluster: &Cluster, partition: &str) -> (u64, u64) {
    let own = cluster.partition(partition).map(|it| (it.def_mem_per_node_mib, it.def_mem_per_cpu_mib));
    let of_all = || cluster.config().map(|it| (it.settings.def_mem_per_node_mib, it.settings.def_mem_per_cpu_mib));
    own.filter(|own| *own != (0, 0)).or_else(of_all).unwrap_or_default()
}

fn shares(attempt: &Attempt) -> impl Iterator<Item = &NodeShare> {
    attempt.allocation.iter().flat_map(|allocation| &allocation.nodes)
}

fn name(cluster: &Cluster, node: u32) -> String {
    cluster.node(node).map(|node| node.name().to_owned()).unwrap_or_default()
}

fn address(cluster: &Cluster, node: u32) -> String {
    cluster.node(node).map(|node| crate::views::node_address(node)).unwrap_or_default()
}

/// "gpu:0,1", kinds separated by ";".
fn gres_text(share: &NodeShare) -> String {
    let kinds = share.gres.iter().map(|gres| {
        let indices = muster_model::cluster::resources::BitSet::from_bytes(&gres.indices);
        let numbers: Vec<String> = indices.iter().map(|index| index.to_string()).collect();
        if numbers.is_empty() {
            format!("{}:{}", gres.name, gres.count)
        } else {
            format!("{}:{}", gres.name, numbers.join(","))
        }
    });
    kinds.collect::<Vec<_>>().join(";")
}

/// Memory of this node's share, in MiB.
fn mem_text(share: &NodeShare) -> String {
    if share.mem_mib == 0 { String::new() } else { format!("{}M", share.mem_mib) }
}

//! `--test-only`: when and where a job would start. Nothing is made.

use muster_model::sched::{View, will_run as estimate};
use muster_proto::durable::JobSpec;
use muster_proto::wire::{Submitted, reply};

use crate::door::client::Refusal;
use crate::member::Member;

pub(crate) fn will_run(member: &Member, mut spec: JobSpec) -> Result<reply::Body, Refusal> {
    let index = member.core.applied();
    let (mut view, job_id) = member.core.read(|cluster| {
        if spec.partitions.is_empty() {
            spec.partitions = cluster.default_partition().map(|it| it.name.clone()).unwrap_or_default();
        }
        (View::of(cluster, index), cluster.meta().next_job_id)
    });
    view.now_ms = view.now_ms.max(member.now_ms());
    let found = estimate(&view, &spec).map_err(|why| Refusal::with(why.errno(), why.to_string()))?;
    Ok(reply::Body::Submitted(Submitted {
        job_id,
        estimated_start_ms: found.start_ms,
        estimated_nodes: found.nodes,
        partition: found.partition,
        estimated_cpus: found.cpus,
        ..Submitted::default()
    }))
}

//! One job as `scontrol show job` needs it.

use muster_dialect::state::JobFlags;
use muster_model::cluster::Job;
use muster_proto::durable::{Attempt, JobKind, JobRow, NodePhase, Request, Sharing};
use muster_proto::wire::JobInfo;

use super::allocation::{self, Nodes, Totals};
use super::around::Around;
use super::dependency;
use super::reckon::{
    array_pending, asked_for, default_memory, end_estimate_ms, num_tasks, partition, run_ms, time_limit_s,
};

/// All that is known.
pub(super) fn info(around: &Around, job: &Job) -> JobInfo {
    let attempt = job.shown_attempt();
    let totals = attempt.map_or_else(|| asked_for(job.request(), default_memory(around, job)), Totals::of);
    let flags = job.flags();
    let nodes = &around.nodes;
    let phases = |phases: &[NodePhase]| attempt.map(|it| allocation::in_phases(nodes, it, phases)).unwrap_or_default();
    JobInfo {
        row: Some(row(around, job)),
        nodes: attempt.map(|it| allocation::fold(nodes, allocation::shares(it).map(|s| s.node))).unwrap_or_default(),
        num_nodes: totals.nodes,
        num_cpus: totals.cpus,
        num_tasks: num_tasks(job.request(), &totals),
        mem_mib: totals.mem_mib,
        tres: totals.tres(),
        batch_host: batch_host(nodes, job, attempt),
        completing: flags.contains(JobFlags::COMPLETING),
        configuring: flags.contains(JobFlags::CONFIGURING),
        effective_time_limit_s: time_limit_s(around, job),
        effective_partition: partition(job, attempt).to_owned(),
        array_pending: array_pending(job),
        details: attempt.map(|it| allocation::details(nodes, it)).unwrap_or_default(),
        end_estimate_ms: end_estimate_ms(around, job, attempt),
        dependency: dependency::text(job),
        script_hash: hex(job.spec().script.as_ref().map_or(&[][..], |script| &script.hash[..])),
        completing_nodes: phases(&[NodePhase::Completing]),
        run_ms: attempt.map_or(0, |attempt| run_ms(attempt, job.row.end_ms, around.now_ms)),
        lost_nodes: phases(&[NodePhase::Lost]),
        oversubscribe: job.request().sharing() == Sharing::Shared,
    }
}

/// The record without what listings do not show: older attempts, and steps. Memory that the user left to the
/// configuration is shown as if it had been asked for.
fn row(around: &Around, job: &Job) -> JobRow {
    let newest = job.row.attempts.last().cloned().into_iter().collect();
    let mut row = JobRow { attempts: newest, steps: Vec::new(), ..job.whole_row() };
    if let Some(request) = row.spec.as_mut().and_then(|spec| spec.request.as_mut()) {
        show_default_memory(request, default_memory(around, job));
    }
    row
}

fn show_default_memory(request: &mut Request, (per_node, per_cpu): (u64, u64)) {
    if request.mem_per_node_mib.is_some() || request.mem_per_cpu_mib.is_some() {
        return;
    }
    match (per_node, per_cpu) {
        (0, 0) => {}
        (0, mib) => request.mem_per_cpu_mib = Some(mib),
        (mib, _) => request.mem_per_node_mib = Some(mib),
    }
}

fn batch_host(nodes: &Nodes, job: &Job, attempt: Option<&Attempt>) -> String {
    let first = attempt.filter(|_| job.kind() == JobKind::Batch).and_then(|it| allocation::shares(it).next());
    first.map(|share| allocation::name(nodes, share.node).to_owned()).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_memory_is_shown_where_none_was_asked_for() {
        let shown = |mut request: Request, default| {
            show_default_memory(&mut request, default);
            (request.mem_per_node_mib, request.mem_per_cpu_mib)
        };
        assert_eq!(shown(Request::default(), (0, 100)), (None, Some(100)));
        assert_eq!(shown(Request::default(), (500, 0)), (Some(500), None));
        assert_eq!(shown(Request::default(), (0, 0)), (None, None));
        assert_eq!(shown(Request { mem_per_node_mib: Some(7), ..Request::default() }, (0, 100)), (Some(7), None));
    }
}

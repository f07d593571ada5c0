//! Jobs as `squeue` shows them when nobody asks for more: most of a record, and of the work of showing it, is what was asked
//! for and what it was given.

use muster_dialect::state::JobFlags;
use muster_model::cluster::Job;
use muster_proto::durable::{Attempt, JobRow, JobSpec};
use muster_proto::wire::JobInfo;

use super::allocation::{self, Totals};
use super::around::Around;
use super::reckon::{
    array_pending, asked_for, default_memory, end_estimate_ms, num_tasks, partition, run_ms, time_limit_s,
};

/// One job. Whatever is left out is a column that has to be asked for: the command knows which (`cli/src/squeue/wanted.rs`).
pub(super) fn info(around: &Around, job: &Job) -> JobInfo {
    let attempt = job.shown_attempt();
    let totals = attempt.map_or_else(|| asked_for(job.request(), default_memory(around, job)), Totals::of);
    let flags = job.flags();
    let nodes = &around.nodes;
    JobInfo {
        row: Some(row(job)),
        nodes: attempt.map(|it| allocation::fold(nodes, allocation::shares(it).map(|s| s.node))).unwrap_or_default(),
        num_nodes: totals.nodes,
        num_cpus: totals.cpus,
        num_tasks: num_tasks(job.request(), &totals),
        mem_mib: totals.mem_mib,
        completing: flags.contains(JobFlags::COMPLETING),
        configuring: flags.contains(JobFlags::CONFIGURING),
        effective_time_limit_s: time_limit_s(around, job),
        effective_partition: partition(job, attempt).to_owned(),
        array_pending: array_pending(job),
        end_estimate_ms: end_estimate_ms(around, job, attempt),
        run_ms: attempt.map_or(0, |attempt| run_ms(attempt, job.row.end_ms, around.now_ms)),
        ..JobInfo::default()
    }
}

fn row(job: &Job) -> JobRow {
    let (row, spec) = (&job.row, job.spec());
    let spec = JobSpec {
        kind: spec.kind,
        name: spec.name.clone(),
        uid: spec.uid,
        user_name: spec.user_name.clone(),
        account: spec.account.clone(),
        qos: spec.qos.clone(),
        partitions: spec.partitions.clone(),
        ..JobSpec::default()
    };
    JobRow {
        uid: row.uid,
        job_id: row.job_id,
        spec: Some(Box::new(spec)),
        submit_ms: row.submit_ms,
        eligible_ms: row.eligible_ms,
        priority: row.priority,
        hold: row.hold,
        reason: row.reason,
        reason_detail: row.reason_detail.clone(),
        array_job_id: row.array_job_id,
        array_task: row.array_task,
        state: row.state,
        restarts: row.restarts,
        attempts: row.attempts.last().map(times).into_iter().collect(),
        estimated_start_ms: row.estimated_start_ms,
        het_job_id: row.het_job_id,
        het_offset: row.het_offset,
        end_ms: row.end_ms,
        exit_status: row.exit_status,
        ..JobRow::default()
    }
}

/// When it was, and not what it had.
fn times(attempt: &Attempt) -> Attempt {
    Attempt {
        number: attempt.number,
        placed_ms: attempt.placed_ms,
        start_ms: attempt.start_ms,
        end_ms: attempt.end_ms,
        ..Attempt::default()
    }
}

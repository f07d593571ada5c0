//! What a job's record does not say, and follows from it.

use std::collections::BTreeMap;

use muster_dialect::jobid::print_ids;
use muster_dialect::state::JobState;
use muster_model::cluster::{Job, array};
use muster_proto::durable::{Attempt, Request};

use super::allocation::Totals;
use super::around::Around;

/// Tasks that are named; a command cuts the text long before.
const TASKS_NAMED_MAX: usize = 1_000_000;
const UNLIMITED: u32 = u32::MAX;

/// What a job that asks for no memory is given: a node, a processor; of its first partition, else of the cluster.
pub(super) fn default_memory(around: &Around, job: &Job) -> (u64, u64) {
    let first = job.spec().partitions.split(',').next().and_then(|name| around.partitions.get(name));
    let own = first.map(|partition| (partition.def_mem_per_node_mib, partition.def_mem_per_cpu_mib));
    own.filter(|own| *own != (0, 0)).unwrap_or(around.def_mem)
}

/// Before a job has an allocation: at least this much.
pub(super) fn asked_for(request: &Request, default_mem: (u64, u64)) -> Totals {
    let nodes = request.min_nodes.max(1);
    let tasks = request.ntasks.max(1);
    let per_task = request.cpus_per_task.max(1);
    let cpus = tasks.saturating_mul(per_task).max(nodes.saturating_mul(request.min_cpus_per_node.max(1)));
    let mem_mib = match (request.mem_per_node_mib, request.mem_per_cpu_mib) {
        (Some(mib), _) => mib.saturating_mul(u64::from(nodes)),
        (None, Some(mib)) => mib.saturating_mul(u64::from(cpus)),
        (None, None) => {
            let (per_node, per_cpu) = default_mem;
            per_node.saturating_mul(u64::from(nodes)).max(per_cpu.saturating_mul(u64::from(cpus)))
        }
    };
    Totals { nodes, cpus, mem_mib, tasks, gres: asked_gres(request, nodes) }
}

/// `gpu` of `gres:gpu:a100:2`.
fn kind(text: &str) -> Option<&str> {
    text.trim_start_matches("gres:").split([':', '=']).next().filter(|kind| !kind.is_empty())
}

/// "gres:gpu:2" a node, "gres:gpu:a100:4" a job.
fn asked_gres(request: &Request, nodes: u32) -> BTreeMap<String, u64> {
    let mut gres = BTreeMap::new();
    let mut add = |text: &str, times: u64| {
        for item in text.split(',').filter(|item| !item.is_empty()) {
            let words: Vec<&str> = item.trim_start_matches("gres:").split([':', '=']).collect();
            let count = words.last().and_then(|word| word.parse().ok()).unwrap_or(1);
            let count: u64 = count;
            *gres.entry(words[0].to_owned()).or_default() += count.saturating_mul(times);
        }
    };
    add(&request.tres_per_node, u64::from(nodes));
    // What is asked for by job and by node is the same devices.
    let of_nodes = request.tres_per_node.split(',').filter_map(kind).collect::<Vec<_>>();
    if !kind(&request.tres_per_job).is_some_and(|kind| of_nodes.contains(&kind)) {
        add(&request.tres_per_job, 1);
    }
    add(&request.tres_per_task, u64::from(request.ntasks.max(1)));
    gres
}

pub(super) fn num_tasks(request: &Request, totals: &Totals) -> u32 {
    if request.ntasks_set { request.ntasks.max(1) } else { request.ntasks.max(totals.nodes).max(1) }
}

pub(super) fn partition<'a>(job: &'a Job, attempt: Option<&'a Attempt>) -> &'a str {
    let placed = attempt.and_then(|attempt| attempt.allocation.as_ref()).map(|it| it.partition.as_str());
    placed.filter(|name| !name.is_empty()).unwrap_or(&job.spec().partitions)
}

pub(super) fn time_limit_s(around: &Around, job: &Job) -> u32 {
    if let Some(limit) = job.spec().time_limit_s {
        return limit;
    }
    let first = job.spec().partitions.split(',').next().and_then(|name| around.partitions.get(name));
    first.and_then(|partition| partition.default_time_s.or(partition.max_time_s)).unwrap_or(UNLIMITED)
}

pub(super) fn end_estimate_ms(around: &Around, job: &Job, attempt: Option<&Attempt>) -> u64 {
    if job.row.end_ms != 0 && job.state() != JobState::Pending {
        return job.row.end_ms;
    }
    let limit = time_limit_s(around, job);
    match attempt {
        Some(attempt) if limit != UNLIMITED && attempt.placed_ms != 0 => {
            let start = if attempt.start_ms == 0 { attempt.placed_ms } else { attempt.start_ms };
            start + u64::from(limit) * 1_000 + attempt.suspended_ms
        }
        _ => 0,
    }
}

/// Elapsed, suspensions taken out.
pub(super) fn run_ms(attempt: &Attempt, job_end_ms: u64, now_ms: u64) -> u64 {
    let start = if attempt.start_ms == 0 { attempt.placed_ms } else { attempt.start_ms };
    let end = match (attempt.end_ms, job_end_ms) {
        (0, 0) => now_ms,
        (0, end) => end,
        (end, _) => end,
    };
    let suspended_now = match attempt.suspended_since_ms {
        0 => 0,
        since => end.saturating_sub(since),
    };
    end.saturating_sub(start).saturating_sub(attempt.suspended_ms).saturating_sub(suspended_now)
}

/// "[3-20%4]", as long as it may be: the command cuts it.
pub(super) fn array_pending(job: &Job) -> String {
    if !job.is_array() {
        return String::new();
    }
    let ids: Vec<u32> = array::tasks(&job.row.pending_tasks).take(TASKS_NAMED_MAX).collect();
    let limit = if job.row.array_limit == 0 { String::new() } else { format!("%{}", job.row.array_limit) };
    format!("[{}{limit}]", print_ids(&ids, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_job_shows_what_it_asks_for() {
        let request = Request {
            min_nodes: 2,
            ntasks: 4,
            cpus_per_task: 2,
            mem_per_cpu_mib: Some(100),
            tres_per_node: "gres:gpu:2".into(),
            ..Request::default()
        };
        assert_eq!(asked_for(&request, (0, 7)).tres(), "cpu=8,mem=800M,node=2,billing=8,gres/gpu=4");
        let plain = Request { ntasks: 1, ..Request::default() };
        assert_eq!(asked_for(&plain, (0, 100)).tres(), "cpu=1,mem=100M,node=1,billing=1");
    }

    #[test]
    fn elapsed_time_has_no_suspensions_in_it() {
        let attempt = Attempt { start_ms: 1_000, suspended_ms: 300, suspended_since_ms: 2_000, ..Attempt::default() };
        assert_eq!(run_ms(&attempt, 0, 3_000), 700);
        let ended = Attempt { end_ms: 2_500, suspended_since_ms: 0, ..attempt };
        assert_eq!(run_ms(&ended, 2_500, 9_000), 1_200);
    }
}

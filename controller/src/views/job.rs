//! Jobs as `squeue` and `scontrol show job` need them.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_dialect::jobid::print_ids;
use muster_dialect::state::{JobFlags, JobState};
use muster_model::cluster::{Cluster, Job, Partition, array};
use muster_proto::durable::{Attempt, JobKind, JobRow, NodePhase, Request, Sharing};
use muster_proto::wire::{JobInfo, JobList, ListJobs, reply};

use super::allocation::{self, Nodes, Totals};
use super::{Sight, brief, dependency, walk};
use crate::door::client::Refusal;
use crate::listing::{Encoded, Rows};
use crate::member::{Member, PART_RECORDS};

/// Rows of one answer where tasks are listed one by one.
const TASK_ROWS_MAX: usize = 1_000_000;
const UNLIMITED: u32 = u32::MAX;

/// What jobs are shown with: taken out of the state together.
pub(super) struct Around {
    pub(super) nodes: Nodes,
    /// `DefMemPerNode` and `DefMemPerCPU` of the cluster, MiB; 0: not set.
    def_mem: (u64, u64),
    pub(super) partitions: BTreeMap<String, Arc<Partition>>,
    pub(super) now_ms: u64,
}

impl Around {
    pub(super) fn of(member: &Member) -> Self {
        let now_ms = member.now_ms();
        let def_mem = |cluster: &Cluster| {
            let settings = cluster.config().map(|config| &config.settings);
            settings.map_or((0, 0), |it| (it.def_mem_per_node_mib, it.def_mem_per_cpu_mib))
        };
        let (def_mem, partitions) = member
            .core
            .read(|cluster| (def_mem(cluster), cluster.partitions().map(|it| (it.name.clone(), it.clone())).collect()));
        Self { def_mem, nodes: nodes(member), partitions, now_ms }
    }
}

/// Every node, some under each lock.
pub(super) fn nodes(member: &Member) -> Nodes {
    let mut nodes = Nodes::new();
    loop {
        let from = nodes.last_key_value().map_or(0, |(index, _)| index + 1);
        let part = member.core.take(|cluster| cluster.nodes_from(from).take(PART_RECORDS).cloned().collect());
        let is_last = part.len() < PART_RECORDS;
        nodes.extend(part.into_iter().map(|node| (node.index(), node)));
        if is_last {
            return nodes;
        }
    }
}

/// Living and recently ended jobs.
pub(crate) async fn jobs(member: &Member, sight: Sight, asked: &ListJobs) -> Result<Encoded, Refusal> {
    let index = member.core.applied();
    let records = walk::records(member, &asked.targets, &asked.users).await;
    let around = Around::of(member);
    let rows_max = if asked.max_rows == 0 { usize::MAX } else { asked.max_rows as usize };
    let rows_max = if asked.one_row_a_task { rows_max.min(TASK_ROWS_MAX) } else { rows_max };
    let mut rows = Rows::default();
    for job in records.iter().filter(|job| sight.shows(job.spec().uid)) {
        let whole = if asked.brief { brief::info(&around, job) } else { info(&around, job) };
        if asked.one_row_a_task && job.is_array() {
            for task in array::tasks(&job.row.pending_tasks).take(rows_max - rows.count()) {
                rows.push(&of_task(&whole, task)).await?;
            }
        } else if rows.count() < rows_max {
            rows.push(&whole).await?;
        }
        if rows.count() >= rows_max {
            break;
        }
    }
    let rest = JobList { index, now_ms: around.now_ms, ..JobList::default() };
    rows.finish(reply::Body::Jobs(rest))
}

/// An array's own record as it stands for one task that has none (`squeue -r`).
fn of_task(whole: &JobInfo, task: u32) -> JobInfo {
    let row = whole.row.clone().map(|row| JobRow { array_task: Some(task), pending_tasks: Vec::new(), ..row });
    JobInfo { row, array_pending: String::new(), ..whole.clone() }
}

/// One job.
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

fn batch_host(nodes: &Nodes, job: &Job, attempt: Option<&Attempt>) -> String {
    let first = attempt.filter(|_| job.kind() == JobKind::Batch).and_then(|it| allocation::shares(it).next());
    first.map(|share| allocation::name(nodes, share.node).to_owned()).unwrap_or_default()
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
    let ids: Vec<u32> = array::tasks(&job.row.pending_tasks).take(TASK_ROWS_MAX).collect();
    let limit = if job.row.array_limit == 0 { String::new() } else { format!("%{}", job.row.array_limit) };
    format!("[{}{limit}]", print_ids(&ids, 0))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

    #[test]
    fn elapsed_time_has_no_suspensions_in_it() {
        let attempt = Attempt { start_ms: 1_000, suspended_ms: 300, suspended_since_ms: 2_000, ..Attempt::default() };
        assert_eq!(run_ms(&attempt, 0, 3_000), 700);
        let ended = Attempt { end_ms: 2_500, suspended_since_ms: 0, ..attempt };
        assert_eq!(run_ms(&ended, 2_500, 9_000), 1_200);
    }
}

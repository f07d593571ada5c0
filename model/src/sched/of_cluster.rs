//! Reading a view out of the cluster.

use std::collections::BTreeMap;

use muster_proto::durable::{JobSpec, Sharing};

use super::eligible::UNLIMITED_S;
use super::licences::LicencesFree;
use super::limits::Limits;
use super::site::{Site, SiteNode};
use super::view::{DependsOn, Job, Running, Shape, Shapes, Shown, View};
use crate::cluster::licences;
use crate::cluster::{
    Cluster, DependencyState, Job as Record, Node, NodeFree, NodeTotal, is_ending, node_is_over, shares,
};

/// What is being ended is taken to be gone after that: how long it really takes nobody knows.
const ENDING_MS: u64 = 30_000;

/// Of each shape a pass looks at so many jobs in any case.
const JOBS_OF_SHAPE_MIN: usize = 2;

impl Site {
    /// Of the configuration in force and the rows of nodes; without a configuration it is empty.
    pub fn of(cluster: &Cluster) -> Self {
        let Some(config) = cluster.config() else { return Self::default() };
        let nodes = cluster.nodes().filter(|node| !node.row.removed).map(|node| {
            let site_node =
                SiteNode { index: node.index(), name: node.name().to_owned(), class: 0, weight: node.weight() };
            (site_node, total_for_jobs(node), node.active_features())
        });
        let partitions = cluster.partitions().map(|partition| (**partition).clone());
        Self::new(config, nodes, partitions)
    }
}

impl View {
    /// Of the cluster as it is after the entry `index` of the log.
    pub fn of(cluster: &Cluster, index: u64) -> Self {
        Self::within(cluster, index, &Limits::default())
    }

    /// The same, for a pass within `limits`.
    pub fn within(cluster: &Cluster, index: u64, limits: &Limits) -> Self {
        let site = cluster.site();
        let mut shapes = Shapes::default();
        let tier = |shape: &Shape| {
            let partitions = shape.partitions.iter().filter_map(|name| site.partitions.get(name));
            partitions.map(|partition| partition.rules.priority_tier).max().unwrap_or(0)
        };
        let waiting = cluster.first_waiting(tier, limits.jobs_seen_max(), JOBS_OF_SHAPE_MIN);
        let jobs = waiting.jobs.iter().map(|job| pending(cluster, job, &mut shapes)).collect();
        let node = |slot: &SiteNode| cluster.node(slot.index);
        Self {
            index,
            now_ms: cluster.now_ms(),
            free: site.nodes.iter().map(|slot| node(slot).map(|n| free_for_jobs(n)).unwrap_or_default()).collect(),
            usable: site.nodes.iter().map(|slot| node(slot).is_some_and(|n| n.is_usable())).collect(),
            licences: licences_free(&site, cluster),
            jobs,
            more: waiting.more,
            shapes: shapes.into_list(),
            running: cluster.active_jobs().filter_map(|job| running(cluster, &site, job)).collect(),
            site,
        }
    }
}

/// Without specialised cores, the highest ones of the node.
fn total_for_jobs(node: &Node) -> NodeTotal {
    let total = node.total();
    let kept = node.line.spec_cores.min(total.cores.saturating_sub(1));
    let cores = total.cores - kept;
    NodeTotal { cores, cpus: cores * total.cpus_per_core(), ..total.clone() }
}

fn free_for_jobs(node: &Node) -> NodeFree {
    let mut free = node.free.clone();
    let total = node.total();
    (total_for_jobs(node).cores..total.cores).for_each(|core| free.cores.remove(core));
    free
}

fn licences_free(site: &Site, cluster: &Cluster) -> LicencesFree {
    let used = cluster.licences_used();
    let free =
        |(name, total): (&String, &u64)| (name.clone(), total.saturating_sub(used.get(name).copied().unwrap_or(0)));
    LicencesFree(site.licences.iter().map(free).collect::<BTreeMap<_, _>>())
}

impl Shape {
    /// Of a job as accepted.
    pub fn of(spec: &JobSpec) -> Self {
        let names = spec.partitions.split(',').map(str::trim).filter(|name| !name.is_empty());
        let partitions = names.map(String::from).collect();
        let groups = std::iter::once(&spec.group_name).chain(&spec.group_names);
        Self {
            request: spec.request.clone().unwrap_or_default(),
            groups: groups.cloned().collect(),
            partitions,
            time_limit_s: spec.time_limit_s,
            account: spec.account.clone(),
            qos: spec.qos.clone(),
            user: spec.uid,
        }
    }
}

fn pending(cluster: &Cluster, job: &Record, shapes: &mut Shapes) -> Job {
    let row = &job.row;
    Job {
        uid: row.uid,
        priority: row.priority,
        shape: shapes.place(job.asked().shape_number, &job.asked().shape),
        held: job.is_held(),
        depends_on: match cluster.dependency_state(job) {
            DependencyState::Met => DependsOn::Met,
            DependencyState::Waits => DependsOn::Waits,
            DependencyState::Never => DependsOn::Never,
        },
        begin_ms: job.begin_ms(),
        deadline_ms: job.spec().deadline_ms,
        tasks: job.is_array().then(|| row.pending_tasks.clone()),
        array_room: match row.array_limit {
            0 => u32::MAX,
            limit => limit.saturating_sub(cluster.array_running(row.array_job_id)),
        },
        shown: Shown {
            reason: row.reason,
            detail: row.reason_detail.clone(),
            estimated_start_ms: row.estimated_start_ms,
            estimated_nodes: row.estimated_nodes.clone(),
        },
    }
}

fn running(cluster: &Cluster, site: &Site, job: &Record) -> Option<Running> {
    let attempt = job.live_attempt()?;
    let request = job.request();
    let taken = shares(attempt).filter(|(node, _)| !node_is_over(node));
    let limit_s = job.time_limit_s().unwrap_or(UNLIMITED_S);
    let since_ms = if attempt.start_ms == 0 { attempt.placed_ms } else { attempt.start_ms };
    let limit_ends_ms = since_ms.saturating_add(u64::from(limit_s) * 1_000).saturating_add(attempt.suspended_ms);
    let ending = is_ending(attempt) || attempt.end_ms != 0;
    Some(Running {
        uid: job.uid(),
        partition: attempt.allocation.as_ref().map(|a| a.partition.clone()).unwrap_or_default(),
        user: job.spec().uid,
        user_exclusive: request.sharing() == Sharing::User,
        end_ms: if ending { cluster.now_ms() + ENDING_MS } else { limit_ends_ms },
        shares: taken.filter_map(|(_, share)| Some((site.slot_of(share.node)?, share.clone()))).collect(),
        // Licences come back with the end of the work, before the nodes do.
        licences: if ending { Vec::new() } else { licences::parse(&request.licenses).into_iter().collect() },
    })
}

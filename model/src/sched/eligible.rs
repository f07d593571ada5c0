//! Why a job may not start yet, whatever is free.

use muster_dialect::state::{PartitionState, Reason};

use super::memory_limit::exceeds_node_limit;
use super::site::{Site, SitePartition};
use super::view::{DependsOn, Job, Shape};
use crate::cluster::UNLIMITED;

/// What "unlimited" means where a time profile needs an end: Slurm's 365 days.
pub(super) const UNLIMITED_S: u32 = 365 * 24 * 3600;

/// What of the job itself holds it back. `None`: nothing. A hold is not asked here: who held the job said why.
pub(super) fn job_waits(job: &Job, now_ms: u64) -> Option<Reason> {
    match job.depends_on {
        DependsOn::Never => return Some(Reason::DependencyNeverSatisfied),
        DependsOn::Waits => return Some(Reason::Dependency),
        DependsOn::Met => {}
    }
    if job.begin_ms > now_ms {
        return Some(Reason::BeginTime);
    }
    if job.deadline_ms != 0 && job.deadline_ms <= now_ms {
        return Some(Reason::Deadline);
    }
    (job.array_room == 0).then_some(Reason::JobArrayTaskLimit)
}

/// What of the partition holds such a job back. `None`: nothing.
pub(super) fn partition_refuses(shape: &Shape, partition: &SitePartition, site: &Site) -> Option<Reason> {
    let rules = &partition.rules;
    match rules.state {
        PartitionState::Down => return Some(Reason::PartitionDown),
        PartitionState::Inactive => return Some(Reason::PartitionInactive),
        PartitionState::Up | PartitionState::Drain => {}
    }
    if !admits_user(shape, partition) {
        return Some(Reason::PartitionConfig);
    }
    let within = |allowed: &Option<Vec<String>>, denied: &[String], name: &String| {
        allowed.as_ref().is_none_or(|names| names.contains(name)) && !denied.contains(name)
    };
    if !within(&rules.allow_accounts, &rules.deny_accounts, &shape.account) {
        return Some(Reason::AccountNotAllowed);
    }
    if !within(&rules.allow_qos, &rules.deny_qos, &shape.qos) {
        return Some(Reason::QosNotAllowed);
    }
    if !shape.request.reservation.is_empty() || rules.requires_reservation {
        return Some(Reason::Reservation);
    }
    if rules.max_time_s.is_some_and(|max| shape.time_limit_s.is_some_and(|limit| limit > max)) {
        return Some(Reason::PartitionTimeLimit);
    }
    let memory = || exceeds_node_limit(&shape.request, partition, site).then_some(Reason::PartitionConfig);
    node_limit(shape, partition).or_else(|| cpu_limit(shape, partition)).or_else(memory)
}

/// `RootOnly`, `DisableRootJobs` and `AllowGroups`, which may have changed since the job was accepted.
fn admits_user(shape: &Shape, partition: &SitePartition) -> bool {
    let rules = &partition.rules;
    if shape.user == 0 {
        return !rules.disable_root_jobs;
    }
    let member = |groups: &Vec<String>| groups.iter().any(|group| shape.groups.contains(group));
    !rules.root_only && rules.allow_groups.as_ref().is_none_or(member)
}

fn node_limit(shape: &Shape, partition: &SitePartition) -> Option<Reason> {
    let (rules, request) = (&partition.rules, &shape.request);
    let least = request.min_nodes.max(1);
    let most = if request.max_nodes == 0 { u32::MAX } else { request.max_nodes };
    let beyond =
        least > rules.max_nodes.unwrap_or(u32::MAX) || most < rules.min_nodes || least as usize > partition.slots.len();
    beyond.then_some(Reason::PartitionNodeLimit)
}

fn cpu_limit(shape: &Shape, partition: &SitePartition) -> Option<Reason> {
    let request = &shape.request;
    if request.overcommit {
        return None;
    }
    let cpus = u64::from(request.ntasks.max(1)) * u64::from(request.cpus_per_task.max(1));
    (cpus > partition.cpus).then_some(Reason::PartitionConfig)
}

/// Time limit in that partition, in seconds: the job's own, else the partition's default, else its maximum.
pub(super) fn time_limit_s(shape: &Shape, partition: &SitePartition) -> u32 {
    let rules = &partition.rules;
    let limit = shape.time_limit_s.or(rules.default_time_s).or(rules.max_time_s);
    limit.filter(|&limit| limit != UNLIMITED).unwrap_or(UNLIMITED_S).max(1)
}

//! Which partitions a job may ask for, and whether it can ever run there.

use std::sync::Arc;

use muster_dialect::errno;
use muster_dialect::state::PartitionState;
use muster_proto::durable::JobSpec;

use super::config::{EnforceLimits, Partition, Settings};
use super::job::UNLIMITED;
use super::ruling::Refusal;
use super::state::Cluster;
use crate::sched::exceeds_node_limit;

impl Cluster {
    pub(super) fn settings(&self) -> Option<&Settings> {
        self.config().map(|in_force| &in_force.settings)
    }

    /// The partitions that a spec names, or the default one, which is then written into it.
    pub(super) fn choose_partitions(&self, spec: &mut JobSpec) -> Result<Vec<Arc<Partition>>, Refusal> {
        if spec.partitions.is_empty() {
            let default = self.default_partition().ok_or(errno::ESLURM_DEFAULT_PARTITION_NOT_SET)?;
            spec.partitions.clone_from(&default.name);
            return Ok(vec![default.clone()]);
        }
        let find = |name: &str| self.partition(name).cloned().ok_or(errno::ESLURM_INVALID_PARTITION_NAME.into());
        spec.partitions.split(',').map(find).collect()
    }

    /// Access, state and limits of each partition; gives the job its time limit.
    pub(super) fn check_partitions(&self, spec: &mut JobSpec, partitions: &[Arc<Partition>]) -> Result<(), Refusal> {
        for partition in partitions {
            check_access(spec, partition)?;
            if !partition.state.accepts_jobs() {
                return Err(errno::ESLURM_PARTITION_NOT_AVAIL.into());
            }
            if spec.immediate && partition.state == PartitionState::Down {
                return Err(errno::ESLURM_PARTITION_DOWN.into());
            }
        }
        if spec.time_limit_s.is_none() {
            spec.time_limit_s = partitions.first().map(|partition| Self::default_time_limit_s(partition));
        }
        let limit = spec.time_limit_s.filter(|&limit| limit != UNLIMITED);
        if limit.is_some_and(|limit| spec.time_min_s > limit) {
            return Err(errno::ESLURM_INVALID_TIME_MIN_LIMIT.into());
        }
        self.check_limits(spec, partitions)
    }

    /// `EnforcePartLimits`.
    fn check_limits(&self, spec: &JobSpec, partitions: &[Arc<Partition>]) -> Result<(), Refusal> {
        let enforce = self.settings().map_or(EnforceLimits::No, |settings| settings.enforce_part_limits);
        let verdicts: Vec<Result<(), Refusal>> =
            partitions.iter().map(|partition| self.check_limits_of(spec, partition)).collect();
        let first_error = || verdicts.iter().find_map(|verdict| verdict.clone().err());
        match enforce {
            EnforceLimits::No => Ok(()),
            EnforceLimits::Any if verdicts.iter().any(Result::is_ok) => Ok(()),
            EnforceLimits::Any | EnforceLimits::All => first_error().map_or(Ok(()), Err),
        }
    }

    fn check_limits_of(&self, spec: &JobSpec, partition: &Partition) -> Result<(), Refusal> {
        let limit = spec.time_limit_s.filter(|&limit| limit != UNLIMITED);
        if !partition.allows_time(limit) {
            return Err(errno::ESLURM_INVALID_TIME_LIMIT.into());
        }
        let request = spec.request.as_ref();
        let min_nodes = request.map_or(1, |request| request.min_nodes);
        let nodes = partition.nodes.len() as u32;
        if partition.max_nodes.is_some_and(|max| min_nodes > max) || min_nodes > nodes {
            return Err(errno::ESLURM_INVALID_NODE_COUNT.into());
        }
        let cpus = self.site().partitions.get(&partition.name).map_or(0, |known| known.cpus);
        let wanted = request.map_or(1, |r| u64::from(r.ntasks) * u64::from(r.cpus_per_task));
        if request.is_some_and(|request| !request.overcommit) && wanted > cpus {
            return Err(errno::ESLURM_TOO_MANY_REQUESTED_CPUS.into());
        }
        let site = self.site();
        let known = site.partitions.get(&partition.name);
        if known.zip(request).is_some_and(|(known, request)| exceeds_node_limit(request, known, &site)) {
            return Err(errno::ESLURM_INVALID_TASK_MEMORY.into());
        }
        Ok(())
    }
}

/// Whether the user may use a partition at all.
pub(super) fn check_access(spec: &JobSpec, partition: &Partition) -> Result<(), Refusal> {
    let is_root = spec.uid == 0;
    if partition.root_only && !is_root {
        return Err(errno::ESLURM_ACCESS_DENIED.into());
    }
    if partition.disable_root_jobs && is_root {
        return Err(errno::ESLURM_ACCESS_DENIED.into());
    }
    if let Some(groups) = partition.allow_groups.as_ref().filter(|_| !is_root) {
        let member = groups.iter().any(|group| *group == spec.group_name || spec.group_names.contains(group));
        if !member {
            return Err(errno::ESLURM_JOB_MISSING_REQUIRED_PARTITION_GROUP.into());
        }
    }
    let allowed = partition.allow_accounts.as_ref().is_none_or(|accounts| accounts.contains(&spec.account));
    if !allowed || partition.deny_accounts.contains(&spec.account) {
        return Err(errno::ESLURM_INVALID_ACCOUNT.into());
    }
    let allowed = partition.allow_qos.as_ref().is_none_or(|qos| qos.contains(&spec.qos));
    if !allowed || partition.deny_qos.contains(&spec.qos) {
        return Err(errno::ESLURM_INVALID_QOS.into());
    }
    Ok(())
}

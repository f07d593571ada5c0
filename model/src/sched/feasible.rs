//! Whether a job can ever run on the configuration: asked at submit.
//!
//! Limits of a partition (node count, processors in all, time) are not asked here: unless `EnforcePartLimits` says otherwise
//! Slurm lets such a job wait. A site that is down is no matter either.

use muster_dialect::errno::{self, SlurmError};
use muster_dialect::hostlist;
use muster_dialect::state::Reason;
use muster_proto::durable::{JobSpec, Request};
use thiserror::Error;

use super::ask::{Ask, Memory};
use super::candidates;
use super::eligible;
use super::features::{FeatureError, Features};
use super::fit::Fit;
use super::gres;
use super::layout::{self, Candidate};
use super::licences;
use super::site::{Site, SitePartition};
use super::view::Shape;

/// Why a job can never run.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Infeasible {
    /// No set of nodes of its partitions has what it asks for.
    #[error("Requested node configuration is not available")]
    NodeConfig,
    /// The same: no node has as many processors as one task needs.
    #[error("CPU count per node can not be satisfied")]
    Cpus,
    /// The same, and memory alone is the cause: Slurm says `Memory specification can not be satisfied` first.
    #[error("Memory specification can not be satisfied")]
    Memory,
    /// `--constraint` is no expression, or names a feature that no node has.
    #[error("Invalid feature specification")]
    Feature,
    /// Node counts and matching sets in `--constraint`.
    #[error("feature counts and matching sets: not supported by this version")]
    FeatureUnsupported,
    /// A device that no node has.
    #[error("Invalid generic resource (gres) specification")]
    Gres,
    /// A licence that the configuration does not have, or not as many.
    #[error("Invalid license specification")]
    Licence,
    /// `-w` or `-x` names a node that does not exist.
    #[error("Invalid node name specified")]
    NodeName,
    /// `-w` names nodes of other partitions.
    #[error("Requested nodes not in this partition")]
    NodesNotInPartition,
    /// No such partition.
    #[error("Invalid partition name specified")]
    Partition,
}

impl Infeasible {
    /// Slurm's number.
    pub fn errno(self) -> SlurmError {
        match self {
            Infeasible::NodeConfig | Infeasible::Cpus | Infeasible::Memory => {
                errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE
            }
            Infeasible::Feature | Infeasible::FeatureUnsupported => errno::ESLURM_INVALID_FEATURE,
            Infeasible::Gres => errno::ESLURM_INVALID_GRES,
            Infeasible::Licence => errno::ESLURM_INVALID_LICENSES,
            Infeasible::NodeName => errno::ESLURM_INVALID_NODE_NAME,
            Infeasible::NodesNotInPartition => errno::ESLURM_REQUESTED_NODES_NOT_IN_PARTITION,
            Infeasible::Partition => errno::ESLURM_INVALID_PARTITION_NAME,
        }
    }
}

/// `Ok` if the job could run in one of its partitions, were all nodes idle and up.
pub fn feasible(site: &Site, spec: &JobSpec) -> Result<(), Infeasible> {
    let shape = Shape::of(spec);
    check_names(site, &shape.request)?;
    let mut first_error = None;
    for name in &shape.partitions {
        let partition = site.partitions.get(name).ok_or(Infeasible::Partition)?;
        match feasible_in(site, &shape, partition) {
            Ok(()) => return Ok(()),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Everything that the request names exists.
fn check_names(site: &Site, request: &Request) -> Result<(), Infeasible> {
    for list in [&request.required_nodes, &request.excluded_nodes] {
        let names =
            if list.is_empty() { Vec::new() } else { hostlist::parse(list).map_err(|_| Infeasible::NodeName)? };
        if names.iter().any(|name| !site.slots.contains_key(name)) {
            return Err(Infeasible::NodeName);
        }
    }
    let features = Features::parse(&request.features).map_err(|error| match error {
        FeatureError::Syntax(_) => Infeasible::Feature,
        FeatureError::Unsupported => Infeasible::FeatureUnsupported,
    })?;
    let known = |name: &&str| site.classes.iter().any(|class| class.features.iter().any(|f| f == name));
    if !features.names().iter().all(known) {
        return Err(Infeasible::Feature);
    }
    let asked = [&request.tres_per_node, &request.tres_per_job, &request.tres_per_task, &request.tres_per_socket];
    for text in asked {
        for ask in gres::parse(text).map_err(|_| Infeasible::Gres)? {
            let has = |class: &super::classes::Class| class.total.gres.keys().any(|kind| kind.name == ask.name);
            if !site.classes.iter().any(has) {
                return Err(Infeasible::Gres);
            }
        }
    }
    let licences = licences::parse(&request.licenses).ok_or(Infeasible::Licence)?;
    let enough = |(name, count): &(String, u64)| site.licences.get(name).is_some_and(|total| total >= count);
    if licences.iter().all(enough) { Ok(()) } else { Err(Infeasible::Licence) }
}

fn feasible_in(site: &Site, shape: &Shape, partition: &SitePartition) -> Result<(), Infeasible> {
    let (task, node) = (shape.request.cpus_per_task, shape.request.min_cpus_per_node);
    if !has_wide_node(site, node, partition) {
        return Err(Infeasible::Cpus);
    }
    let waits = eligible::partition_refuses(shape, partition, site);
    if matches!(waits, Some(Reason::PartitionNodeLimit | Reason::PartitionConfig)) {
        return Ok(());
    }
    if !has_wide_node(site, task, partition) {
        return Err(Infeasible::Cpus);
    }
    let ask = Ask::of(&shape.request, partition, site).map_err(|_| Infeasible::NodeConfig)?;
    if !ask.required.iter().all(|slot| partition.slots.contains(slot)) {
        return Err(Infeasible::NodesNotInPartition);
    }
    if has_room(site, partition, &ask) {
        return Ok(());
    }
    let without_memory = Ask { memory: Memory::PerNode(0), mem_per_gres_mib: 0, ..ask };
    Err(if has_room(site, partition, &without_memory) { Infeasible::Memory } else { Infeasible::NodeConfig })
}

/// Whether a node of the partition has so many processors: else waiting would not help.
fn has_wide_node(site: &Site, least: u32, partition: &SitePartition) -> bool {
    let mut classes = partition.classes.keys().filter_map(|class| site.classes.get(*class as usize));
    partition.classes.is_empty() || classes.any(|class| class.total.cpus >= least)
}

fn has_room(site: &Site, partition: &SitePartition, ask: &Ask) -> bool {
    let fits = candidates::class_fits(ask, site);
    let named = !ask.required.is_empty() || !ask.excluded.is_empty() || ask.contiguous;
    let nodes =
        if named { candidates::idle_candidates(ask, site, partition, &fits) } else { by_class(partition, ask, &fits) };
    layout::choose(ask, &nodes).is_some()
}

/// As many nodes of each class as could matter, whichever they are.
fn by_class(partition: &SitePartition, ask: &Ask, fits: &[Option<Fit>]) -> Vec<Candidate> {
    let matter = ask.max_nodes.max(ask.tasks);
    let of_class = |(&class, &count): (&u32, &u32)| {
        let fit = fits[class as usize]?;
        Some(std::iter::repeat_n(fit, count.min(matter) as usize))
    };
    (0..).zip(partition.classes.iter().filter_map(of_class).flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::testing::{self, GOLDEN, World};

    fn asked(flags: &str) -> Result<(), Infeasible> {
        let site = World::of(GOLDEN, &["short Nodes=n[1-2]"]).view.site;
        let shape = testing::shape(flags);
        let partitions = shape.partitions.join(",");
        feasible(&site, &JobSpec { request: Some(shape.request), partitions, ..JobSpec::default() })
    }

    #[test]
    fn what_slurm_refused_is_refused() {
        assert_eq!(asked("-N1 -n5"), Err(Infeasible::NodeConfig));
        assert_eq!(asked("-c5"), Err(Infeasible::Cpus));
        assert_eq!(asked("--mem=99999"), Err(Infeasible::Memory));
        assert_eq!(asked("--gres=nosuch:1"), Err(Infeasible::Gres));
        assert_eq!(asked("--gres=gpu:3 -N1"), Err(Infeasible::NodeConfig));
        assert_eq!(asked("-L nosuch:1"), Err(Infeasible::Licence));
        assert_eq!(asked("-w n9"), Err(Infeasible::NodeName));
        assert_eq!(asked("-w n3 -p short"), Err(Infeasible::NodesNotInPartition));
        assert_eq!(asked("-C nosuch"), Err(Infeasible::Feature));
        assert_eq!(asked("-C fast*2"), Err(Infeasible::FeatureUnsupported));
        assert_eq!(asked("-N3 -C fast"), Err(Infeasible::NodeConfig));
        assert_eq!(asked("-p nosuch"), Err(Infeasible::Partition));
    }

    #[test]
    fn what_slurm_let_wait_is_accepted() {
        assert_eq!(asked("-N9"), Ok(()));
        assert_eq!(asked("-N1 -n99"), Ok(()));
        assert_eq!(asked("-n16"), Ok(()));
        // More than the partition has in all: it waits for a larger partition.
        assert_eq!(asked("-c99"), Ok(()));
        assert_eq!(asked("-N2 --gres=gpu:2"), Ok(()));
        assert_eq!(asked("-N3 -p short,debug"), Ok(()));
        assert_eq!(asked("-x n1 -w n2"), Ok(()));
    }
}

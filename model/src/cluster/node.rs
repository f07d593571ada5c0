//! A node's record, its configuration, and what of it is free.

use std::collections::BTreeMap;

use muster_proto::durable::{NodeBase, NodeRow, NodeShare};

use super::config::NodeLine;
use super::resources::{NodeFree, NodeTotal};

/// Superseded boot ids that a node's record keeps.
pub(super) const SUPERSEDED_BOOTS_MAX: usize = 16;

/// One node. The row is replicated; the rest follows from the configuration in force and from the live attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// As stored.
    pub row: NodeRow,
    /// Its line of the configuration in force; the last one known when it was removed.
    pub line: NodeLine,
    /// What is not promised to any live attempt.
    pub free: NodeFree,
    /// Live shares by job uid: promised, and neither released nor proven over.
    pub shares: BTreeMap<u64, NodeShare>,
}

impl Node {
    /// Never reused.
    pub fn index(&self) -> u32 {
        self.row.node
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.row.name
    }

    /// What it has.
    pub fn total(&self) -> &NodeTotal {
        &self.line.total
    }

    /// Whether new work may be placed on it: registered, up, responding, not drained, failing, being fenced
    /// or removed.
    pub fn is_usable(&self) -> bool {
        let row = &self.row;
        row.epoch != 0
            && row.base() == NodeBase::Up
            && !(row.drain || row.fail || row.maint || row.not_responding || row.removed || row.fencing)
    }

    /// Whether orders can reach it: it has registered, and is not known to be silent.
    pub fn is_reachable(&self) -> bool {
        self.row.epoch != 0 && !self.row.boot_id.is_empty() && !self.row.not_responding
    }

    /// Scheduling weight.
    pub fn weight(&self) -> u32 {
        self.row.weight.unwrap_or(self.line.weight)
    }

    /// Features that it has, comma separated.
    pub fn features(&self) -> &str {
        self.row.features.as_deref().unwrap_or(&self.line.features)
    }

    /// Features that are active, comma separated.
    pub fn active_features(&self) -> &str {
        self.row.active_features.as_deref().unwrap_or_else(|| self.features())
    }

    /// Processors that are promised.
    pub fn allocated_cpus(&self) -> u32 {
        let cpus: u32 = self.shares.values().map(|share| share.cpus).sum();
        cpus.min(self.total().cpus)
    }

    /// Memory that is promised, in MiB.
    pub fn allocated_mem_mib(&self) -> u64 {
        self.shares.values().map(|share| share.mem_mib).sum()
    }
}

/// A boot that has ended; of very old ones nobody asks any more.
pub(super) fn supersede(boots: &mut Vec<String>, boot_id: &str) {
    boots.push(boot_id.to_owned());
    if boots.len() > SUPERSEDED_BOOTS_MAX {
        boots.remove(0);
    }
}

/// Why a node is down or drained is over.
pub(super) fn clear_reason(row: &mut NodeRow) {
    row.reason.clear();
    row.reason_uid = 0;
    row.reason_ms = 0;
    row.drain_auto.clear();
}

//! `FoundCluster`, `ApplyConfig`, `RaiseFeatureLevel`: what the cluster is, and which configuration is in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_dialect::conf::{ConfiguredState, Proof};
use muster_dialect::errno;
use muster_proto::durable::{Answer, ApplyConfig, ConfigFiles, ConfigRow, FoundCluster, NodeBase, NodeRow, Origin};

use super::changes::{Event, Table};
use super::config::{InForce, NodeLine};
use super::level::PROOF_LEVEL;
use super::node::Node;
use super::outcome::Outcome;
use super::resources::NodeFree;
use super::ruling::{Refusal, Ruling, done, require_admin};
use super::state::Cluster;

/// Configuration versions that are kept; older ones are dropped.
pub(super) const CONFIG_VERSIONS_MAX: usize = 64;
/// `PriorityType=priority/basic`: the first job's priority.
const PRIORITY_FIRST: u32 = 4_294_901_759;

impl Cluster {
    pub(super) fn found_cluster(&mut self, origin: &Origin, command: &FoundCluster) -> Ruling {
        require_admin(origin)?;
        if self.is_founded() {
            return Err(Refusal::new(errno::ESLURM_DISABLED, "the cluster exists"));
        }
        if command.cluster_id.len() != 16 || command.feature_level > self.understands() {
            return Err(Refusal::new(errno::ESLURM_NOT_SUPPORTED, "cluster id or feature level"));
        }
        let files = command.config.clone().unwrap_or_default();
        let in_force = parse(1, &files)?;
        let meta = &mut self.meta;
        meta.cluster_id = command.cluster_id.clone();
        meta.cluster_name = command.cluster_name.clone();
        meta.generation = command.generation;
        meta.feature_level = command.feature_level;
        meta.founded_ms = meta.cluster_ms;
        meta.next_uid = 1;
        meta.next_job_id = in_force.settings.first_job_id;
        meta.next_epoch = 1;
        meta.next_replica = 1;
        meta.next_signal = 1;
        meta.next_outbox = 1;
        meta.next_work = 1;
        meta.next_priority = PRIORITY_FIRST;
        self.put_in_force(in_force, origin.uid);
        Ok(Answer { version: 1, ..done() })
    }

    pub(super) fn apply_config(&mut self, origin: &Origin, command: &ApplyConfig) -> Ruling {
        require_admin(origin)?;
        let current = self.meta.config_version;
        if command.base_version != 0 && command.base_version != current {
            let message = format!("configuration {current} came in between");
            return Err(Refusal::new(errno::ESLURM_TRANSITION_STATE_NO_UPDATE, message));
        }
        let files = command.files.clone().unwrap_or_default();
        if self.config().is_some_and(|in_force| in_force.files == files) {
            return Ok(Answer { version: current, ..done() });
        }
        let in_force = parse(current + 1, &files)?;
        let newer = in_force.conf.fence.proof != Proof::Certain;
        if newer && self.meta.feature_level < PROOF_LEVEL {
            let why = format!("ProofOfDeath needs feature level {PROOF_LEVEL}: run \"muster upgrade status\"");
            return Err(Refusal::new(errno::ESLURM_NOT_SUPPORTED, why));
        }
        if in_force.settings.cluster_name != self.meta.cluster_name {
            return Err(Refusal::new(errno::ESLURM_INVALID_CLUSTER_NAME, "ClusterName does not change"));
        }
        self.put_in_force(in_force, origin.uid);
        Ok(Answer { version: current + 1, ..done() })
    }

    /// From the next entry on, commands of this level may come. Every replica has said that it carries them out; whoever is
    /// admitted later must too, and a program that cannot halts here. A level never falls.
    pub(super) fn raise_feature_level(&mut self, level: u32) -> Outcome {
        let now = self.meta.feature_level;
        if level < now {
            let why = format!("feature level {now} is in force already");
            return Refusal::new(errno::ESLURM_NOT_SUPPORTED, why).into();
        }
        let unable = self.replicas.values().filter(|row| !row.retired && row.feature_level < level);
        let unable: Vec<&str> = unable.map(|row| row.name.as_str()).collect();
        if !unable.is_empty() {
            let why = format!("feature level {level} is beyond {}: upgrade there first", unable.join(", "));
            return Refusal::new(errno::ESLURM_NOT_SUPPORTED, why).into();
        }
        if level > self.understands() {
            return Outcome::Halt(format!("feature level {level} is newer than this version"));
        }
        self.meta.feature_level = level;
        Outcome::Done(Answer { version: u64::from(level), ..done() })
    }

    fn put_in_force(&mut self, in_force: InForce, by_uid: u32) {
        let version = in_force.version;
        let row = ConfigRow { version, files: Some(in_force.files.clone()), applied_ms: self.now_ms(), by_uid };
        self.configs.insert(version, row);
        self.touch_config(version);
        while self.configs.len() > CONFIG_VERSIONS_MAX {
            if let Some((oldest, _)) = self.configs.pop_first() {
                self.touch_config(oldest);
            }
        }
        self.meta.config_version = version;
        self.config = Some(Arc::new(in_force));
        self.make_configured_nodes();
        self.give_nodes_their_lines();
        self.rebuild_partitions();
        self.events.push(Event::ConfigChanged { version });
        self.events.push(Event::ScheduleAgain);
    }

    fn touch_config(&mut self, version: u64) {
        self.ledger.touch(Table::Config, version.to_be_bytes().to_vec());
    }

    /// Makes rows for new nodes, in the order of the files, and marks those that left or came back.
    fn make_configured_nodes(&mut self) {
        let in_order: Vec<NodeLine> = self.config.iter().flat_map(|in_force| in_force.node_lines()).collect();
        for line in in_order {
            if self.node_names.contains_key(&line.name) {
                continue;
            }
            let index = self.meta.next_node;
            self.meta.next_node += 1;
            let row = self.first_row(index, &line);
            self.insert_node(Node { row, line, free: NodeFree::default(), shares: BTreeMap::new() });
        }
        let lines = self.node_lines();
        let all: Vec<(u32, bool)> = self
            .nodes
            .values()
            .map(|node| (node.index(), !lines.contains_key(node.name())))
            .filter(|(index, removed)| self.nodes[index].row.removed != *removed)
            .collect();
        for (index, removed) in all {
            self.edit_node(index, |row| row.removed = removed);
        }
    }

    fn first_row(&self, index: u32, line: &NodeLine) -> NodeRow {
        let state = line.state.unwrap_or(ConfiguredState::Unknown);
        let base = match state {
            ConfiguredState::Down => NodeBase::Down,
            ConfiguredState::Future => NodeBase::Future,
            ConfiguredState::Unknown | ConfiguredState::Cloud | ConfiguredState::Drain | ConfiguredState::Fail => {
                NodeBase::Unknown
            }
        };
        NodeRow {
            node: index,
            name: line.name.clone(),
            base: base.into(),
            drain: state == ConfiguredState::Drain,
            fail: state == ConfiguredState::Fail,
            reason: line.reason.clone(),
            reason_ms: if line.reason.is_empty() { 0 } else { self.now_ms() },
            ..NodeRow::default()
        }
    }

    fn node_lines(&self) -> BTreeMap<String, NodeLine> {
        let lines = self.config.iter().flat_map(|in_force| in_force.node_lines());
        lines.map(|line| (line.name.clone(), line)).collect()
    }

    /// Derived: what each node is by the configuration in force.
    pub(super) fn give_nodes_their_lines(&mut self) {
        let mut lines = self.node_lines();
        for shared in self.nodes.values_mut() {
            let node = Arc::make_mut(shared);
            if let Some(line) = lines.remove(&node.row.name) {
                node.line = line;
            } else {
                // Left the configuration. Not what it had: a replica that starts later does not know that either.
                node.line = NodeLine { name: node.row.name.clone(), ..NodeLine::default() };
            }
            node.free = NodeFree::beside(&node.line.total, node.shares.values());
        }
    }

    /// Derived: partitions with their overrides.
    pub(super) fn rebuild_partitions(&mut self) {
        self.site.take();
        let Some(in_force) = &self.config else { return };
        let index_of: BTreeMap<String, u32> = self
            .nodes
            .values()
            .filter(|node| !node.row.removed)
            .map(|node| (node.row.name.clone(), node.index()))
            .collect();
        let partitions = in_force.partitions(&index_of, &self.partition_rows);
        self.partitions = partitions.into_iter().map(|(name, partition)| (name, Arc::new(partition))).collect();
    }
}

fn parse(version: u64, files: &ConfigFiles) -> Result<InForce, Refusal> {
    // An error of the site's file: Slurm has no number for it that would say more than the message does.
    InForce::parse(version, files).map_err(|errors| Refusal::new(errno::SLURM_ERROR, errors.join("\n")))
}

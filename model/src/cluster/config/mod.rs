//! The configuration in force, as the state machine reads it: parsed once a version, on every replica alike.
//!
//! [`InForce`] holds the files of the version, the parsed configuration, and what apply and the scheduler need of it in plain
//! types. Partitions are what the files say with what `scontrol update partition` changed on top.

mod node_line;
mod overrides;
mod partition;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use muster_dialect::conf::{Config, Severity, Stored, parse};
use muster_proto::durable::{ConfigFiles, PartitionRow};

pub use node_line::NodeLine;
pub use partition::Partition;
pub use settings::{EnforceLimits, Settings};

/// One version of the configuration.
#[derive(Clone, Debug)]
pub struct InForce {
    /// Its number.
    pub version: u64,
    /// The texts; the first is slurm.conf.
    pub files: ConfigFiles,
    /// All of it, parsed.
    pub conf: Config,
    /// The settings that the model follows.
    pub settings: Settings,
}

impl InForce {
    /// `Err`: what is wrong, one line each.
    pub fn parse(version: u64, files: &ConfigFiles) -> Result<Self, Vec<String>> {
        let texts: Vec<(String, String)> =
            files.files.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
        let Some((root, _)) = texts.first() else { return Err(vec!["no configuration file".to_owned()]) };
        let parsed = parse(&Stored(&texts), root);
        let Some(conf) = parsed.config else {
            let errors = parsed.diagnostics.iter().filter(|finding| finding.severity == Severity::Error);
            return Err(errors.map(ToString::to_string).collect());
        };
        Ok(Self { version, files: files.clone(), settings: Settings::of(&conf), conf })
    }

    /// Nodes, in the order of the files.
    pub fn node_lines(&self) -> impl Iterator<Item = NodeLine> + '_ {
        self.conf.nodes.iter().map(NodeLine::of)
    }

    /// Partitions with their overrides; `index_of` gives the durable index of each configured node by name.
    pub(super) fn partitions(
        &self,
        index_of: &BTreeMap<String, u32>,
        rows: &BTreeMap<String, PartitionRow>,
    ) -> BTreeMap<String, Partition> {
        let mut all = BTreeMap::new();
        for (order, conf) in (0..).zip(&self.conf.partitions) {
            let names = self.conf.nodes_of(conf).map(|node| &node.name);
            let nodes: BTreeSet<u32> = names.filter_map(|name| index_of.get(name)).copied().collect();
            all.insert(conf.name.clone(), Partition::of(conf, order, nodes));
        }
        for row in rows.values() {
            if row.deleted {
                all.remove(&row.name);
                continue;
            }
            let order = all.len() as u32;
            if row.created {
                all.entry(row.name.clone()).or_insert_with(|| Partition::empty(&row.name, order));
            }
            if let Some(partition) = all.get_mut(&row.name) {
                // What was understood when it was set may name nodes that have left since: those are skipped.
                for (key, text) in &row.keys {
                    let _ = partition.lay_over(&BTreeMap::from([(key.clone(), text.clone())]), index_of);
                }
            }
        }
        all
    }
}

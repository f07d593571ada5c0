//! What of the cluster changes rarely: nodes, their makes, partitions and rules of selection.
//!
//! A [`Site`] depends on the configuration and on node rows, not on jobs, so it can be kept between passes and serves the
//! check at submit ([`super::feasible()`]).

use std::collections::BTreeMap;

use muster_dialect::conf::{Consumable, SelectType};
use muster_dialect::hostlist;

pub use super::classes::Class;
use super::classes::Classes;
use crate::cluster::config::{InForce, Partition};
use crate::cluster::resources::NodeTotal;

/// What an allocation is made of within a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// `CR_CPU`: whole cores are taken, requested processors are counted.
    Cpu,
    /// `CR_Core`
    #[default]
    Core,
    /// `CR_Socket`
    Socket,
    /// `select/linear`
    Node,
}

/// How resources are selected: `SelectType` and `SelectTypeParameters`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// What is taken of a node.
    pub unit: Unit,
    /// Whether memory is promised to one job only.
    pub memory: bool,
    /// `CR_LLN`: least loaded nodes first.
    pub least_loaded: bool,
    /// `CR_ONE_TASK_PER_CORE`
    pub one_task_per_core: bool,
}

impl Select {
    /// Of the configuration in force.
    pub fn of(config: &InForce) -> Self {
        let parameters = &config.conf.select_parameters;
        let unit = match (config.conf.select_type, parameters.consumable) {
            (SelectType::Linear, _) => Unit::Node,
            (SelectType::ConsTres, Consumable::Cpu) => Unit::Cpu,
            (SelectType::ConsTres, Consumable::Core) => Unit::Core,
            (SelectType::ConsTres, Consumable::Socket) => Unit::Socket,
        };
        Self {
            unit,
            memory: parameters.memory,
            least_loaded: parameters.least_loaded_nodes,
            one_task_per_core: parameters.one_task_per_core,
        }
    }
}

/// One node, as far as it does not change with jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteNode {
    /// As in durable rows.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its make: place in [`Site::classes`].
    pub class: u32,
    /// Lower first.
    pub weight: u32,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitePartition {
    /// Its rules.
    pub rules: Partition,
    /// Its nodes as places in [`Site::nodes`], by weight, then index.
    pub slots: Vec<u32>,
    /// How many of its nodes are of each class.
    pub classes: BTreeMap<u32, u32>,
    /// Processors of all its nodes.
    pub cpus: u64,
    /// Least processors of a node of it, and least memory in MiB.
    pub least_node: (u32, u64),
    /// Limits of memory in MiB, per node and per processor: its own, else the cluster's; 0: none.
    pub max_mem_mib: (u64, u64),
}

/// See the module. A *slot* is a place in `nodes`.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Rules of selection.
    pub select: Select,
    /// Cluster-wide defaults of memory in MiB, per node and per processor; 0: not set.
    pub def_mem_mib: (u64, u64),
    /// Likewise limits.
    pub max_mem_mib: (u64, u64),
    /// Makes of nodes.
    pub classes: Vec<Class>,
    /// By index.
    pub nodes: Vec<SiteNode>,
    /// By name.
    pub partitions: BTreeMap<String, SitePartition>,
    /// Licences that the configuration has.
    pub licences: BTreeMap<String, u64>,
    /// Slots by node name.
    pub slots: BTreeMap<String, u32>,
}

impl Site {
    /// `nodes` in index order, each with its resources and active features.
    pub fn new<'a>(
        config: &InForce,
        nodes: impl Iterator<Item = (SiteNode, NodeTotal, &'a str)>,
        partitions: impl Iterator<Item = Partition>,
    ) -> Self {
        let mut classes = Classes::default();
        let nodes: Vec<SiteNode> =
            nodes.map(|(node, total, features)| SiteNode { class: classes.of(&total, features), ..node }).collect();
        let settings = &config.settings;
        let mut site = Self {
            select: Select::of(config),
            def_mem_mib: (settings.def_mem_per_node_mib, settings.def_mem_per_cpu_mib),
            max_mem_mib: (settings.max_mem_per_node_mib, settings.max_mem_per_cpu_mib),
            classes: classes.into_list(),
            slots: (0..).zip(&nodes).map(|(slot, node)| (node.name.clone(), slot)).collect(),
            nodes,
            partitions: BTreeMap::new(),
            licences: settings.licenses.clone(),
        };
        for rules in partitions {
            site.add_partition(rules);
        }
        site
    }

    fn add_partition(&mut self, rules: Partition) {
        let mut slots: Vec<u32> = rules.nodes.iter().filter_map(|&index| self.slot_of(index)).collect();
        slots.sort_by_key(|&slot| (self.node(slot).weight, slot));
        let mut classes: BTreeMap<u32, u32> = BTreeMap::new();
        let mut cpus = 0;
        for &slot in &slots {
            *classes.entry(self.node(slot).class).or_default() += 1;
            cpus += u64::from(self.class(slot).total.cpus);
        }
        let totals = || slots.iter().map(|&slot| &self.class(slot).total);
        let least_cpus = totals().map(|total| total.cpus).min().unwrap_or(0);
        let least_mib = totals().map(|total| total.mem_mib).min().unwrap_or(0);
        let own = (rules.max_mem_per_node_mib, rules.max_mem_per_cpu_mib);
        let max_mem_mib = if own == (0, 0) { self.max_mem_mib } else { own };
        let least_node = (least_cpus, least_mib);
        let partition = SitePartition { slots, classes, cpus, least_node, max_mem_mib, rules };
        self.partitions.insert(partition.rules.name.clone(), partition);
    }

    /// The slot of a node by its durable index.
    pub fn slot_of(&self, index: u32) -> Option<u32> {
        self.nodes.binary_search_by_key(&index, |node| node.index).ok().map(|slot| slot as u32)
    }

    /// The node in `slot`.
    pub fn node(&self, slot: u32) -> &SiteNode {
        &self.nodes[slot as usize]
    }

    /// The make of the node in `slot`.
    pub fn class(&self, slot: u32) -> &Class {
        &self.classes[self.node(slot).class as usize]
    }

    /// Slots of a host list; `None` where it is no host list, or names a node that is not.
    pub fn slots_of(&self, hosts: &str) -> Option<Vec<u32>> {
        let names = if hosts.trim().is_empty() { Vec::new() } else { hostlist::parse(hosts).ok()? };
        let mut slots = names.iter().map(|name| self.slots.get(name).copied()).collect::<Option<Vec<u32>>>()?;
        slots.sort_unstable();
        slots.dedup();
        Some(slots)
    }

    /// Host list of slots.
    pub fn fold(&self, slots: impl IntoIterator<Item = u32>) -> String {
        let names: Vec<&str> = slots.into_iter().map(|slot| self.node(slot).name.as_str()).collect();
        if names.is_empty() { String::new() } else { hostlist::fold(&names) }
    }
}

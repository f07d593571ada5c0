//! What can only be checked with the whole configuration at hand.

use super::choices::{AccountingStorage, PriorityType, SelectType};
use super::config::Config;
use super::diagnostics::{Findings, Place};
use super::globals::Globals;
use crate::time::TimeLimit;

/// Places that are needed after the parts were put together.
pub(super) struct Places {
    /// Where what is missing from the file would stand.
    pub(super) top: Place,
    /// Of the partitions, in their order.
    pub(super) partitions: Vec<Place>,
    pub(super) settings: Vec<(&'static str, Place)>,
}

impl Places {
    pub(super) fn of(globals: &Globals, partitions: Vec<Place>, top: Place) -> Places {
        const CHECKED: [&str; 7] = [
            "AccountingStorageEnforce",
            "FirstJobId",
            "PreemptMode",
            "PriorityDecayHalfLife",
            "TopologyPlugin",
            "SchedulerParameters",
            "MaxArraySize",
        ];
        let settings = CHECKED.into_iter().map(|name| (name, globals.fields.place(name))).collect();
        Places { top, partitions, settings }
    }

    fn of_setting(&self, name: &str) -> Place {
        let found = self.settings.iter().find(|(known, place)| *known == name && place.line > 0);
        found.map_or(self.top, |(_, place)| *place)
    }
}

/// Reports what does not fit together, and settles what can be settled.
pub(super) fn check(config: &mut Config, places: &Places, findings: &mut Findings) {
    if config.nodes.is_empty() {
        findings.warn(places.top, "no NodeName line: the cluster has no nodes");
    }
    if config.partitions.is_empty() {
        findings.warn(places.top, "no PartitionName line: no job can be submitted");
    }
    check_globals(config, places, findings);
    check_partitions(config, places, findings);
    check_scheduler_numbers(config, places, findings);
}

fn check_globals(config: &Config, places: &Places, findings: &mut Findings) {
    // slurm.conf(5): "MaxArraySize … the maximum value is 4000001".
    const ARRAY_SIZE_MAX: u32 = 4_000_001;
    if config.max_array_size > ARRAY_SIZE_MAX {
        findings.error(places.of_setting("MaxArraySize"), format!("MaxArraySize cannot exceed {ARRAY_SIZE_MAX}"));
    }
    if config.first_job_id == 0 || config.max_job_id <= config.first_job_id {
        let (first, max) = (config.first_job_id, config.max_job_id);
        let message = format!("FirstJobId ({first}) must be at least 1 and below MaxJobId ({max})");
        findings.error(places.of_setting("FirstJobId"), message);
    }
    let enforced = config.settings.contains_key("AccountingStorageEnforce");
    let any = config.accounting_enforce != Default::default();
    if enforced && any && config.accounting_storage == AccountingStorage::None {
        let message =
            "You can not have AccountingStorageEnforce set for AccountingStorageType='accounting_storage/none'";
        findings.warn(places.of_setting("AccountingStorageEnforce"), message);
    }
    let has_mode = |mode: &str| config.preempt_mode.iter().any(|own| own == mode);
    if has_mode("SUSPEND") && !has_mode("GANG") {
        findings.error(places.of_setting("PreemptMode"), "PreemptMode=SUSPEND requires GANG too");
    }
    let never_resets = !config.settings.contains_key("PriorityUsageResetPeriod");
    let no_decay = config.priority.decay_half_life == TimeLimit::Minutes(0);
    if config.priority.priority_type == PriorityType::Multifactor && no_decay && never_resets {
        let message = "PriorityDecayHalfLife is 0 and PriorityUsageResetPeriod is not set: usage never falls";
        findings.warn(places.of_setting("PriorityDecayHalfLife"), message);
    }
    if config.topology_plugin == "topology/tree" && config.topology.is_empty() {
        findings.warn(places.of_setting("TopologyPlugin"), "topology.conf describes no switches");
    }
}

fn check_partitions(config: &mut Config, places: &Places, findings: &mut Findings) {
    let names: Vec<String> = config.partitions.iter().map(|partition| partition.name.clone()).collect();
    let linear = config.select_type == SelectType::Linear;
    let mut default: Option<usize> = None;
    for (index, partition) in config.partitions.iter_mut().enumerate() {
        let at = places.partitions.get(index).copied().unwrap_or(places.top);
        if let (true, Some(before)) = (partition.default, default) {
            findings.warn(at, format!("the default partition changes from {} to {}", names[before], partition.name));
        }
        if partition.default {
            default = Some(index);
        }
        if partition.nodes.is_empty() {
            findings.note(at, format!("partition {} has no nodes", partition.name));
        }
        if partition.max_nodes.is_some_and(|max| max < partition.min_nodes) {
            findings.error(at, format!("MaxNodes of partition {} is below its MinNodes", partition.name));
        }
        if partition.default_time.is_some_and(|time| time > partition.max_time) {
            let message = format!("DefaultTime of partition {} exceeds its MaxTime, which is used", partition.name);
            findings.warn(at, message);
            partition.default_time = Some(partition.max_time);
        }
        if let Some(alternate) = partition.alternate.as_ref().filter(|name| !names.contains(name)) {
            findings.error(at, format!("Alternate of partition {} names no partition: {alternate}", partition.name));
        }
        if linear && partition.select_type_parameters.take().is_some() {
            findings.warn(at, "SelectTypeParameters of a partition is ignored under select/linear");
        }
    }
    for (index, partition) in config.partitions.iter_mut().enumerate() {
        partition.default = default == Some(index);
    }
}

/// Options of SchedulerParameters that take a word.
const TAKE_WORDS: [&str; 2] = ["bf_hetjob_prio", "requeue_delay"];

fn check_scheduler_numbers(config: &mut Config, places: &Places, findings: &mut Findings) {
    let at = places.of_setting("SchedulerParameters");
    config.scheduler_parameters.retain(|name, value| {
        let good = value.is_empty() || TAKE_WORDS.contains(&name.as_str()) || value.parse::<u64>().is_ok();
        if !good {
            findings.warn(at, format!("SchedulerParameters {name}={value} is not a number: the default is used"));
        }
        good
    });
}

//! What `scontrol update partition` may change, and how each text is read.

use std::collections::{BTreeMap, BTreeSet};

use muster_dialect::errno::{self, SlurmError};
use muster_dialect::hostlist;
use muster_dialect::state::PartitionState;
use muster_dialect::time::parse_seconds;

use super::Partition;

impl Partition {
    /// Lays `keys` (in any case) over the partition. `Err`: the first that is not understood, with Slurm's error.
    pub(in crate::cluster) fn lay_over(
        &mut self,
        keys: &BTreeMap<String, String>,
        all_nodes: &BTreeMap<String, u32>,
    ) -> Result<(), (SlurmError, String)> {
        for (key, text) in keys {
            let lower = key.to_ascii_lowercase();
            self.change(&lower, text, all_nodes).map_err(|error| (error, format!("{key}={text}")))?;
            self.overrides.insert(lower, text.clone());
        }
        Ok(())
    }

    fn change(&mut self, key: &str, text: &str, all_nodes: &BTreeMap<String, u32>) -> Result<(), SlurmError> {
        match key {
            "state" => self.state = PartitionState::parse(text).ok_or(errno::ESLURM_INVALID_NODE_STATE)?,
            "nodes" => self.nodes = nodes(text, all_nodes)?,
            "default" => self.default = yes(text),
            "maxtime" => self.max_time_s = time(text)?,
            "defaulttime" => self.default_time_s = time(text)?,
            "minnodes" => self.min_nodes = number(text)?.unwrap_or(0),
            "maxnodes" => self.max_nodes = number(text)?,
            "maxcpuspernode" => self.max_cpus_per_node = number(text)?,
            "rootonly" => self.root_only = yes(text),
            "disablerootjobs" => self.disable_root_jobs = yes(text),
            "hidden" => self.hidden = yes(text),
            "lln" => self.least_loaded = yes(text),
            "reqresv" => self.requires_reservation = yes(text),
            "allowgroups" => self.allow_groups = names(text),
            "allowaccounts" => self.allow_accounts = names(text),
            "denyaccounts" => self.deny_accounts = names(text).unwrap_or_default(),
            "allowqos" => self.allow_qos = names(text),
            "denyqos" => self.deny_qos = names(text).unwrap_or_default(),
            "prioritytier" => self.priority_tier = number(text)?.unwrap_or(1),
            "priorityjobfactor" => self.priority_job_factor = number(text)?.unwrap_or(1),
            "oversubscribe" | "shared" => {
                self.oversubscribe = text.to_ascii_uppercase();
                self.whole_nodes = self.oversubscribe == "EXCLUSIVE";
            }
            "overtimelimit" => {
                self.over_time_limit_ms = Some(number(text)?.map(|minutes| u64::from(minutes) * 60_000));
            }
            "defmempernode" => self.def_mem_per_node_mib = number(text)?.map_or(0, u64::from),
            "defmempercpu" => self.def_mem_per_cpu_mib = number(text)?.map_or(0, u64::from),
            "maxmempernode" => self.max_mem_per_node_mib = number(text)?.map_or(0, u64::from),
            "maxmempercpu" => self.max_mem_per_cpu_mib = number(text)?.map_or(0, u64::from),
            _ => return Err(errno::ESLURM_NOT_SUPPORTED),
        }
        Ok(())
    }
}

fn yes(text: &str) -> bool {
    text.eq_ignore_ascii_case("yes")
}

fn nodes(text: &str, all_nodes: &BTreeMap<String, u32>) -> Result<BTreeSet<u32>, SlurmError> {
    if text.eq_ignore_ascii_case("ALL") {
        return Ok(all_nodes.values().copied().collect());
    }
    if text.is_empty() {
        return Ok(BTreeSet::new());
    }
    let names = hostlist::parse(text).map_err(|_| errno::ESLURM_INVALID_NODE_NAME)?;
    names.iter().map(|name| all_nodes.get(name).copied().ok_or(errno::ESLURM_INVALID_NODE_NAME)).collect()
}

fn time(text: &str) -> Result<Option<u32>, SlurmError> {
    if text.eq_ignore_ascii_case("NONE") {
        return Ok(None);
    }
    let seconds = parse_seconds(text).map_err(|_| errno::ESLURM_INVALID_TIME_LIMIT)?;
    Ok(seconds.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX - 1)))
}

fn number(text: &str) -> Result<Option<u32>, SlurmError> {
    match text.to_ascii_uppercase().as_str() {
        "UNLIMITED" | "INFINITE" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| errno::ESLURM_INVALID_NODE_COUNT),
    }
}

fn names(text: &str) -> Option<Vec<String>> {
    if text.is_empty() || text.eq_ignore_ascii_case("ALL") {
        return None;
    }
    Some(text.split(',').map(str::to_owned).collect())
}

//! `scontrol update|create|delete PartitionName=NAME`.

use muster_dialect::state::PartitionState;
use muster_proto::durable::UpdatePartition;
use muster_proto::wire::request;

use super::super::{Control, change};
use super::{Pair, unsupported};
use crate::refusal::Refusal;
use crate::site::block_on;

/// Keys of partition lines that can be changed, as slurm.conf spells them.
const KEYS: [&str; 33] = [
    "AllocNodes",
    "AllowAccounts",
    "AllowGroups",
    "AllowQos",
    "Alternate",
    "Default",
    "DefaultTime",
    "DefMemPerCPU",
    "DefMemPerNode",
    "DenyAccounts",
    "DenyQos",
    "DisableRootJobs",
    "ExclusiveUser",
    "GraceTime",
    "Hidden",
    "LLN",
    "MaxCPUsPerNode",
    "MaxMemPerCPU",
    "MaxMemPerNode",
    "MaxNodes",
    "MaxTime",
    "MinNodes",
    "Nodes",
    "OverSubscribe",
    "OverTimeLimit",
    "PreemptMode",
    "PriorityJobFactor",
    "PriorityTier",
    "QOS",
    "ReqResv",
    "RootOnly",
    "State",
    "TRESBillingWeights",
];

pub(super) fn update(control: &Control, pairs: &[Pair]) -> u8 {
    send(control, pairs, false)
}

pub(super) fn create(control: &Control, pairs: &[Pair]) -> u8 {
    send(control, pairs, true)
}

pub(super) fn delete(control: &Control, pair: &Pair) -> u8 {
    let update = UpdatePartition { name: pair.value.clone(), delete: true, ..UpdatePartition::default() };
    let failed = |refusal: Refusal| control.fail(&format!("delete_partition {}: {}", pair.word, refusal.text));
    ask(control, update).map_or_else(|code| code, |done| done.map_or_else(failed, |()| 0))
}

fn send(control: &Control, pairs: &[Pair], create: bool) -> u8 {
    let mut update = UpdatePartition { create, ..UpdatePartition::default() };
    for pair in pairs {
        if matches!(pair.key.as_str(), "partitionname" | "partition" | "part") {
            update.name.clone_from(&pair.value);
            continue;
        }
        if pair.key == "state" && PartitionState::parse(&pair.value).is_none() {
            control.voice.error(&format!("Invalid input: {}", pair.word));
            control.voice.error("Acceptable State values are UP, DOWN, DRAIN and INACTIVE");
            return control.fail(&format!("slurm_{} error: No error", if create { "create" } else { "update" }));
        }
        match KEYS.iter().find(|key| key.eq_ignore_ascii_case(&pair.key)) {
            Some(key) => {
                update.keys.insert((*key).to_owned(), pair.value.clone());
            }
            None => return unsupported(control, pair),
        }
    }
    let what = if create { "Error creating the partition" } else { "slurm_update error" };
    let failed = |refusal: Refusal| control.fail(&format!("{what}: {}", refusal.text));
    ask(control, update).map_or_else(|code| code, |done| done.map_or_else(failed, |()| 0))
}

/// The outer error is the exit code of a cluster that cannot be spoken to.
fn ask(control: &Control, update: UpdatePartition) -> Result<Result<(), Refusal>, u8> {
    let reach = control.reach()?;
    Ok(block_on(change(&reach, request::Body::UpdatePartition(update))).map(drop))
}

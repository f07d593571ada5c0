//! `scontrol update NodeName=LIST State=… Reason=…`.

use muster_dialect::state::NodeUpdate;
use muster_proto::durable::UpdateNode;
use muster_proto::wire::request;

use super::super::{Control, change};
use super::{Pair, unsupported};
use crate::site::block_on;

pub(super) fn run(control: &Control, pairs: &[Pair]) -> u8 {
    let mut update = UpdateNode::default();
    let mut state_word = "";
    for pair in pairs {
        let value = || Some(pair.value.clone());
        match pair.key.as_str() {
            "nodename" | "node" | "nodes" | "nodelist" => update.names.clone_from(&pair.value),
            "state" => {
                update.state.clone_from(&pair.value);
                state_word = &pair.word;
            }
            "reason" => update.reason = value(),
            "weight" => match pair.value.parse() {
                Ok(weight) => update.weight = Some(weight),
                Err(_) => return invalid(control, pair),
            },
            "features" | "availablefeatures" => update.features = value(),
            "activefeatures" => update.active_features = value(),
            "gres" => update.gres = value(),
            "comment" => update.comment = value(),
            "extra" => update.extra = value(),
            "nodeaddr" => update.address = value(),
            "nodehostname" => update.hostname = value(),
            _ => return unsupported(control, pair),
        }
    }
    if !update.state.is_empty() {
        match NodeUpdate::parse(&update.state) {
            None => {
                let valid = format!(
                    "Valid states are: {}\nNot all states are valid given a node's prior state",
                    NodeUpdate::VALID
                );
                return control.fail(&format!("Invalid input: {state_word}\nRequest aborted\n{valid}"));
            }
            Some(state) if state.needs_reason() && update.reason.as_deref().unwrap_or_default().is_empty() => {
                return control.fail("You must specify a reason when DOWNING or DRAINING a node. Request denied");
            }
            Some(_) => {}
        }
    }
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    match block_on(change(&reach, request::Body::UpdateNode(update))) {
        Ok(_) => 0,
        Err(refusal) => control.fail(&format!("slurm_update error: {}", refusal.text)),
    }
}

fn invalid(control: &Control, pair: &Pair) -> u8 {
    control.fail(&format!("Invalid input: {}\nRequest aborted", pair.word))
}

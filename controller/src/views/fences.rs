//! Fence operations, and what would be done to fence a node.

use muster_dialect::conf::{FenceDevice, Proof};
use muster_dialect::hostlist;
use muster_model::cluster::{Cluster, Node};
use muster_proto::wire::{FenceList, ListFences};

use crate::door::client::{Caller, Refusal};
use crate::member::Member;

pub(crate) fn fences(member: &Member, caller: &Caller, asked: &ListFences) -> Result<FenceList, Refusal> {
    caller.require_admin()?;
    let now_ms = member.now_ms();
    Ok(member.core.read(|cluster| {
        let rows = cluster.fences().filter(|row| asked.history || row.ended_ms == 0);
        let conf = cluster.fence_conf();
        let (leased, unleased) = cluster.lease_keepers();
        FenceList {
            fences: rows.cloned().collect(),
            now_ms,
            configured: conf.is_some_and(|conf| !conf.devices.is_empty()),
            auto: conf.is_some_and(|conf| conf.auto),
            max_fences: conf.map_or(0, |conf| conf.max_fences),
            window_s: conf.map_or(0, |conf| conf.window_s),
            proof: match cluster.proof_of_death() {
                Proof::Certain => String::new(),
                proof => proof.shown().to_owned(),
            },
            leased: folded(&leased),
            unleased: folded(&unleased),
            started: u32::try_from(cluster.fences_started()).unwrap_or(u32::MAX),
        }
    }))
}

fn folded(nodes: &[&Node]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.row.name.as_str()).collect();
    hostlist::fold(&names)
}

/// The devices that fence `name`, by level.
pub(crate) fn fence_plan(cluster: &Cluster, name: &str) -> Vec<FenceDevice> {
    let Some(conf) = cluster.fence_conf() else { return Vec::new() };
    let levels = conf.levels(name).into_iter();
    levels.flat_map(|level| conf.devices_of(name, level)).cloned().collect()
}

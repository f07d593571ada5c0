//! Replicas, as this one knows them: matched indices are the leader's knowledge alone.

use muster_proto::durable::ReplicaRow;
use muster_proto::wire::{ReplicaInfo, ReplicaList};
use muster_raft_store::{MemberState, Metrics};

use crate::member::{Core, Member};

/// A voter whose log is this much behind the leader's commits, while others agree, is called unreachable.
const UNREACHABLE_LAG_ENTRIES: u64 = 1_000;

pub(crate) fn replicas(member: &Member) -> ReplicaList {
    let core = &member.core;
    let (rows, meta) = core.read(|cluster| {
        (cluster.replicas().filter(|row| !row.retired).cloned().collect::<Vec<_>>(), cluster.meta().clone())
    });
    let metrics = core.replica.metrics();
    let members = core.replica.members();
    ReplicaList {
        replicas: rows.iter().map(|row| info(core, row, &members, &metrics)).collect(),
        term: metrics.term,
        cluster: meta.cluster_name,
        cluster_id: meta.cluster_id,
        generation: meta.generation,
        feature_level: meta.feature_level,
        commit_index: metrics.committed_index,
    }
}

fn info(core: &Core, row: &ReplicaRow, members: &[MemberState], metrics: &Metrics) -> ReplicaInfo {
    let own = row.replica == core.identity.replica;
    let matched = metrics.matched.iter().find(|(replica, _)| *replica == row.replica).map(|(_, index)| *index);
    let voter = members.iter().find(|member| member.peer.replica == row.replica).map(|member| member.voter);
    let leader = core.leadership().leader.map(|leader| leader.replica);
    let behind = matched.is_some_and(|index| index + UNREACHABLE_LAG_ENTRIES < metrics.committed_index);
    let role = match voter {
        _ if leader == Some(row.replica) => "leader",
        _ if behind && !own => "unreachable",
        Some(true) => "follower",
        Some(false) | None => "learner",
    };
    ReplicaInfo {
        replica: row.replica,
        name: row.name.clone(),
        address: row.address.clone(),
        role: role.to_owned(),
        matched_index: matched,
        last_contact_ms: if own { metrics.quorum_acked_ms_ago.unwrap_or(0) } else { 0 },
        applied_index: if own { metrics.applied_index } else { 0 },
        version: if own { env!("CARGO_PKG_VERSION").to_owned() } else { String::new() },
    }
}

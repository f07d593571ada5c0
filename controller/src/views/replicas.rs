//! Replicas, as this one knows them: matched indices, and who answers, are the leader's knowledge alone.

use std::time::Duration;

use muster_proto::durable::ReplicaRow;
use muster_proto::wire::{ReplicaInfo, ReplicaList};
use muster_raft_store::{MemberState, Metrics};

use crate::member::Member;

/// A leader speaks to everybody many times a second: who does not answer for so long is called unreachable.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);

pub(crate) fn replicas(member: &Member) -> ReplicaList {
    let core = &member.core;
    let (rows, meta) = core.read(|cluster| {
        (cluster.replicas().filter(|row| !row.retired).cloned().collect::<Vec<_>>(), cluster.meta().clone())
    });
    let metrics = core.replica.metrics();
    let members = core.replica.members();
    ReplicaList {
        replicas: rows.iter().map(|row| info(member, row, &members, &metrics)).collect(),
        term: metrics.term,
        cluster: meta.cluster_name,
        cluster_id: meta.cluster_id,
        generation: meta.generation,
        feature_level: meta.feature_level,
        commit_index: metrics.committed_index,
    }
}

/// Whether `replica` answered the leader lately, and is believed; a follower does not know.
pub(crate) fn answers(member: &Member, replica: u64) -> bool {
    let heard = member.transport.silent_for(replica).is_some_and(|silence| silence <= SILENCE);
    heard && !is_distrusted(member, replica)
}

/// Whether this leader does not count `replica`, which lost what it had acknowledged.
pub(crate) fn is_distrusted(member: &Member, replica: u64) -> bool {
    member.core.replica.distrusted().contains(&replica)
}

fn info(member: &Member, row: &ReplicaRow, members: &[MemberState], metrics: &Metrics) -> ReplicaInfo {
    let core = &member.core;
    let own = row.replica == core.identity.replica;
    let matched = metrics.matched.iter().find(|(replica, _)| *replica == row.replica).map(|(_, index)| *index);
    let voter = members.iter().find(|member| member.peer.replica == row.replica).map(|member| member.voter);
    let leader = core.leadership().leader.map(|leader| leader.replica);
    let silent = member.transport.silent_for(row.replica);
    let gone = !own && member.leads() && !answers(member, row.replica);
    let role = match voter {
        _ if leader == Some(row.replica) => "leader",
        _ if is_distrusted(member, row.replica) => "distrusted",
        _ if gone => "unreachable",
        Some(true) => "follower",
        Some(false) | None => "learner",
    };
    ReplicaInfo {
        replica: row.replica,
        name: row.name.clone(),
        address: row.address.clone(),
        role: role.to_owned(),
        matched_index: matched,
        last_contact_ms: silent.map_or(0, |silence| u64::try_from(silence.as_millis()).unwrap_or(u64::MAX)),
        applied_index: if own { metrics.applied_index } else { 0 },
        version: row.version.clone(),
        feature_level: row.feature_level,
        voter: voter == Some(true),
    }
}

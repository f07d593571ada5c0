//! Membership: what the log says about replicas → Raft's members.
//!
//! A replica that was admitted first follows, then votes, when its log is nearly there and the configuration names it. A
//! replica whose place was taken by a newer one of the same name (a wiped or replaced store) is retired; whoever is retired, so
//! or by `muster replica remove`, is removed. Leaving the configuration alone removes nobody (docs/adr/0005).

use std::collections::BTreeSet;

use muster_model::cluster::Event;
use muster_proto::durable::{ReplicaRow, RetireReplica, command};
use muster_raft_store::{MemberState, Peer};

use super::Term;
use super::wake::Wake;

/// One step towards what should be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A former leader's change, of which it did the first half.
    Settle,
    Retire(u64),
    Remove(u64),
    Learn(Peer),
    Promote(u64),
}

pub(super) async fn run(term: Term) {
    let mut wake = Wake::new(term.member.core.replica.events(), term.seat.settings.timers.look_again);
    loop {
        while let Some(step) = next(&term) {
            if !take(&term, step).await {
                break;
            }
        }
        wake.next(|event| matches!(event, Event::ReplicasChanged | Event::ConfigChanged { .. })).await;
    }
}

fn next(term: &Term) -> Option<Step> {
    if term.member.core.replica.changing() {
        return Some(Step::Settle);
    }
    let rows: Vec<ReplicaRow> = term.member.core.read(|cluster| cluster.replicas().cloned().collect());
    let names: BTreeSet<String> = term.member.config().map_or_else(BTreeSet::new, |config| {
        config.conf.slurmctld_hosts.iter().map(|host| host.name.clone()).collect()
    });
    plan(&rows, &term.member.core.replica.members(), &names)
}

/// The next step; removals first, so that a dead voter does not count against a change.
fn plan(rows: &[ReplicaRow], members: &[MemberState], names: &BTreeSet<String>) -> Option<Step> {
    let newest_of =
        |name: &str| rows.iter().filter(|row| row.name == name && !row.retired).map(|row| row.replica).max();
    let member = |id: u64| members.iter().find(|member| member.peer.replica == id);
    for row in rows.iter().filter(|row| !row.retired) {
        if newest_of(&row.name) != Some(row.replica) {
            return Some(Step::Retire(row.replica));
        }
    }
    for row in rows.iter().filter(|row| row.retired) {
        if member(row.replica).is_some() {
            return Some(Step::Remove(row.replica));
        }
    }
    for row in rows.iter().filter(|row| !row.retired) {
        let peer = Peer { replica: row.replica, address: row.address.clone() };
        match member(row.replica) {
            None => return Some(Step::Learn(peer)),
            Some(known) if known.peer != peer => return Some(Step::Learn(peer)),
            Some(known) if !known.voter && names.contains(&row.name) => return Some(Step::Promote(row.replica)),
            Some(_) => {}
        }
    }
    None
}

/// Whether it was taken.
async fn take(term: &Term, step: Step) -> bool {
    tracing::info!(?step, "membership");
    let replica = &term.member.core.replica;
    let taken = match step.clone() {
        Step::Retire(id) => {
            let retire = command::Body::RetireReplica(RetireReplica { replica: id });
            return term.member.proposer.duty(retire).await.is_ok();
        }
        Step::Settle => replica.settle().await,
        Step::Remove(id) => replica.remove(id).await,
        Step::Learn(peer) => replica.add_learner(peer).await,
        Step::Promote(id) => replica.promote(id).await,
    };
    if let Err(why) = &taken {
        tracing::warn!(?step, %why, "membership did not change yet");
    }
    taken.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(replica: u64, name: &str, retired: bool) -> ReplicaRow {
        ReplicaRow { replica, name: name.into(), address: format!("{name}:1"), retired, ..ReplicaRow::default() }
    }

    fn member(replica: u64, name: &str, voter: bool) -> MemberState {
        MemberState { peer: Peer { replica, address: format!("{name}:1") }, voter }
    }

    #[test]
    fn an_admitted_replica_learns_and_then_votes_if_the_configuration_names_it() {
        let names = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let rows = [row(1, "a", false), row(2, "b", false), row(3, "c", false)];
        let mut members = vec![member(1, "a", true)];
        assert!(matches!(plan(&rows, &members, &names), Some(Step::Learn(peer)) if peer.replica == 2));
        members.push(member(2, "b", false));
        assert_eq!(plan(&rows, &members, &names), Some(Step::Promote(2)));
        members[1].voter = true;
        assert!(matches!(plan(&rows, &members, &names), Some(Step::Learn(peer)) if peer.replica == 3));
        members.push(member(3, "c", false));
        assert_eq!(plan(&rows, &members, &names), None);
    }

    #[test]
    fn a_replaced_store_of_the_same_name_is_retired_and_removed_before_the_new_one_votes() {
        let names = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let members = [member(1, "a", true), member(2, "b", true)];
        let rows = [row(1, "a", false), row(2, "b", false), row(3, "b", false)];
        assert_eq!(plan(&rows, &members, &names), Some(Step::Retire(2)));
        let rows = [row(1, "a", false), row(2, "b", true), row(3, "b", false)];
        assert_eq!(plan(&rows, &members, &names), Some(Step::Remove(2)));
        assert!(matches!(plan(&rows, &members[..1], &names), Some(Step::Learn(peer)) if peer.replica == 3));
    }
}

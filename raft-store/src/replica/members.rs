//! Who belongs to the cluster. Each change is idempotent: what is so already is success.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::vote::RaftCommittedLeaderId;
use openraft::{ChangeMembers, RaftMetrics};

use super::Replica;
use crate::errors::MemberError;
use crate::identity::Peer;
use crate::raft::{Member, Types};
use crate::status::MemberState;

/// A learner this many entries behind may vote: it is there within an append or two.
const PROMOTE_LAG_ENTRIES_MAX: u64 = 1_000;
/// Between two looks at a change of others that is under way, in milliseconds.
const BUSY_AGAIN_MS: u64 = 20;

type Change = ChangeMembers<u64, Member>;

impl Replica {
    /// The members, by replica id.
    pub fn members(&self) -> Vec<MemberState> {
        members(&self.inner.raft.metrics().borrow_watched())
    }

    /// Whether `replica` is one of them, with a vote or without.
    pub fn is_member(&self, replica: u64) -> bool {
        self.inner.raft.metrics().borrow_watched().membership_config.membership().get_node(&replica).is_some()
    }

    /// Has `peer` follow, without a vote. A known peer gets this address.
    pub async fn add_learner(&self, peer: Peer) -> Result<(), MemberError> {
        let known = self.members().into_iter().find(|member| member.peer.replica == peer.replica);
        let node = BTreeMap::from([(peer.replica, Member { address: peer.address.clone() })]);
        match known {
            Some(known) if known.peer == peer => Ok(()),
            Some(_) => self.change(Change::SetNodes(node), true).await,
            None => self.change(Change::AddNodes(node), true).await,
        }
    }

    /// Gives a learner its vote, once it has caught up.
    pub async fn promote(&self, replica: u64) -> Result<(), MemberError> {
        match self.members().into_iter().find(|member| member.peer.replica == replica) {
            None => return Err(MemberError::Refused(format!("replica {replica} is not a learner"))),
            Some(member) if member.voter => return Ok(()),
            Some(_) => {}
        }
        self.wait_caught_up(replica).await?;
        self.change(Change::AddVoterIds(BTreeSet::from([replica])), true).await
    }

    /// Ends a membership, learner's or voter's. A leader that removes itself hands over once that is committed.
    pub async fn remove(&self, replica: u64) -> Result<(), MemberError> {
        let members = self.members();
        let Some(gone) = members.iter().find(|member| member.peer.replica == replica) else { return Ok(()) };
        let ids = BTreeSet::from([replica]);
        let voters: BTreeSet<u64> =
            self.inner.raft.metrics().borrow_watched().membership_config.membership().voter_ids().collect();
        if !voters.contains(&gone.peer.replica) {
            return self.change(Change::RemoveNodes(ids), true).await;
        }
        if voters.len() == 1 {
            return Err(MemberError::Refused("the last voter cannot be removed".into()));
        }
        self.change(Change::RemoveVoters(ids), false).await
    }

    /// Whether a change was begun and not ended: its leader died between its two steps. Until it is ended, majorities of the
    /// voters before it and after it are both needed.
    pub fn changing(&self) -> bool {
        let metrics = self.inner.raft.metrics();
        metrics.borrow_watched().membership_config.membership().get_joint_config().len() > 1
    }

    /// Ends such a change, as it was meant.
    pub async fn settle(&self) -> Result<(), MemberError> {
        self.change(Change::AddVoterIds(BTreeSet::new()), false).await
    }

    /// Asks `to` to stand for election now, and waits until this replica no longer leads.
    pub async fn transfer_leader(&self, to: u64) -> Result<(), MemberError> {
        let voter = self.members().iter().any(|member| member.voter && member.peer.replica == to);
        if !voter {
            return Err(MemberError::Refused(format!("replica {to} has no vote")));
        }
        if to == self.inner.identity.replica {
            return Ok(());
        }
        self.inner
            .raft
            .trigger()
            .transfer_leader(to)
            .await
            .map_err(|error| MemberError::Unavailable(error.to_string()))?;
        let patience = Duration::from_millis(self.inner.timers.election_max_ms * 2);
        let mut leadership = self.leadership();
        let me = self.inner.identity.replica;
        let handed = leadership.wait_for(|now| now.leader.as_ref().is_some_and(|leader| leader.replica != me));
        match tokio::time::timeout(patience, handed).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(MemberError::Unavailable(format!("replica {to} did not take over"))),
        }
    }

    async fn wait_caught_up(&self, replica: u64) -> Result<(), MemberError> {
        let caught_up = |metrics: &RaftMetrics<Types>| match metrics.replication.as_ref() {
            None => Some(false),
            Some(followers) => {
                let matched = followers.get(&replica).cloned().flatten().map(|matched| matched.index)?;
                let last = metrics.last_log_index.unwrap_or(0);
                (matched + PROMOTE_LAG_ENTRIES_MAX >= last).then_some(true)
            }
        };
        let mut metrics = self.inner.raft.metrics();
        let wait = async {
            loop {
                if let Some(done) = caught_up(&metrics.borrow_and_update()) {
                    return done;
                }
                if metrics.changed().await.is_err() {
                    return false;
                }
            }
        };
        match tokio::time::timeout(self.membership_patience(), wait).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(MemberError::NotLeader { leader: self.leader() }),
            Err(_) => Err(MemberError::Unavailable(format!("replica {replica} did not catch up"))),
        }
    }

    fn membership_patience(&self) -> Duration {
        Duration::from_millis(self.inner.timers.membership_ms_max)
    }

    async fn change(&self, change: Change, retain: bool) -> Result<(), MemberError> {
        let changed = async {
            loop {
                match self.inner.raft.change_membership(change.clone(), retain).await {
                    Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) if is_busy(&error) => {
                        if let ChangeMembershipError::InProgress(other) = error {
                            self.until_applied(other.membership_log_id.map_or(0, |entry| entry.index)).await;
                        }
                        tokio::time::sleep(Duration::from_millis(BUSY_AGAIN_MS)).await;
                    }
                    answer => return answer,
                }
            }
        };
        match tokio::time::timeout(self.membership_patience(), changed).await {
            Ok(Ok(written)) => {
                self.until_shown(written.log_id.index).await;
                Ok(())
            }
            Ok(Err(RaftError::APIError(error))) => Err(self.member_error(error)),
            Ok(Err(RaftError::Fatal(error))) => Err(MemberError::Unavailable(error.to_string())),
            Err(_) => Err(MemberError::Unavailable("the change was not committed in time".into())),
        }
    }

    /// A change is answered before it is in the metrics, where [`Replica::members`] looks: whoever goes on from here sees it.
    async fn until_shown(&self, index: u64) {
        let mut metrics = self.inner.raft.metrics();
        let shown = |metrics: &RaftMetrics<Types>| {
            metrics.membership_config.log_id().as_ref().is_some_and(|shown| shown.index >= index)
        };
        let wait = async {
            while !shown(&metrics.borrow_and_update()) {
                if metrics.changed().await.is_err() {
                    return;
                }
            }
        };
        // Committed it is in any case.
        let _late = tokio::time::timeout(self.membership_patience(), wait).await;
    }

    /// Until the change of others at `index` is over: openraft logs each question meanwhile as an error.
    async fn until_applied(&self, index: u64) {
        let mut metrics = self.inner.raft.metrics();
        let applied = |metrics: &RaftMetrics<Types>| metrics.last_applied.as_ref().map_or(0, |applied| applied.index);
        while applied(&metrics.borrow_and_update()) < index && metrics.changed().await.is_ok() {}
    }

    fn member_error(&self, error: ClientWriteError<Types>) -> MemberError {
        match error {
            ClientWriteError::ForwardToLeader(_) => MemberError::NotLeader { leader: self.leader() },
            ClientWriteError::LogEntryDiscarded(_) => MemberError::Unavailable("the leader changed".into()),
            ClientWriteError::ChangeMembershipError(error) => MemberError::Refused(error.to_string()),
            ClientWriteError::PreconditionFailed(error) => MemberError::Unavailable(error.to_string()),
        }
    }
}

/// Another change, or the first entry of a new leader, is not committed yet.
fn is_busy<L: RaftCommittedLeaderId>(error: &ChangeMembershipError<L, u64>) -> bool {
    matches!(error, ChangeMembershipError::InProgress(_) | ChangeMembershipError::UncommittedLeaderLog(_))
}

pub(super) fn members(metrics: &RaftMetrics<Types>) -> Vec<MemberState> {
    let membership = metrics.membership_config.membership();
    // While a change is under way there are two sets, and each needs a majority.
    let votes = |replica: &u64| membership.get_joint_config().iter().all(|voters| voters.contains(replica));
    let state = |(replica, member): (&u64, &Member)| MemberState {
        peer: Peer { replica: *replica, address: member.address.clone() },
        voter: votes(replica),
    };
    membership.nodes().map(state).collect()
}

//! Founding the cluster, and changing the state.

use std::time::Duration;

use muster_model::cluster::Outcome;
use muster_proto::durable::{Batch, command::Body};
use openraft::errors::{ClientWriteError, InitializeError, RaftError};

use super::Replica;
use crate::errors::ProposeError;
use crate::identity::Peer;
use crate::raft::{Command, Member};

/// Bytes of one batch. A larger blob goes ahead in chunks.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;

/// What a proposal counts for at least among those that wait, in bytes: bounds their number too.
const PROPOSAL_BYTES_MIN: usize = 8 << 10;

/// A batch was committed and applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its place in the log.
    pub index: u64,
    /// One a command, in order.
    pub outcomes: Vec<Outcome>,
}

impl Replica {
    /// Founds the cluster with this replica as its one voter, and proposes the batch with `FoundCluster`. Once, explicitly;
    /// goes on where an earlier try broke off.
    pub async fn found(&self, first: Batch, my_address: String) -> Result<Proposed, ProposeError> {
        let founds = first.commands.iter().any(|command| matches!(command.body, Some(Body::FoundCluster(_))));
        if !founds {
            return Err(ProposeError::Refused("the first batch does not found a cluster".into()));
        }
        let members = std::collections::BTreeMap::from([(self.inner.identity.replica, Member { address: my_address })]);
        match self.inner.raft.initialize(members).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
            Err(RaftError::APIError(InitializeError::NotInMembers(error))) => {
                return Err(ProposeError::Refused(error.to_string()));
            }
            Err(RaftError::Fatal(error)) => return Err(ProposeError::Unavailable(error.to_string())),
        }
        let patience = Duration::from_millis(self.inner.timers.propose_ms_max);
        let mut leadership = self.leadership();
        let leads = leadership.wait_for(|leadership| leadership.leads());
        // The reference must go before proposing: it holds the lock that the watcher writes under.
        let leads = matches!(tokio::time::timeout(patience, leads).await, Ok(Ok(_)));
        if leads { self.propose(first).await } else { Err(self.not_leader()) }
    }

    /// Has a batch committed and applied, and answers the outcome of each command. Only the leader can.
    pub async fn propose(&self, batch: Batch) -> Result<Proposed, ProposeError> {
        if batch.commands.iter().any(|command| command.body.is_none()) {
            return Err(ProposeError::Refused("a command without a body".into()));
        }
        if batch.feature_level > self.inner.feature_level_max {
            return Err(ProposeError::Refused(format!(
                "feature level {} is newer than this version",
                batch.feature_level
            )));
        }
        let command = Command::new(batch);
        if command.bytes().len() > ENTRY_BYTES_MAX {
            return Err(ProposeError::Refused(format!("{} bytes in one batch", command.bytes().len())));
        }
        if let Some(why) = self.inner.fault.why().or_else(|| self.inner.split.why()) {
            return Err(ProposeError::Unavailable(why));
        }
        let cost = command.bytes().len().max(PROPOSAL_BYTES_MIN) as u32;
        let Ok(_waiting) = self.inner.proposals.try_acquire_many(cost) else {
            return Err(ProposeError::Unavailable("too many proposals are waiting".into()));
        };
        let patience = Duration::from_millis(self.inner.timers.propose_ms_max);
        match tokio::time::timeout(patience, self.inner.raft.client_write(command)).await {
            Ok(Ok(written)) => Ok(Proposed { index: written.log_id.index, outcomes: written.data.0 }),
            Ok(Err(RaftError::APIError(error))) => Err(self.refusal(error)),
            Ok(Err(RaftError::Fatal(error))) => Err(ProposeError::Unknown(error.to_string())),
            Err(_) => Err(ProposeError::Unknown(format!("not committed within {patience:?}"))),
        }
    }

    fn refusal(&self, error: ClientWriteError<crate::raft::Types>) -> ProposeError {
        match error {
            ClientWriteError::ForwardToLeader(forward) => ProposeError::NotLeader {
                leader: forward
                    .leader_id
                    .zip(forward.leader_node)
                    .filter(|(replica, _)| *replica != self.inner.identity.replica)
                    .map(|(replica, member)| Peer { replica, address: member.address }),
            },
            ClientWriteError::LogEntryDiscarded(_) => ProposeError::Unknown("the leader changed".into()),
            ClientWriteError::ChangeMembershipError(error) => ProposeError::Unavailable(error.to_string()),
            ClientWriteError::PreconditionFailed(error) => ProposeError::Unavailable(error.to_string()),
        }
    }
}

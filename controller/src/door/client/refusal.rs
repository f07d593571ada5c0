//! The ways in which a request is not carried out.

use std::time::Duration;

use muster_channel::CredentialError;
use muster_dialect::errno::{self, SlurmError};
use muster_proto::durable::{Answer, ReplicaRow};
use muster_proto::wire::{Failure, NotLeader, Reply, reply};
use muster_raft_store::{BarrierError, ProposeError};
use tonic::Status;

use crate::users::UsersError;

/// Slurm's EAGAIN: "Resource temporarily unavailable".
const EAGAIN: u32 = 11;

/// Why a request has no answer, named by what the client does next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Tells the user.
    No(Failure),
    /// Asks there (empty: anywhere) with the same request id.
    Elsewhere(NotLeader),
    /// May or may not have been carried out: asks again with the same request id.
    Unknown(String),
}

impl Refusal {
    /// Slurm's error with Slurm's words.
    pub(crate) fn slurm(error: SlurmError) -> Self {
        Self::with(error, error.text())
    }

    /// Slurm's error with words of our own.
    pub(crate) fn with(error: SlurmError, message: impl Into<String>) -> Self {
        Self::No(Failure { error: error.code, message: message.into(), ..Failure::default() })
    }

    /// Not carried out; the same request may be tried again here.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::No(Failure { error: EAGAIN, message: message.into(), retry: true, ..Failure::default() })
    }

    /// Not carried out, because this user asked too much; worth another try after `pause`.
    pub(crate) fn over_budget(pause: Duration) -> Self {
        let error = errno::SLURMCTLD_COMMUNICATIONS_BACKOFF;
        let retry_after_ms = u32::try_from(pause.as_millis()).unwrap_or(u32::MAX);
        Self::No(Failure {
            error: error.code,
            message: error.text().to_owned(),
            retry: true,
            retry_after_ms,
            ..Failure::default()
        })
    }

    /// Asks there.
    pub(crate) fn leader_is(row: &ReplicaRow) -> Self {
        Self::Elsewhere(NotLeader { leader_address: row.client_address.clone(), leader_name: row.name.clone() })
    }

    /// An election goes on, or a barrier found no quorum: any other controller may know better.
    pub(crate) fn elsewhere() -> Self {
        Self::Elsewhere(NotLeader::default())
    }

    /// Only root and SlurmUser may.
    pub(crate) fn denied() -> Self {
        Self::slurm(errno::ESLURM_ACCESS_DENIED)
    }

    /// What apply refused.
    pub(crate) fn rejected(answer: Answer) -> Self {
        let error = SlurmError::new(answer.error);
        let message = if answer.message.is_empty() { error.text() } else { answer.message };
        Self::with(error, message)
    }

    /// As the client door says it. Only an unknown outcome is not a reply.
    pub(crate) fn into_reply(self) -> Result<Reply, Status> {
        match self {
            Self::No(failure) => Ok(Reply { body: Some(reply::Body::Failure(failure)), age: None }),
            Self::Elsewhere(hint) => Ok(Reply { body: Some(reply::Body::NotLeader(hint)), age: None }),
            Self::Unknown(why) => Err(Status::aborted(why)),
        }
    }
}

impl From<BarrierError> for Refusal {
    fn from(_: BarrierError) -> Self {
        Self::elsewhere()
    }
}

impl From<UsersError> for Refusal {
    fn from(why: UsersError) -> Self {
        Self::busy(why.to_string())
    }
}

impl From<CredentialError> for Refusal {
    fn from(why: CredentialError) -> Self {
        let error = match &why {
            CredentialError::Unavailable(_) => errno::SLURM_PROTOCOL_AUTHENTICATION_ERROR,
            CredentialError::Expired => errno::ESLURM_AUTH_EXPIRED,
            CredentialError::Replayed | CredentialError::Invalid(_) | CredentialError::Bound(_) => {
                errno::ESLURM_AUTH_CRED_INVALID
            }
        };
        Self::with(error, format!("{}: {why}", error.text()))
    }
}

/// Where the leader's client door is, is for the caller to fill in: a proposal knows replica doors only.
impl From<ProposeError> for Refusal {
    fn from(why: ProposeError) -> Self {
        match why {
            ProposeError::NotLeader { .. } => Self::elsewhere(),
            ProposeError::Unavailable(why) => Self::busy(why),
            ProposeError::Unknown(why) => Self::Unknown(why),
            ProposeError::Refused(why) => Self::with(errno::SLURM_PROTOCOL_INSANE_MSG_LENGTH, why),
        }
    }
}

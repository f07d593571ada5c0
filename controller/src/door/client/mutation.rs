//! What every change has in common: the leader proposes it, and its outcome is the answer.

use muster_dialect::errno;
use muster_model::cluster::Outcome;
use muster_proto::durable::{Answer, Command, command};

use super::{Answered, At, Refusal, done};

impl At<'_> {
    /// A change that needs no completion.
    pub(super) async fn mutate(&self, body: command::Body) -> Answered {
        let answer = self.propose(body).await?;
        Ok(done(answer.message, answer.count, answer.version))
    }

    /// Proposes `body` as this request, once.
    pub(super) async fn propose(&self, body: command::Body) -> Result<Answer, Refusal> {
        self.require_leader()?;
        let user_name = self.caller_name().await;
        self.send(self.caller.command(&user_name, body)).await
    }

    /// Proposes a command that goes ahead of the one that answers.
    pub(super) async fn propose_ahead(&self, body: command::Body) -> Result<Answer, Refusal> {
        self.send(self.caller.ahead(body)).await
    }

    async fn send(&self, command: Command) -> Result<Answer, Refusal> {
        let outcome = self.member.proposer.propose(command).await.map_err(|why| match Refusal::from(why) {
            Refusal::Elsewhere(_) => self.elsewhere(),
            other => other,
        })?;
        told(outcome)
    }

    /// For the record only: a name service that does not answer must not keep an operator from acting.
    async fn caller_name(&self) -> String {
        let user = self.seat.users.by_uid(self.caller.uid).await;
        user.ok().flatten().map(|user| user.name).unwrap_or_default()
    }
}

/// What the client is told of an outcome.
pub(super) fn told(outcome: Outcome) -> Result<Answer, Refusal> {
    match outcome {
        Outcome::Done(answer) | Outcome::Repeated(answer) if answer.error == 0 => Ok(answer),
        Outcome::Done(answer) | Outcome::Repeated(answer) | Outcome::Rejected(answer) => Err(Refusal::rejected(answer)),
        Outcome::Expired => Err(Refusal::with(
            errno::SLURM_PROTOCOL_SOCKET_IMPL_TIMEOUT,
            "the request has expired: whether an earlier try was carried out is unknown",
        )),
        Outcome::RequestMismatch => {
            Err(Refusal::with(errno::SLURM_UNEXPECTED_MSG_ERROR, "this request id was used before, with other content"))
        }
        Outcome::Stale(_) => Err(Refusal::slurm(errno::ESLURM_ALREADY_DONE)),
        Outcome::Planned { .. } => Ok(Answer::default()),
        Outcome::Full(what) => Err(Refusal::busy(what)),
        Outcome::Halt(why) => Err(Refusal::with(errno::ESLURM_INTERNAL, why)),
    }
}

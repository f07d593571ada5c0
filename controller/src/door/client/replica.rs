//! Operators change who keeps the state: a replica votes, is removed, or gives its place to a new store of its name.
//!
//! What would leave the cluster without a majority that answers is refused. Asking again is harmless: each answer says what is
//! so, or what is waited for.

use std::time::Duration;

use muster_dialect::errno;
use muster_proto::durable::{ReplicaRow, RetireReplica, command};
use muster_proto::wire::ChangeReplica;
use muster_proto::wire::change_replica::Change;
use tokio::time::Instant;

use super::{Answered, At, Refusal, done};
use crate::views;

/// Between two looks at who has answered since a removal was asked for.
const LOOK: Duration = Duration::from_millis(20);

/// A voter, as the leader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Voter {
    replica: u64,
    answers: bool,
}

impl At<'_> {
    pub(super) async fn change_replica(&self, asked: ChangeReplica) -> Answered {
        self.caller.require_admin()?;
        self.require_leader()?;
        match Change::try_from(asked.change) {
            Ok(Change::Add) => self.add_replica(&asked.name).await,
            Ok(Change::Remove) => self.remove_replica(&asked.name, false).await,
            Ok(Change::Replace) => self.remove_replica(&asked.name, true).await,
            Ok(Change::Unset) | Err(_) => Err(Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR)),
        }
    }

    /// Admission and promotion are the membership duty's work, from the configuration: this tells how far they are.
    async fn add_replica(&self, name: &str) -> Answered {
        if !self.is_configured(name) {
            let what = "add the line on every host, run \"scontrol reconfigure\", and start the controller there";
            let why = format!("no SlurmctldHost line of the configuration in force names {name}: {what}");
            return Err(Refusal::with(errno::SLURM_ERROR, why));
        }
        let Some(row) = self.replica_named(name) else {
            return waiting(format!("waits for a controller named {name} with an empty store to ask for admission"));
        };
        let member = self.member.core.replica.members().into_iter().find(|member| member.peer.replica == row.replica);
        match member {
            Some(member) if member.voter => match self.voters_once_heard().await {
                voters if voters.contains(&Voter { replica: row.replica, answers: true }) => {
                    Ok(done(format!("{name} votes"), 1, 0))
                }
                // Its store was emptied a moment ago, perhaps: whoever goes on to the next one now takes the majority away.
                _ => waiting(format!("{name} has a vote, and does not answer")),
            },
            Some(_) => {
                let metrics = self.member.core.replica.metrics();
                let matched = metrics.matched.iter().find(|(replica, _)| *replica == row.replica).map_or(0, |it| it.1);
                let behind = metrics.last_index.saturating_sub(matched);
                waiting(format!("{name} follows, {behind} entries behind"))
            }
            None => waiting(format!("{name} is admitted, and does not follow yet")),
        }
    }

    async fn remove_replica(&self, name: &str, replace: bool) -> Answered {
        let Some(row) = self.replica_named(name) else {
            return self.removed_before(name);
        };
        // Two removals at a time could each be right, and take the majority away together. The barrier: also those that another
        // leader began.
        let _one_at_a_time = self.seat.removing.lock().await;
        self.member.core.replica.barrier().await?;
        let voters = self.staying(self.voters_once_heard().await);
        if replace && voters.iter().any(|voter| voter.replica == row.replica && voter.answers) {
            let why = format!("{name} answers: stop its controller first, or remove it");
            return Err(Refusal::with(errno::SLURM_ERROR, why));
        }
        if let Some(why) = why_not_without(&voters, row.replica) {
            return Err(Refusal::with(errno::SLURM_ERROR, format!("{name} is not removed: {why}")));
        }
        if row.replica == self.member.core.identity.replica {
            // The next leader removes it: the same request is asked there.
            self.member.hand_over().await;
            return Err(self.elsewhere());
        }
        self.propose(command::Body::RetireReplica(RetireReplica { replica: row.replica })).await?;
        let removed = self.member.core.replica.remove(row.replica).await;
        removed.map_err(|why| Refusal::busy(format!("{name} is retired, and still a member: {why}")))?;
        Ok(done(self.what_remains(name, replace), 1, 0))
    }

    /// No replica of this name is left that is not retired.
    fn removed_before(&self, name: &str) -> Answered {
        let retired: Vec<u64> = self
            .member
            .core
            .read(|cluster| cluster.replicas().filter(|row| row.name == name).map(|row| row.replica).collect());
        match retired.iter().any(|replica| self.member.core.replica.is_member(*replica)) {
            true => Err(Refusal::busy(format!("{name} is retired, and still a member"))),
            false if retired.is_empty() => {
                Err(Refusal::with(errno::SLURM_ERROR, format!("no replica is named {name}")))
            }
            false => Ok(done(format!("{name} is no replica any more"), 1, 0)),
        }
    }

    fn what_remains(&self, name: &str, replace: bool) -> String {
        let voters = self.voters(Instant::now()).len();
        let may_fail = (voters.max(1) - 1) / 2;
        let mut text = format!("{name} is removed; {voters} vote, {may_fail} of them may fail");
        if !replace && self.is_configured(name) {
            text.push_str(&format!(
                "\n{name} is still named by a SlurmctldHost line: while it is, a controller of that name with an empty store is admitted"
            ));
        }
        text
    }

    fn is_configured(&self, name: &str) -> bool {
        let config = self.member.config();
        config.is_some_and(|config| config.conf.slurmctld_hosts.iter().any(|controller| controller.name == name))
    }

    /// The replica of this name that is not retired.
    fn replica_named(&self, name: &str) -> Option<ReplicaRow> {
        self.member.core.read(|cluster| {
            let rows = cluster.replicas().filter(|row| !row.retired && row.name == name);
            rows.max_by_key(|row| row.replica).cloned()
        })
    }

    /// The voters, when each has answered since now, or is known to be silent. One that died a moment ago counts as what it is:
    /// an answer from before would let the majority be given away.
    async fn voters_once_heard(&self) -> Vec<Voter> {
        let asked = Instant::now();
        loop {
            let voters = self.voters(asked);
            let known = voters.iter().all(|voter| voter.answers || self.is_no_help(voter.replica));
            if known || asked.elapsed() > views::SILENCE {
                return voters;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Without those that are retired already and go as soon as they can.
    fn staying(&self, mut voters: Vec<Voter>) -> Vec<Voter> {
        let retired =
            |replica| self.member.core.read(|cluster| cluster.replica(replica).is_some_and(|row| row.retired));
        voters.retain(|voter| !retired(voter.replica));
        voters
    }

    /// Silent for long, or not believed.
    fn is_no_help(&self, replica: u64) -> bool {
        let silent = self.member.transport.silent_for(replica).is_some_and(|silence| silence > views::SILENCE);
        silent || views::is_distrusted(&self.member, replica)
    }

    /// Who has answered since `since`. One whose acknowledgements are not counted is as good as none that answers.
    fn voters(&self, since: Instant) -> Vec<Voter> {
        let members = self.member.core.replica.members();
        let own = self.member.core.identity.replica;
        let heard = |replica| {
            let heard = self.member.transport.silent_for(replica).is_some_and(|silence| silence < since.elapsed());
            heard && !views::is_distrusted(&self.member, replica)
        };
        let voters = members.into_iter().filter(|member| member.voter).map(|member| member.peer.replica);
        voters.map(|replica| Voter { replica, answers: replica == own || heard(replica) }).collect()
    }
}

fn waiting(what: String) -> Answered {
    Ok(done(what, 0, 0))
}

/// Why the cluster must not go on without `gone`; `None`: it may.
fn why_not_without(voters: &[Voter], gone: u64) -> Option<String> {
    let left: Vec<Voter> = voters.iter().copied().filter(|voter| voter.replica != gone).collect();
    if left.len() == voters.len() {
        return None; // It has no vote.
    }
    let needed = left.len() / 2 + 1;
    let answer = left.iter().filter(|voter| voter.answers).count();
    match left.len() {
        0 => Some("it is the last voter".to_owned()),
        left if answer < needed => {
            Some(format!("of the {left} voters that would be left only {answer} answer, and {needed} must"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(answers: &[bool]) -> Vec<Voter> {
        (1..).zip(answers).map(|(replica, answers)| Voter { replica, answers: *answers }).collect()
    }

    #[test]
    fn a_majority_of_those_who_are_left_must_answer() {
        assert_eq!(why_not_without(&voters(&[true, true, true]), 1), None);
        assert_eq!(why_not_without(&voters(&[true, true, false]), 3), None);
        let why = why_not_without(&voters(&[true, true, false]), 2).expect("refused");
        assert_eq!(why, "of the 2 voters that would be left only 1 answer, and 2 must");
        assert_eq!(why_not_without(&voters(&[true, true]), 2), None);
        assert_eq!(why_not_without(&voters(&[true]), 1).as_deref(), Some("it is the last voter"));
    }

    #[test]
    fn who_has_no_vote_may_always_go() {
        assert_eq!(why_not_without(&voters(&[true, false]), 9), None);
    }
}

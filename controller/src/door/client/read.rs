//! Reads: linearizable on every replica, or this replica's own state where the caller says so.

use muster_dialect::errno;
use muster_proto::wire::{reply, request};

use super::{Answered, At, Refusal};
use crate::views;

impl At<'_> {
    pub(super) async fn read(&self, body: request::Body) -> Answered {
        use reply::Body as Say;
        use request::Body;
        let (seat, member, caller) = (self.seat, &**self.member, self.caller);
        // Who answers, how far each replica is and what nodes said of their load, the leader alone knows.
        if matches!(body, Body::ListReplicas(_) | Body::ListNodes(_)) && !caller.local {
            self.require_leader()?;
        }
        if !caller.local {
            member.core.replica.barrier().await?;
        }
        Ok(match body {
            Body::ListJobs(asked) => Say::Jobs(views::jobs(member, caller, &asked)),
            Body::ListNodes(asked) => Say::Nodes(views::nodes(seat, member, caller, &asked).await?),
            Body::ListPartitions(asked) => Say::Partitions(views::partitions(member, caller, &asked)?),
            Body::ListHistory(asked) => Say::Jobs(views::history(member, caller, &asked)?),
            Body::ListSteps(asked) => Say::Steps(views::steps(member, caller, &asked)),
            Body::ShowConfig(_) => Say::Config(views::config_text(seat, member).await?),
            Body::ConfigVersions(asked) => Say::ConfigVersions(views::config_versions(member, caller, &asked)?),
            Body::ReadScript(asked) => Say::Script(views::script(member, caller, &asked.target.unwrap_or_default())?),
            Body::Stats(asked) => Say::Stats(views::stats(seat, member, caller, &asked).await?),
            Body::ListReplicas(_) => Say::Replicas(views::replicas(member)),
            Body::JobNodes(asked) => Say::NodeAddresses(views::job_nodes(member, &asked)?),
            // Mutations and waits were routed before.
            _ => return Err(Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR)),
        })
    }
}

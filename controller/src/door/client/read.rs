//! Reads: linearizable on every replica, or this replica's own state where the caller says so.

use muster_dialect::errno;
use muster_proto::wire::{reply, request};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::{Answered, At, Refusal};
use crate::counters::add_one;
use crate::views;

impl At<'_> {
    pub(super) async fn read(&self, body: request::Body) -> Answered {
        use reply::Body as Say;
        use request::Body;
        let (seat, member, caller) = (self.seat, &**self.member, self.caller);
        // Who answers, how far each replica is and what nodes said of their load, the leader alone knows; and sdiag is about it.
        if matches!(body, Body::ListReplicas(_) | Body::ListNodes(_) | Body::Stats(_)) && !caller.local {
            self.require_leader()?;
        }
        if !caller.local {
            member.core.replica.barrier().await?;
        }
        let _place = match is_long(&body) {
            true => Some(self.place().await?),
            false => None,
        };
        let answer = match body {
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
            Body::ListFences(asked) => Say::Fences(views::fences(member, caller, &asked)?),
            Body::JobNodes(asked) => Say::NodeAddresses(views::job_nodes(member, caller, &asked)?),
            // Mutations and waits were routed before.
            _ => return Err(Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR)),
        };
        if !caller.admin {
            seat.limits.charge_rows(caller.uid, rows(&answer), Instant::now());
        }
        Ok(answer)
    }

    /// One of the few places where long answers are built.
    async fn place(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let place = self.seat.limits.listing().await;
        place.ok_or_else(|| {
            add_one(&self.seat.counters.refused_busy);
            Refusal::busy("too many listings wait already")
        })
    }
}

/// Whether the answer may have as many rows as there are jobs or nodes.
fn is_long(body: &request::Body) -> bool {
    use request::Body;
    matches!(body, Body::ListJobs(_) | Body::ListHistory(_) | Body::ListSteps(_) | Body::ListNodes(_))
}

fn rows(answer: &reply::Body) -> usize {
    match answer {
        reply::Body::Jobs(list) => list.jobs.len(),
        reply::Body::Nodes(list) => list.nodes.len(),
        reply::Body::Steps(list) => list.steps.len(),
        _ => 0,
    }
}

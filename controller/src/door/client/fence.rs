//! Fencing by an operator: asked for, and looked at before it is (`--dry-run`).

use std::time::Duration;

use futures::future::join_all;
use muster_dialect::conf::FenceDevice;
use muster_dialect::errno;
use muster_proto::durable::{RequestFence, command};
use muster_proto::wire::{FencePlan, FencePlanStep, PlanFence, reply};

use super::{Answered, At, Refusal, done};
use crate::fence_agent::{FenceAction, FenceCall, FenceSaid};
use crate::leader::voters_answering;
use crate::views;

/// A dry run waits no longer than this for an agent: the client waits for all of them.
const ASK_MAX: Duration = Duration::from_secs(10);

impl At<'_> {
    /// The epoch is the leader's own to say.
    pub(super) async fn request_fence(&self, asked: RequestFence) -> Answered {
        let name = asked.name.clone();
        let body = command::Body::RequestFence(RequestFence { epoch: 0, ..asked });
        let answer = self.propose(body).await?;
        Ok(done(format!("fence operation {} of {name} is asked for", answer.version), 1, answer.version))
    }

    /// What would be done, and whether the agents answer. Changes nothing.
    pub(super) async fn plan_fence(&self, asked: &PlanFence) -> Answered {
        self.caller.require_admin()?;
        self.require_leader()?;
        self.member.core.replica.barrier().await?;
        let (voters, answering) = voters_answering(self.member);
        let own = self.member.core.identity.replica;
        let (known, devices, obstacle) = self.member.core.read(|cluster| {
            (
                cluster.node_by_name(&asked.name).is_some(),
                views::fence_plan(cluster, &asked.name),
                cluster.fence_obstacle(&asked.name, asked.force, own, &voters, &answering),
            )
        });
        if !known {
            return Err(Refusal::slurm(errno::ESLURM_INVALID_NODE_NAME));
        }
        let steps = join_all(devices.into_iter().map(|device| self.step(&asked.name, device))).await;
        Ok(reply::Body::FencePlan(FencePlan { steps, obstacle: obstacle.unwrap_or_default() }))
    }

    async fn step(&self, name: &str, device: FenceDevice) -> FencePlanStep {
        let limit = Duration::from_secs(u64::from(device.timeout_s)).min(ASK_MAX);
        let call = FenceCall { node: name.to_owned(), device, action: FenceAction::Status };
        let state = match self.seat.settings.fence_agents.call(&call, limit).await {
            Ok(FenceSaid::IsOff) => "off".to_owned(),
            Ok(FenceSaid::IsOn) => "on".to_owned(),
            Ok(FenceSaid::Acknowledged) => "unknown".to_owned(),
            Err(why) => why,
        };
        let parameters = call.parameters().into_iter().map(|(name, value)| format!("{name}={value}"));
        FencePlanStep {
            level: call.device.level,
            parameters: parameters.collect::<Vec<_>>().join(" "),
            agent: call.device.agent,
            password: call.device.password_file.is_some(),
            timeout_s: call.device.timeout_s,
            power_on: call.device.power_on,
            state,
        }
    }
}

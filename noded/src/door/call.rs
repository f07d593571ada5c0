//! Single questions: is the node there, and which processes belong to a job.

use muster_channel::Peer;
use muster_proto::wire::{Failure, NodePong, NodeReply, NodeRequest, PidList, Signed, node_reply, node_request};
use tonic::Status;

use super::{ACCESS_DENIED, Door, INVALID_JOB};

impl Door {
    pub(super) async fn answer(&self, peer: &Peer, signed: Signed) -> Result<NodeReply, Status> {
        let (speaker, request): (_, NodeRequest) = self.open(peer, &signed).await?;
        let body = match request.body {
            None => node_reply::Body::Failure(failure(INVALID_JOB, "an empty request")),
            Some(node_request::Body::Ping(_)) => node_reply::Body::Pong(NodePong {
                name: self.settings.node_name.clone(),
                version: self.settings.version.clone(),
                start_ms: self.start_ms,
            }),
            Some(node_request::Body::ListPids(wanted)) => {
                self.list_pids(speaker.uid, wanted.job_id, wanted.step_id).await
            }
        };
        Ok(NodeReply { body: Some(body) })
    }

    async fn list_pids(&self, uid: u32, job_id: u32, step_id: Option<u32>) -> node_reply::Body {
        let mut pids = Vec::new();
        let mut seen = false;
        for (step, job) in self.live_steps() {
            if (job_id != 0 && job != job_id) || step_id.is_some_and(|wanted| wanted != step.step) {
                continue;
            }
            seen = true;
            let owner = self.owner(step.attempt).map(|user| user.uid);
            if owner == Some(uid) || self.is_admin(uid) {
                pids.extend(self.steps.pids(step, job).await);
            } else if job_id != 0 {
                return node_reply::Body::Failure(failure(ACCESS_DENIED, "Access/permission denied"));
            }
        }
        if job_id != 0 && !seen {
            return node_reply::Body::Failure(failure(INVALID_JOB, "Invalid job id specified"));
        }
        node_reply::Body::Pids(PidList { pids })
    }
}

fn failure(error: u32, message: &str) -> Failure {
    Failure { error, message: message.into(), ..Failure::default() }
}

//! The node's own door: srun, sattach, sbcast and scontrol come here, each with a credential for this node.

mod attach;
mod broadcast;
mod call;
mod who;

use std::sync::{Arc, Mutex};

use muster_channel::{Credentials, Expect, MESSAGE_BYTES_MAX, Peer, Speaker, verify};
use muster_model::agent::{Agent, AttemptKey, StepKey};
use muster_proto::durable::JobSpec;
use muster_proto::wire::node_server::{Node, NodeServer};
use muster_proto::wire::{BroadcastChunk, BroadcastDone, FromTasks, NodeReply, Signed, ToTasks};
use prost::Message;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::{JobUser, Settings, Steps};

/// Slurm's ESLURM_USER_ID_MISSING family: what a caller may not do.
pub(crate) const ACCESS_DENIED: u32 = 2002;
/// Slurm's ESLURM_INVALID_JOB_ID.
pub(crate) const INVALID_JOB: u32 = 2017;

/// What the services share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    settings: Arc<Settings>,
    keeper: Arc<dyn Credentials>,
    agent: Arc<Mutex<Agent>>,
    steps: Arc<dyn Steps>,
    start_ms: u64,
}

impl Door {
    pub(crate) fn new(
        settings: Arc<Settings>,
        keeper: Arc<dyn Credentials>,
        agent: Arc<Mutex<Agent>>,
        steps: Arc<dyn Steps>,
        start_ms: u64,
    ) -> Self {
        Self { settings, keeper, agent, steps, start_ms }
    }

    pub(crate) fn routes(self) -> Routes {
        let server = NodeServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Routes::new(server)
    }

    /// Who speaks, and what: nothing of it is used unless the credential is for this very node.
    async fn open<M: Message + Default>(&self, peer: &Peer, signed: &Signed) -> Result<(Speaker, M), Status> {
        let cluster_id = self.agent().newest().cluster_id.clone();
        let audience = format!("node:{}", self.settings.node_name);
        let expect = Expect { cluster: &self.settings.cluster, cluster_id: &cluster_id, audience: &audience };
        let speaker = verify(&self.keeper, signed, expect).await;
        let speaker = speaker.map_err(|e| Status::unauthenticated(e.to_string()))?;
        who::check(peer, &speaker).await?;
        let message = M::decode(&signed.request[..]).map_err(|e| Status::invalid_argument(e.to_string()))?;
        Ok((speaker, message))
    }

    fn agent(&self) -> std::sync::MutexGuard<'_, Agent> {
        self.agent.lock().expect("no holder of this lock panics")
    }

    fn is_admin(&self, uid: u32) -> bool {
        self.settings.admins.contains(&uid)
    }

    /// Whose attempt it is; nothing if this node does not hold it.
    fn owner(&self, key: AttemptKey) -> Option<JobUser> {
        let agent = self.agent();
        let spec = agent.attempt(key)?.hold.as_ref()?.spec.as_ref()?;
        Some(job_user(spec))
    }

    /// Steps that live, with the job id of their attempt.
    fn live_steps(&self) -> Vec<(StepKey, u32)> {
        let agent = self.agent();
        let mut live = Vec::new();
        for row in agent.attempts() {
            let facts = row.hold.as_ref().and_then(|hold| hold.facts.as_ref());
            let job_id = facts.map_or(0, |facts| facts.job_id);
            let steps = row.steps.iter().filter(|step| step.exit.is_none());
            live.extend(steps.map(|step| (StepKey { attempt: row.key(), step: step.step }, job_id)));
        }
        live
    }
}

fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    Peer::of(request).map_err(|why| Status::unauthenticated(why.to_string()))
}

fn job_user(spec: &JobSpec) -> JobUser {
    JobUser { uid: spec.uid, gid: spec.gid, groups: spec.groups.clone() }
}

#[tonic::async_trait]
impl Node for Door {
    type AttachStream = ReceiverStream<Result<FromTasks, Status>>;

    async fn attach(&self, request: Request<Streaming<ToTasks>>) -> Result<Response<Self::AttachStream>, Status> {
        self.attach_stream(&peer(&request)?, request.into_inner()).await.map(Response::new)
    }

    async fn broadcast(&self, request: Request<Streaming<BroadcastChunk>>) -> Result<Response<BroadcastDone>, Status> {
        self.broadcast_file(&peer(&request)?, request.into_inner()).await.map(Response::new)
    }

    async fn call(&self, request: Request<Signed>) -> Result<Response<NodeReply>, Status> {
        self.answer(&peer(&request)?, request.into_inner()).await.map(Response::new)
    }
}

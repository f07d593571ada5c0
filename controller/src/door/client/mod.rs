//! The client door: one request message, checked in one place, then one file a family of requests.
//!
//! ```text
//! Signed ─► caller (who, and is it theirs) ─► mutation ─► leader completes ─► proposer ─► outcome ─► Reply
//!                                          └► read ─► barrier ─► views, on any replica
//!                                          └► cluster itself: ping, init, join, transfer
//! ```

mod caller;
mod completion;
mod fence;
mod init;
mod join;
mod kind;
mod mutation;
mod pass;
mod peek;
mod put_blob;
mod read;
mod reconfigure;
mod refusal;
mod replica;
mod snapshot;
mod step;
mod submit;
mod transfer;
mod upgrade;
mod wait;
mod watch;

pub(crate) use caller::Caller;
pub(crate) use kind::Kind;
pub(crate) use pass::Passes;
pub(crate) use reconfigure::reconfigure_here;
pub(crate) use refusal::Refusal;

use std::sync::Arc;
use std::time::Duration;

use muster_channel::Peer;
use muster_proto::durable::command;
use muster_proto::wire::{Age, Done, Pong, Reply, Signed, reply, request};
use muster_raft_store::Role;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use tonic::{Response, Status};

use super::limits::Spent;
use crate::counters::add_one;
use crate::listing::Encoded;
use crate::member::Member;
use crate::seat::Seat;

/// How long a request waits here for the outcome of an election: about as long as one takes.
const ELECTION: Duration = Duration::from_millis(600);

pub(crate) type Answered = Result<reply::Body, Refusal>;

/// An answer: made for one, or for all who asked the same.
#[derive(Debug)]
pub(crate) enum Said {
    One(reply::Body, Option<Age>),
    Shared(Encoded),
}

impl Said {
    fn alone(body: reply::Body) -> Self {
        Self::One(body, None)
    }
}

/// Serves requests.
pub(crate) struct ClientDoor {
    seat: Arc<Seat>,
}

impl ClientDoor {
    pub(crate) fn new(seat: Arc<Seat>) -> Self {
        Self { seat }
    }

    pub(crate) async fn call(&self, signed: Signed, peer: &Peer) -> Result<Response<Reply>, Status> {
        let looks = peek::only_looks(&signed.request);
        let Some(room) = self.seat.limits.enter(looks) else {
            add_one(&self.seat.counters.refused_busy);
            return Refusal::busy("this controller is busy").into_reply().map(Response::new);
        };
        match self.answer(&signed, peer, room, looks).await {
            Ok(Said::One(body, age)) => Ok(Response::new(Reply { body: Some(body), age })),
            Ok(Said::Shared(encoded)) => {
                // `listing::Sharing` sends it.
                let mut response = Response::new(Reply::default());
                response.extensions_mut().insert(encoded);
                Ok(response)
            }
            Err(refusal) => refusal.into_reply().map(Response::new),
        }
    }

    async fn answer(
        &self,
        signed: &Signed,
        peer: &Peer,
        room: SemaphorePermit<'_>,
        looks: bool,
    ) -> Result<Said, Refusal> {
        let started = Instant::now();
        let turn = if looks { self.seat.limits.check_reader().await } else { None };
        let (caller, body) = Caller::of(&self.seat, signed, peer).await?;
        drop(turn);
        self.spend(&caller)?;
        let kind = Kind::of(&body);
        // Who only waits takes nobody's place: watchers have a bound of their own.
        let _room = (!matches!(kind, Kind::WaitJob | Kind::WaitStep)).then_some(room);
        let answered = self.route(&caller, body).await;
        self.seat.counters.add(kind, caller.uid, started.elapsed());
        match answered {
            Err(Refusal::Elsewhere(_)) => Err(self.sent_on().await),
            answered => answered,
        }
    }

    /// To whoever leads, once somebody does.
    async fn sent_on(&self) -> Refusal {
        let Some(member) = self.seat.member() else { return Refusal::elsewhere() };
        member.until_led(ELECTION).await;
        member.leader().map_or_else(Refusal::elsewhere, |row| Refusal::leader_is(&row))
    }

    /// Administrators have no budget.
    fn spend(&self, caller: &Caller) -> Result<(), Refusal> {
        if caller.admin {
            return Ok(());
        }
        match self.seat.limits.spend(caller.uid, Instant::now()) {
            Spent::Yes => Ok(()),
            Spent::No(pause) => {
                add_one(&self.seat.counters.refused_budget);
                Err(Refusal::over_budget(pause))
            }
        }
    }

    fn give_pass(&self, caller: &Caller) -> Answered {
        let who = (caller.uid, caller.gid);
        let key = caller.pass_key.as_ref().ok_or_else(Refusal::denied)?;
        let given = self.seat.passes.give(&self.seat.outside.random, who, &key.0, Instant::now());
        given.map(reply::Body::PassGiven).ok_or_else(Refusal::denied)
    }

    /// Requests that an empty seat answers too come first.
    async fn route(&self, caller: &Caller, body: request::Body) -> Result<Said, Refusal> {
        use request::Body;
        match body {
            Body::Ping(_) => Ok(Said::One(reply::Body::Pong(pong(&self.seat)), None)),
            Body::GetPass(_) => self.give_pass(caller).map(Said::alone),
            Body::InitCluster(asked) => init::found(&self.seat, caller, asked).await.map(Said::alone),
            body => {
                let member = self.seat.member().ok_or_else(|| not_founded(&self.seat))?;
                At { seat: &self.seat, member: &member, caller }.route(body).await
            }
        }
    }
}

fn not_founded(seat: &Seat) -> Refusal {
    // Another controller may be a member: the client asks on.
    tracing::debug!(name = seat.name(), "asked before this controller is a member of the cluster");
    Refusal::elsewhere()
}

fn pong(seat: &Seat) -> Pong {
    let member = seat.member();
    let leader_name = member.as_ref().and_then(|member| member.leader()).map(|row| row.name).unwrap_or_default();
    Pong {
        name: seat.name().to_owned(),
        cluster: seat.cluster().to_owned(),
        cluster_id: member.as_ref().map(|member| member.core.identity.cluster_id.to_vec().into()).unwrap_or_default(),
        leader: member.as_ref().is_some_and(|member| member.leads()),
        leader_name,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        certificates_end_s: seat.outside.net.certificates_end_s().unwrap_or(0),
        now_s: (seat.outside.wall_ms)() / 1000,
    }
}

/// A believed request at a member of the cluster.
pub(crate) struct At<'a> {
    pub(crate) seat: &'a Arc<Seat>,
    pub(crate) member: &'a Arc<Member>,
    pub(crate) caller: &'a Caller,
}

impl At<'_> {
    async fn route(&self, body: request::Body) -> Result<Said, Refusal> {
        use command::Body as Do;
        use request::Body;
        let answered = match body {
            Body::Submit(asked) => self.submit(asked).await,
            Body::MakeStep(asked) => self.make_step(asked).await,
            Body::PutBlob(asked) => self.put_blob(asked).await,
            Body::Reconfigure(asked) => self.reconfigure(asked).await,
            Body::TransferLeader(asked) => self.transfer(&asked.to).await,
            Body::ChangeReplica(asked) => self.change_replica(asked).await,
            Body::FinishUpgrade(_) => self.finish_upgrade().await,
            Body::JoinCluster(asked) => self.join(asked).await,

            Body::UpdateJob(asked) => self.mutate(Do::UpdateJob(asked)).await,
            Body::CancelJobs(asked) => self.mutate(Do::CancelJobs(asked)).await,
            Body::RequeueJob(asked) => self.mutate(Do::RequeueJob(asked)).await,
            Body::EndAllocation(asked) => self.mutate(Do::EndAllocation(asked)).await,
            Body::SignalStep(asked) => self.mutate(Do::SignalStep(asked)).await,
            Body::UpdateNode(asked) => self.mutate(Do::UpdateNode(asked)).await,
            Body::UpdatePartition(asked) => self.mutate(Do::UpdatePartition(asked)).await,
            Body::ConfirmNodeDead(asked) => self.mutate(Do::ConfirmNodeDead(asked)).await,
            Body::RequestFence(asked) => self.request_fence(asked).await,
            Body::CancelFence(asked) => self.mutate(Do::CancelFence(asked)).await,
            Body::PlanFence(asked) => self.plan_fence(&asked).await,
            Body::SuspendJob(asked) => self.mutate(Do::SuspendJob(asked)).await,
            Body::NotifyJob(asked) => self.mutate(Do::NotifyJob(asked)).await,

            Body::WaitJob(asked) => self.wait_job(asked).await,
            Body::WaitStep(asked) => self.wait_step(asked).await,
            Body::Ping(_) | Body::InitCluster(_) => Ok(reply::Body::Pong(pong(self.seat))),
            read => return self.read(read).await,
        };
        answered.map(Said::alone)
    }

    /// Where the leader is, when it is not here.
    pub(crate) fn require_leader(&self) -> Result<(), Refusal> {
        // A quorum that is late is waited for by the proposal itself.
        if self.member.core.leadership().role == Role::Leader {
            return Ok(());
        }
        Err(self.elsewhere())
    }

    pub(crate) fn elsewhere(&self) -> Refusal {
        let leader = self.member.leader().filter(|row| row.replica != self.member.core.identity.replica);
        leader.map_or_else(Refusal::elsewhere, |row| Refusal::leader_is(&row))
    }
}

pub(crate) fn done(message: String, count: u32, version: u64) -> reply::Body {
    reply::Body::Done(Done { count, message, version, errors: Vec::new() })
}

//! Reads: linearizable on every replica, or this replica's own state, with its age, where the caller says so.
//!
//! Long listings are built once for all who ask the same ([`crate::listing`]); everything else is answered here.

use std::sync::Arc;

use muster_dialect::errno;
use muster_proto::wire::{Age, reply, request};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::{Answered, At, Refusal, Said};
use crate::freshness::AGE_MS_MAX;
use crate::listing::{Encoded, Key, Shared};
use crate::member::Member;
use crate::seat::Seat;
use crate::views::{self, Sight};

/// How often a listing is begun again because the configuration changed under it.
const TURNS_MAX: usize = 3;

impl At<'_> {
    pub(super) async fn read(&self, body: request::Body) -> Result<Said, Refusal> {
        // Who answers, how far each replica is and what nodes said of their load, the leader alone knows; and sdiag is about it.
        let leaders =
            matches!(body, request::Body::ListReplicas(_) | request::Body::ListNodes(_) | request::Body::Stats(_));
        let age = if self.caller.stale { Some(self.age()?) } else { None };
        if leaders && !self.caller.local && age.is_none() {
            self.require_leader()?;
        }
        match subject(&body) {
            Some(what) => self.listed(what, body, age).await.map(Said::Shared),
            None => {
                if !self.reads_own() {
                    self.member.core.replica.barrier().await?;
                }
                self.read_short(body).await.map(|body| Said::One(body, age))
            }
        }
    }

    /// This replica's own state, whatever the others have.
    fn reads_own(&self) -> bool {
        self.caller.local || self.caller.stale
    }

    /// How old this replica's own state may be; beyond a day, nobody should act on it.
    fn age(&self) -> Result<Age, Refusal> {
        let wall_ms = (self.seat.outside.wall_ms)();
        let age = self.member.freshness.age(&self.member.core, self.seat.name(), wall_ms);
        if age.old_ms_max <= AGE_MS_MAX {
            return Ok(age);
        }
        let why = format!("the state of controller {} may be more than a day old", self.seat.name());
        Err(Refusal::with(errno::ESLURM_INTERNAL, why))
    }

    /// A listing of what was committed when it was asked for; or of this replica's own state, not older than `age`.
    async fn listed(&self, what: &'static str, body: request::Body, age: Option<Age>) -> Result<Encoded, Refusal> {
        let mut question = Vec::with_capacity(body.encoded_len());
        body.encode(&mut question);
        for _ in 0..TURNS_MAX {
            let sight = self.caller.sees(self.member, what);
            let config = config_version(self.member);
            let key = Key { question: question.clone(), own: self.reads_own(), sight, config };
            let (seat, member) = (self.seat.clone(), self.member.clone());
            let build = Listing { seat, member, body: body.clone(), own: key.own, sight, config };
            let runtime = self.seat.settings.listing_runtime.clone().unwrap_or_else(Handle::current);
            match self.seat.flights.answer(&runtime, key, build).await? {
                Some(answer) => {
                    if !self.caller.admin {
                        self.seat.limits.charge_rows(self.caller.uid, answer.rows, Instant::now());
                    }
                    return Ok(answer.aged(age));
                }
                None => continue,
            }
        }
        Err(Refusal::busy("the configuration is changing"))
    }

    async fn read_short(&self, body: request::Body) -> Answered {
        use reply::Body as Say;
        use request::Body;
        let (seat, member, caller) = (self.seat, &**self.member, self.caller);
        Ok(match body {
            Body::ListPartitions(asked) => Say::Partitions(views::partitions(member, caller, &asked)?),
            Body::ShowConfig(_) => Say::Config(views::config_text(seat, member).await?),
            Body::ConfigVersions(asked) => Say::ConfigVersions(views::config_versions(member, caller, &asked)?),
            Body::ReadScript(asked) => Say::Script(views::script(member, caller, &asked.target.unwrap_or_default())?),
            Body::Stats(asked) => Say::Stats(views::stats(seat, member, caller, &asked).await?),
            Body::ListReplicas(_) => Say::Replicas(views::replicas(member)),
            Body::ListFences(asked) => Say::Fences(views::fences(member, caller, &asked)?),
            Body::JobNodes(asked) => Say::NodeAddresses(views::job_nodes(member, caller, &asked)?),
            // Listings, mutations and waits were routed before.
            _ => return Err(Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR)),
        })
    }
}

/// The word of `PrivateData` for a listing that may have as many rows as there are jobs or nodes.
fn subject(body: &request::Body) -> Option<&'static str> {
    use request::Body;
    match body {
        Body::ListJobs(_) | Body::ListHistory(_) | Body::ListSteps(_) => Some("jobs"),
        Body::ListNodes(_) => Some("nodes"),
        _ => None,
    }
}

fn config_version(member: &Member) -> u64 {
    member.config().map_or(0, |config| config.version)
}

/// A listing to be built, for whoever has this sight under this configuration.
struct Listing {
    seat: Arc<Seat>,
    member: Arc<Member>,
    body: request::Body,
    own: bool,
    sight: Sight,
    config: u64,
}

impl Shared for Listing {
    async fn reach(&self) -> Result<u64, Refusal> {
        match self.own {
            true => Ok(self.index()),
            false => Ok(self.member.core.replica.barrier().await?),
        }
    }

    fn index(&self) -> u64 {
        self.member.core.applied()
    }

    async fn build(self) -> Result<Option<Encoded>, Refusal> {
        use request::Body;
        let (seat, member, sight) = (&self.seat, &*self.member, self.sight);
        let built = match &self.body {
            Body::ListJobs(asked) => views::jobs(member, sight, asked).await,
            Body::ListNodes(asked) => views::nodes(seat, member, sight, asked).await,
            Body::ListHistory(asked) => views::history(member, sight, asked).await,
            Body::ListSteps(asked) => views::steps(member, sight, asked).await,
            _ => Err(Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR)),
        };
        // What was taken out of the state may be hidden by now: the sight must be as new as the rows.
        if config_version(member) != self.config {
            return Ok(None);
        }
        built.map(Some)
    }
}

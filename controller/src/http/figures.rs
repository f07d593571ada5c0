//! The numbers of one look: taken together, quickly, before any text is made of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use muster_dialect::conf::Proof;
use muster_model::cluster::Leases;
use muster_proto::durable;
use muster_proto::wire::RpcStat;
use muster_raft_store::{Metrics, Times};

use super::privacy;
use crate::counters::Count;
use crate::door::client::Kind;
use crate::member::Member;
use crate::seat::Seat;
use crate::views;

/// Users that are told apart: those with the most requests. The others are one.
const USERS_MAX: usize = 20;

/// See the module.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) member: Option<OfMember>,
    pub(super) failed: bool,
    pub(super) kinds: Vec<(Kind, Count)>,
    /// By uid, and those who are left together; `None`: private.
    pub(super) users: Option<(Vec<RpcStat>, u64)>,
    pub(super) refused: [(&'static str, u64); 5],
    pub(super) stale_reports: u64,
    pub(super) slow_watches: u64,
    pub(super) elections_won: u64,
    pub(super) leader_changes: u64,
    pub(super) passes: Times,
    pub(super) calls_under_way: usize,
    pub(super) listings_under_way: usize,
    pub(super) listings_built: u64,
    pub(super) listings_shared: u64,
    pub(super) watches: usize,
    pub(super) uptime_ms: u64,
}

/// Of a controller that is a member of the cluster.
#[derive(Debug)]
pub(super) struct OfMember {
    pub(super) raft: Metrics,
    /// How long the state was held by readers.
    pub(super) reads: Times,
    pub(super) listings: Times,
    pub(super) records_held_max: usize,
    pub(super) leads: bool,
    pub(super) knows_leader: bool,
    /// Name of each other replica and how far its log agrees, at the leader.
    pub(super) matched: Vec<(String, u64)>,
    /// Name of each other replica and how long it has been silent, at the leader, ms.
    pub(super) silent_ms: Vec<(String, u64)>,
    /// Name of each other replica, and 1 where it lost what it had acknowledged, at the leader.
    pub(super) distrusted: Vec<(String, u64)>,
    /// Name of each other replica and how often it refused this one, or was refused.
    pub(super) refusals: Vec<(String, u64)>,
    pub(super) proposals_waiting: usize,
    pub(super) node_sessions: usize,
    pub(super) refused_orders: u64,
    pub(super) frames_waiting: usize,
    pub(super) job_waits: usize,
    pub(super) jobs: usize,
    pub(super) pending: usize,
    pub(super) active: usize,
    pub(super) leases: OfLeases,
    pub(super) counters: durable::Counters,
    pub(super) generation: u64,
    pub(super) feature_level: u32,
    pub(super) config_version: u64,
}

/// Of nodes' leases, and of what waits for the end of one.
#[derive(Debug)]
pub(super) struct OfLeases {
    pub(super) nodes: Leases,
    /// Lost nodes that ran something.
    pub(super) waiting: usize,
    /// How long the most silent of them has been silent, at the leader, ms.
    pub(super) oldest_ms: Option<u64>,
}

impl Figures {
    pub(super) fn take(seat: &Seat) -> Self {
        let counters = &seat.counters;
        let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            member: seat.member().map(|member| OfMember::take(&member)),
            failed: seat.failure().borrow().is_some(),
            kinds: counters.ever_by_kind(),
            users: privacy::shows_users(seat).then(|| most_frequent(counters.by_user())),
            refused: [
                ("credential", now(&counters.refused_credentials)),
                ("garbage", now(&counters.garbage)),
                ("busy", now(&counters.refused_busy)),
                ("budget", now(&counters.refused_budget)),
                ("replica_frame", now(&counters.refused_frames)),
            ],
            stale_reports: now(&counters.stale_reports),
            slow_watches: now(&counters.slow_watches),
            elections_won: now(&counters.elections_won),
            leader_changes: now(&counters.leader_changes),
            passes: counters.passes.times(),
            calls_under_way: seat.limits.calls_under_way(),
            listings_built: now(&counters.listings_built),
            listings_shared: now(&counters.listings_shared),
            listings_under_way: seat.flights.under_way(),
            watches: seat.limits.watches(),
            uptime_ms: (seat.outside.wall_ms)().saturating_sub(seat.boot_ms()),
        }
    }
}

impl OfLeases {
    fn take(member: &Member, leads: bool) -> Self {
        let (nodes, waiting) = member.core.read(|cluster| {
            let by_lease = cluster.proof_of_death() == Proof::Lease;
            (cluster.leases(), if by_lease { cluster.provable() } else { Vec::new() })
        });
        let silent = waiting.iter().filter_map(|lost| member.sightings.silence(lost.node));
        let oldest = silent.map(|(_, silence)| silence).max().unwrap_or_default();
        Self { nodes, waiting: waiting.len(), oldest_ms: leads.then(|| whole_ms(oldest)) }
    }
}

fn whole_ms(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

impl OfMember {
    fn take(member: &Member) -> Self {
        let core = &member.core;
        let raft = core.replica.metrics();
        let leads = member.leads();
        let (jobs, pending, active, meta, names) = core.read(|cluster| {
            let others = cluster.replicas().filter(|row| !row.retired && row.replica != core.identity.replica);
            let names: Vec<_> = others.map(|row| (row.replica, row.name.clone())).collect();
            let (pending, active) = (cluster.startable_count(), cluster.active_count());
            (cluster.job_count(), pending, active, cluster.meta().clone(), names)
        });
        let matched = |id: u64| raft.matched.iter().find(|(replica, _)| *replica == id).map(|(_, index)| *index);
        let silent = |id: u64| member.transport.silent_for(id).map(whole_ms);
        let at_leader = |of: &dyn Fn(u64) -> Option<u64>| {
            let named = names.iter().filter(|_| leads).filter_map(|(id, name)| Some((name.clone(), of(*id)?)));
            named.collect::<Vec<_>>()
        };
        Self {
            matched: at_leader(&matched),
            silent_ms: at_leader(&silent),
            distrusted: at_leader(&|id| Some(u64::from(views::is_distrusted(member, id)))),
            refusals: names.iter().map(|(id, name)| (name.clone(), member.transport.refusals(*id))).collect(),
            reads: core.reads.times(),
            listings: core.listings.times(),
            records_held_max: core.records_held_max.load(Ordering::Relaxed),
            leads,
            knows_leader: core.leadership().leader.is_some(),
            proposals_waiting: member.proposer.waiting(),
            node_sessions: member.sessions.count(),
            refused_orders: member.sightings.refused_orders(),
            frames_waiting: member.sessions.frames_waiting(),
            job_waits: member.watchers.waits(),
            jobs,
            pending,
            active,
            leases: OfLeases::take(member, leads),
            counters: meta.counters.unwrap_or_default(),
            generation: meta.generation,
            feature_level: meta.feature_level,
            config_version: member.config().map_or(0, |config| config.version),
            raft,
        }
    }
}

/// The users with the most requests, and how many the others had together.
fn most_frequent(mut users: Vec<RpcStat>) -> (Vec<RpcStat>, u64) {
    let others = users.split_off(users.len().min(USERS_MAX));
    (users, others.iter().map(|user| user.count).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_beyond_the_most_frequent_are_one() {
        let user = |number| RpcStat { number, count: 100 - u64::from(number), ..RpcStat::default() };
        let (shown, others) = most_frequent((0..30).map(user).collect());
        assert_eq!((shown.len(), shown[0].number), (USERS_MAX, 0));
        assert_eq!(others, (20..30).map(|number| 100 - number).sum::<u64>());
    }
}

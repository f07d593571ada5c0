//! What `sdiag` shows.

use std::sync::atomic::{AtomicU64, Ordering};

use muster_dialect::errno;
use muster_dialect::state::JobState;
use muster_proto::wire::{DurationStat, RpcStat, Stats, StatsText};
use muster_raft_store::{Metrics, Role, Times};

use crate::door::client::{Caller, Refusal};
use crate::member::Member;
use crate::seat::Seat;

/// Counters of the state are the cluster's; those of requests are this controller's.
pub(crate) async fn stats(seat: &Seat, member: &Member, caller: &Caller, asked: &Stats) -> Result<StatsText, Refusal> {
    let wall_ms = (seat.outside.wall_ms)();
    if asked.reset {
        if !caller.admin {
            return Err(Refusal::slurm(errno::ESLURM_ACCESS_DENIED));
        }
        seat.counters.reset(wall_ms);
    }
    let (counters, pending, running) = member.core.read(|cluster| {
        let running = cluster.active_jobs().filter(|job| job.state() == JobState::Running).count();
        (cluster.meta().counters, cluster.startable_count(), running)
    });
    let text = StatsText {
        now_ms: wall_ms,
        since_ms: seat.counters.since_ms(),
        counters,
        pending: count(pending),
        running: count(running),
        rpcs: seat.counters.by_kind(),
        users: users(seat).await,
        ..StatsText::default()
    };
    Ok(of_raft(of_doors(text, seat, member), seat, &member.core.replica.metrics()))
}

async fn users(seat: &Seat) -> Vec<RpcStat> {
    let mut users = seat.counters.by_user();
    for user in &mut users {
        let found = seat.users.by_uid(user.number).await.ok().flatten();
        user.name = found.map_or_else(|| user.number.to_string(), |found| found.name);
    }
    users
}

fn of_doors(text: StatsText, seat: &Seat, member: &Member) -> StatsText {
    let counters = &seat.counters;
    let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    StatsText {
        name: seat.name().to_owned(),
        connections: count(member.sessions.count()),
        proposals_waiting: count(member.proposer.waiting()),
        orders_waiting: count(member.sessions.frames_waiting()),
        calls_under_way: count(seat.limits.calls_under_way()),
        listings_under_way: count(seat.flights.under_way()),
        waits: count(member.watchers.waits()),
        watches: count(seat.limits.watches()),
        refused_credentials: now(&counters.refused_credentials),
        refused_garbage: now(&counters.garbage),
        refused_busy: now(&counters.refused_busy),
        refused_budget: now(&counters.refused_budget),
        refused_frames: now(&counters.refused_frames),
        stale_reports: now(&counters.stale_reports),
        refused_orders: member.sightings.refused_orders(),
        elections_won: now(&counters.elections_won),
        leader_changes: now(&counters.leader_changes),
        ..text
    }
}

fn of_raft(text: StatsText, seat: &Seat, metrics: &Metrics) -> StatsText {
    let role = match metrics.role {
        Role::Learner => "learner",
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    };
    StatsText {
        term: metrics.term,
        role: role.to_owned(),
        commit_index: metrics.committed_index,
        applied_index: metrics.applied_index,
        snapshot_index: metrics.snapshot_index,
        log_entries: metrics.last_index.saturating_sub(metrics.purged_index),
        flushed_ms_ago: metrics.flushed_ms_ago,
        syncs: Some(durations(&metrics.sync_times)),
        applies: Some(durations(&metrics.apply_times)),
        passes: Some(durations(&seat.counters.passes.times())),
        ..text
    }
}

fn durations(times: &Times) -> DurationStat {
    DurationStat { count: times.count, total_us: times.total_us, max_us: times.max_us }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

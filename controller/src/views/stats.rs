//! What `sdiag` shows.

use muster_dialect::errno;
use muster_dialect::state::JobState;
use muster_proto::wire::{Stats, StatsText};

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
        (cluster.meta().counters, cluster.startable_jobs().count(), running)
    });
    let metrics = member.core.replica.metrics();
    let mut users = seat.counters.by_user();
    for user in &mut users {
        let found = seat.users.by_uid(user.number).await.ok().flatten();
        user.name = found.map_or_else(|| user.number.to_string(), |found| found.name);
    }
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(StatsText {
        now_ms: wall_ms,
        since_ms: seat.counters.since_ms(),
        counters,
        pending: count(pending),
        running: count(running),
        rpcs: seat.counters.by_kind(),
        users,
        commit_index: metrics.committed_index,
        applied_index: metrics.applied_index,
        connections: count(member.sessions.count()),
        proposals_waiting: count(member.proposer.waiting()),
        orders_waiting: 0,
    })
}

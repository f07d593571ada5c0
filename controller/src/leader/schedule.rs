//! Schedule: pending jobs × free resources → plans. What apply refuses is planned again on the newer state.

use muster_model::cluster::{Event, Outcome};
use muster_model::sched::{Limits, View, plan};
use muster_proto::durable::{CommitPlan, command};
use tokio::time::Instant;

use super::Term;
use super::wake::Wake;

pub(super) async fn run(term: Term) {
    let timers = term.seat.settings.timers.clone();
    let mut wake = Wake::new(term.member.core.replica.events(), timers.look_again);
    loop {
        while pass(&term).await {
            tokio::time::sleep(timers.schedule_rest).await;
        }
        wake.next(|event| {
            matches!(event, Event::ScheduleAgain | Event::NodeChanged { .. } | Event::ConfigChanged { .. })
        })
        .await;
        // Submits that come together are planned together.
        tokio::time::sleep(timers.schedule_rest).await;
    }
}

/// Plans once. Whether another pass would find a newer state to work on at once.
async fn pass(term: &Term) -> bool {
    let started = Instant::now();
    let core = &term.member.core;
    let index = core.applied();
    let mut view = core.read(|cluster| View::of(cluster, index));
    // Cluster time stands still while nothing is proposed: begin times must pass all the same.
    view.now_ms = view.now_ms.max(term.member.now_ms());
    let mut wanted = plan(&view, &limits(term));
    if wanted.placements.is_empty() && wanted.verdicts.is_empty() {
        return false;
    }
    wanted.pass_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let full = is_full(&wanted);
    match term.member.proposer.duty(command::Body::CommitPlan(wanted)).await {
        Ok(Outcome::Planned { accepted, refused }) => {
            if !refused.is_empty() {
                tracing::debug!(accepted, refused = refused.len(), "placements were refused, and are planned again");
            }
            full || !refused.is_empty()
        }
        Ok(other) => {
            tracing::warn!(?other, "a plan was not accepted");
            false
        }
        // Leadership ends, or no quorum answers: looked at again later.
        Err(_) => false,
    }
}

fn is_full(plan: &CommitPlan) -> bool {
    plan.placements.len() >= Limits::default().max_placements
}

fn limits(term: &Term) -> Limits {
    let config = term.member.config();
    let backfill =
        config.is_none_or(|config| config.conf.scheduler_type == muster_dialect::conf::SchedulerType::Backfill);
    let defaults = Limits::default();
    Limits { max_jobs_backfill: if backfill { defaults.max_jobs_backfill } else { 0 }, ..defaults }
}

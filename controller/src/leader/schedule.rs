//! Schedule: pending jobs × free resources → plans. What apply refuses is planned again on the newer state.
//!
//! A pass begins at once after something that it could use happened while it rested. The longer a pass takes, the longer
//! the rest after it: planning takes a bounded share of a core, whatever is submitted.

use std::time::Duration;

use muster_model::cluster::{Event, Outcome};
use muster_model::sched::{Limits, View, plan};
use muster_proto::durable::{CommitPlan, command};
use tokio::time::Instant;

use super::Term;
use super::wake::{Wake, Woken};

/// A pass is followed by a rest so many times as long as planning took: it takes at most a fifth of a core.
const REST_FACTOR: u32 = 4;
/// The longest rest.
const REST_MAX: Duration = Duration::from_secs(2);
/// How often a pass estimates when jobs will start although nothing is free, and looks although nothing was heard: Slurm's
/// `bf_interval`.
const ESTIMATE_EVERY: Duration = Duration::from_secs(30);

pub(super) async fn run(term: Term) {
    let timers = term.seat.settings.timers.clone();
    let mut wake = Wake::new(term.member.core.replica.events(), timers.look_again);
    let mut estimated: Option<Instant> = None;
    loop {
        let looked_ms = term.member.now_ms();
        let estimates = estimated.is_none_or(|at| at.elapsed() >= ESTIMATE_EVERY);
        if estimates {
            estimated = Some(Instant::now());
        }
        let Passed { took, again } = pass(&term, estimates).await;
        let ended = Instant::now();
        if !again {
            wait(&term, &mut wake, looked_ms, ended).await;
        }
        // Submits that come together are planned together.
        let rest = (took * REST_FACTOR).clamp(timers.schedule_rest, REST_MAX);
        tokio::time::sleep_until(ended + rest).await;
    }
}

fn concerns(event: &Event) -> bool {
    matches!(event, Event::ScheduleAgain | Event::ConfigChanged { .. })
}

/// Until something happened that a pass could use, or a begin time has come.
async fn wait(term: &Term, wake: &mut Wake, looked_ms: u64, ended: Instant) {
    loop {
        match wake.next(concerns).await {
            Woken::By(_) | Woken::Missed => return,
            Woken::Patience if ended.elapsed() >= ESTIMATE_EVERY => return,
            Woken::Patience => {
                let now_ms = term.member.now_ms();
                if term.member.core.read(|cluster| cluster.begins_between(looked_ms, now_ms)) {
                    return;
                }
            }
        }
    }
}

/// What came of a pass.
#[derive(Default)]
struct Passed {
    /// Planning alone: not the commit.
    took: Duration,
    /// Another pass would find a newer state to work on at once.
    again: bool,
}

async fn pass(term: &Term, estimates: bool) -> Passed {
    let started = Instant::now();
    let core = &term.member.core;
    let index = core.applied();
    let seen = core.read(|cluster| {
        // What is free on ten thousand nodes, ten times a second, for nobody: as they return to a new leader for instance.
        if !cluster.anybody_waits() {
            return None;
        }
        let limits = cluster.config().map_or_else(Limits::default, |config| Limits::of(config));
        Some((View::within(cluster, index, &limits), Limits { estimates, ..limits }))
    });
    let Some((mut view, limits)) = seen else { return Passed::default() };
    // Cluster time stands still while nothing is proposed: begin times must pass all the same.
    view.now_ms = view.now_ms.max(term.member.now_ms());
    let mut wanted = plan(&view, &limits);
    let took = started.elapsed();
    term.seat.counters.passes.add(took);
    if wanted.placements.is_empty() && wanted.verdicts.is_empty() {
        return Passed { took, again: false };
    }
    wanted.pass_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let full = wanted.placements.len() >= limits.max_placements || wanted.verdicts.len() >= limits.max_verdicts;
    let full = full || (view.more && !wanted.placements.is_empty());
    let again = commit(term, wanted, full).await;
    Passed { took, again }
}

/// Proposes a plan. Whether some of it was refused, or it was as long as a plan may be.
async fn commit(term: &Term, wanted: CommitPlan, full: bool) -> bool {
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

//! The leader's duties: each derives its work from committed state; events only wake it.
//!
//! ```text
//! won an election ─► barrier applied in this term ─► duties run ─► leadership or quorum lost ─► duties end
//! ```
//!
//! No duty keeps what the next leader would need.

mod dispatch;
mod fence;
mod fence_call;
mod liveness;
mod membership;
mod order;
mod outbox;
mod retention;
mod schedule;
mod time;
mod wake;
mod work;

pub(crate) use fence::voters_answering;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::member::Member;
use crate::seat::Seat;

/// After a barrier that failed in spite of leading.
const BARRIER_RETRY: Duration = Duration::from_millis(50);

/// One leadership of this controller.
#[derive(Clone)]
pub(crate) struct Term {
    pub(crate) seat: Arc<Seat>,
    pub(crate) member: Arc<Member>,
    pub(crate) number: u64,
}

/// Runs the duties while this controller leads, for as long as it is a member.
pub(crate) async fn run(seat: Arc<Seat>, member: Arc<Member>) {
    let mut changes = member.core.leadership_changes();
    loop {
        let now = member.core.leadership();
        if now.leads() {
            let term = Term { seat: seat.clone(), member: member.clone(), number: now.term };
            lead(&term).await;
            // A quorum that was late for a moment pauses duties; nodes stay.
            if member.core.leads_in(term.number) {
                tracing::warn!(term = term.number, "no majority answers: the leader's duties pause");
            } else {
                tracing::warn!(term = term.number, "leads no longer");
                member.sessions.end_all();
                member.sightings.forget_all();
            }
        } else if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Returns when `term` is over, or its quorum is late.
async fn lead(term: &Term) {
    let mut changes = term.member.core.leadership_changes();
    let over = async { while term.is_on() && changes.changed().await.is_ok() {} };
    let duties = async {
        while term.member.core.replica.barrier().await.is_err() {
            tokio::time::sleep(BARRIER_RETRY).await;
        }
        tracing::info!(term = term.number, name = term.seat.name(), "leading");
        let mut duties = start(term);
        while let Some(ended) = duties.join_next().await {
            if let Err(why) = ended {
                term.seat.fail(format!("a duty of the leader ended: {why}"));
            }
        }
    };
    tokio::select! {
        () = over => {}
        () = duties => {}
    }
}

impl Term {
    /// Whether this controller still leads in this term.
    pub(crate) fn is_on(&self) -> bool {
        let now = self.member.core.leadership();
        now.leads() && now.term == self.number
    }
}

/// Every duty; they end when the set is dropped.
fn start(term: &Term) -> JoinSet<()> {
    let mut duties = JoinSet::new();
    duties.spawn(schedule::run(term.clone()));
    duties.spawn(dispatch::run(term.clone()));
    duties.spawn(liveness::run(term.clone()));
    duties.spawn(fence::run(term.clone()));
    duties.spawn(time::run(term.clone()));
    duties.spawn(retention::run(term.clone()));
    duties.spawn(outbox::run(term.clone()));
    duties.spawn(work::run(term.clone()));
    duties.spawn(membership::run(term.clone()));
    duties
}

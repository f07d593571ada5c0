//! Retention: finished jobs after MinJobAge, remembered requests after their time, and stored intents that go on.

use muster_proto::durable::{ContinueWork, PurgeJobs, PurgeRequests, command};

use super::Term;

/// Jobs, requests or rows in one command.
const TOGETHER_MAX: usize = 1_000;
const REQUESTS_MAX: u32 = 10_000;

pub(super) async fn run(term: Term) {
    let mut wake = super::wake::Wake::new(term.member.core.replica.events(), term.seat.settings.timers.look_again);
    loop {
        if !pass(&term).await {
            wake.next(|_| false).await;
        }
    }
}

/// Proposes what is due now. Whether more is due at once.
async fn pass(term: &Term) -> bool {
    let now_ms = term.member.now_ms();
    let core = &term.member.core;
    let proposer = &term.member.proposer;
    let work: Vec<u64> = core.read(|cluster| cluster.work().map(|row| row.work).take(TOGETHER_MAX).collect());
    for work in &work {
        let _ = proposer.duty(command::Body::ContinueWork(ContinueWork { work: *work })).await;
    }
    let uids = core.read(|cluster| cluster.purgeable(now_ms, TOGETHER_MAX));
    let full = uids.len() >= TOGETHER_MAX;
    if !uids.is_empty() {
        let _ = proposer.duty(command::Body::PurgeJobs(PurgeJobs { uids })).await;
    }
    let forgettable = core.read(|cluster| cluster.next_request_expiry_ms()).is_some_and(|at| at <= now_ms);
    if forgettable {
        let purge = PurgeRequests { max_rows: REQUESTS_MAX };
        let _ = proposer.duty(command::Body::PurgeRequests(purge)).await;
    }
    term.is_on() && (full || !core.read(|cluster| cluster.work().next().is_none()))
}

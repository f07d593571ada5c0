//! Retention: finished jobs after MinJobAge, and remembered requests after their time.

use muster_proto::durable::{PurgeJobs, PurgeRequests, command};

use super::Term;

/// Jobs in one command.
const TOGETHER_MAX: usize = 1_000;
/// Requests in one command.
const REQUESTS_MAX: u32 = 10_000;

pub(super) async fn run(term: Term) {
    loop {
        if !pass(&term).await {
            tokio::time::sleep(term.seat.settings.timers.look_again).await;
        }
    }
}

/// Proposes what is due now. Whether more is due at once.
async fn pass(term: &Term) -> bool {
    let now_ms = term.member.now_ms();
    let core = &term.member.core;
    let proposer = &term.member.proposer;
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
    term.is_on() && full
}

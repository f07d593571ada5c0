//! Retention: finished jobs after MinJobAge, and remembered requests after their time.

use muster_model::cluster::Outcome;
use muster_proto::durable::{PurgeJobs, PurgeRequests, command};

use super::Term;

/// Jobs in one command. While it is applied nothing else is, and no heartbeat is sent: a few milliseconds' worth.
const TOGETHER_MAX: usize = 256;
/// Requests in one command, likewise.
const REQUESTS_MAX: u32 = 512;

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
    let mut more = full;
    if forgettable {
        let purge = PurgeRequests { max_rows: REQUESTS_MAX };
        let purged = proposer.duty(command::Body::PurgeRequests(purge)).await;
        more |= matches!(purged, Ok(Outcome::Done(answer)) if answer.count >= REQUESTS_MAX);
    }
    term.is_on() && more
}

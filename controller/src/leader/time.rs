//! Time: limits, deadlines and begin times that have passed. Apply checks each against its own stamp.

use muster_proto::durable::{ExpireJobs, PurgeRequests, command};

use super::Term;

/// Jobs in one command; more are taken at the next look.
const TOGETHER_MAX: usize = 1_000;

pub(super) async fn run(term: Term) {
    let look_again = term.seat.settings.timers.look_again;
    loop {
        if term.member.proposer.time_lags() {
            // Nothing was proposed for long, or every controller was down: a command that does nothing carries a stamp.
            let _ = term.member.proposer.duty(command::Body::PurgeRequests(PurgeRequests { max_rows: 0 })).await;
        }
        let now_ms = term.member.now_ms();
        let uids = term.member.core.read(|cluster| cluster.due(now_ms, TOGETHER_MAX));
        let more = uids.len() >= TOGETHER_MAX;
        if !uids.is_empty() {
            let _ = term.member.proposer.duty(command::Body::ExpireJobs(ExpireJobs { uids })).await;
        }
        if !more {
            tokio::time::sleep(look_again).await;
        }
    }
}

//! Work: an intent too big for one command (cancel a million tasks) is stored, and goes on by bounded ones.

use muster_model::cluster::Event;
use muster_proto::durable::{ContinueWork, command};

use super::Term;
use super::wake::Wake;

pub(super) async fn run(term: Term) {
    let mut wake = Wake::new(term.member.core.replica.events(), term.seat.settings.timers.look_again);
    loop {
        while let Some(work) = term.member.core.read(|cluster| cluster.work().next().map(|row| row.work)) {
            let go_on = command::Body::ContinueWork(ContinueWork { work });
            if term.member.proposer.duty(go_on).await.is_err() {
                break;
            }
        }
        // Whoever stores an intent has changed a job.
        wake.next(|event| matches!(event, Event::JobChanged { .. })).await;
    }
}

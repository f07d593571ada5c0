//! Outbox: effects at the controller that apply asked for. Mail, by `MailProg`, at least once.

use muster_proto::durable::{FinishOutbox, OutboxRow, command};

use super::Term;
use crate::mail;

/// Rows taken together.
const TOGETHER_MAX: usize = 64;

pub(super) async fn run(term: Term) {
    loop {
        let rows: Vec<OutboxRow> =
            term.member.core.read(|cluster| cluster.outbox().take(TOGETHER_MAX).cloned().collect());
        let more = !rows.is_empty();
        if more {
            carry_out(&term, rows).await;
        }
        if !more || !term.is_on() {
            tokio::time::sleep(term.seat.settings.timers.look_again).await;
        }
    }
}

async fn carry_out(term: &Term, rows: Vec<OutboxRow>) {
    let program = term.member.config().map(|config| config.conf.mail_prog.clone()).unwrap_or_default();
    for row in &rows {
        let job = term.member.core.read(|cluster| cluster.job(row.uid).cloned());
        // A job that left memory has nobody who waits for this mail any more.
        let Some(mail) = job.as_ref().and_then(|job| mail::compose(row, job)) else { continue };
        if let Err(why) = term.seat.mailer.send(&program, &mail).await {
            tracing::warn!(id = row.id, kind = row.kind, why, "a mail was not sent");
        }
    }
    // A mail that cannot be sent is not tried for ever: its failure was logged.
    let ids = rows.iter().map(|row| row.id).collect();
    let _ = term.member.proposer.duty(command::Body::FinishOutbox(FinishOutbox { ids })).await;
}

//! Mail about jobs: how it is worded, and who sends it.

use std::process::Stdio;
use std::time::Duration;

use muster_channel::BoxFuture;
use muster_dialect::state::JobState;
use muster_dialect::time::long;
use muster_model::cluster::Job;
use muster_proto::durable::OutboxRow;
use tokio::time::timeout;

/// Longest run of `MailProg`.
const MAIL_PROG: Duration = Duration::from_secs(30);

/// One mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Names this mail: a repeat has the same.
    pub id: u64,
    /// User or address.
    pub to: String,
    /// Its subject, as Slurm words it.
    pub subject: String,
}

/// Sends mail.
pub trait Mailer: Send + Sync + 'static {
    /// By `program`, as `MailProg` says. The error is for the log.
    fn send(&self, program: &str, mail: &Mail) -> BoxFuture<'_, Result<(), String>>;
}

/// Starts `MailProg -s SUBJECT USER`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailProg;

impl Mailer for MailProg {
    fn send(&self, program: &str, mail: &Mail) -> BoxFuture<'_, Result<(), String>> {
        let (program, mail) = (program.to_owned(), mail.clone());
        Box::pin(async move {
            // What a user wrote must not become an option of the mail program.
            if mail.to.is_empty() || mail.to.starts_with('-') {
                return Err(format!("\"{}\" is no address", mail.to));
            }
            let mut command = tokio::process::Command::new(&program);
            command.args(["-s", &mail.subject, &mail.to]).env("MUSTER_MAIL_ID", mail.id.to_string());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            let status = timeout(MAIL_PROG, command.status()).await.map_err(|_| format!("{program}: too slow"))?;
            match status {
                Ok(status) if status.success() => Ok(()),
                Ok(status) => Err(format!("{program}: {status}")),
                Err(why) => Err(format!("{program}: {why}")),
            }
        })
    }
}

/// Sends nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMail;

impl Mailer for NoMail {
    fn send(&self, _: &str, _: &Mail) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// The mail that a row of the outbox stands for; `None`: not a mail.
pub(crate) fn compose(row: &OutboxRow, job: &Job) -> Option<Mail> {
    let ended = || {
        let status = job.row.exit_status;
        let code = if job.state() == JobState::Cancelled {
            String::new()
        } else {
            format!(", ExitCode {}", status >> 8 & 0xff)
        };
        format!(", Run time {}, {}{code}", long(run_s(job)), job.state().long())
    };
    let what = match row.kind.strip_prefix("mail:")? {
        "begin" => format!("Began, Queued time {}", long(queued_s(job))),
        "end" => format!("Ended{}", ended()),
        "fail" => format!("Failed{}", ended()),
        "requeue" => "Requeued".to_owned(),
        other => other.to_owned(),
    };
    let subject = format!("Slurm Job_id={} Name={} {what}", job.row.job_id, job.spec().name);
    Some(Mail { id: row.id, to: row.text.clone(), subject })
}

fn queued_s(job: &Job) -> u64 {
    let start = job.newest_attempt().map_or(0, |attempt| attempt.start_ms.max(attempt.placed_ms));
    start.saturating_sub(job.row.submit_ms) / 1_000
}

fn run_s(job: &Job) -> u64 {
    job.newest_attempt().map_or(0, |attempt| job.row.end_ms.saturating_sub(attempt.start_ms) / 1_000)
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::{Attempt, JobRow, JobSpec};

    use super::*;

    #[test]
    fn mails_are_worded_as_slurm_words_them() {
        let spec = JobSpec { name: "wrap".into(), request: Some(Default::default()), ..JobSpec::default() };
        let attempt = Attempt { start_ms: 5_000, placed_ms: 5_000, ..Attempt::default() };
        let row = JobRow {
            job_id: 12,
            submit_ms: 4_000,
            end_ms: 15_000,
            state: JobState::Completed.code(),
            spec: Some(Box::new(spec)),
            attempts: vec![attempt],
            ..JobRow::default()
        };
        let job = Job::of(row).unwrap();
        let subject = |kind: &str| {
            let row = OutboxRow { kind: kind.into(), text: "alice".into(), ..OutboxRow::default() };
            compose(&row, &job).map(|mail| mail.subject)
        };
        assert_eq!(subject("mail:begin").unwrap(), "Slurm Job_id=12 Name=wrap Began, Queued time 00:00:01");
        let ended = "Slurm Job_id=12 Name=wrap Ended, Run time 00:00:10, COMPLETED, ExitCode 0";
        assert_eq!(subject("mail:end").unwrap(), ended);
        assert_eq!(subject("trigger"), None);
    }
}

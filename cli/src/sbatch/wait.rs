//! `sbatch --wait`: the command ends when the job does, and as it does.

use muster_dialect::exit_code::ExitCode;
use muster_dialect::state::JobState;
use muster_proto::durable::JobRow;
use muster_proto::wire::{Submitted, WaitJob, reply, request, wait_job};

use crate::list::has_begun;
use crate::refusal::{self, Refusal};
use crate::say::Voice;
use crate::site::Client;

/// How long one question may wait for the end, ms.
const PATIENCE_MS: u32 = 30_000;

/// Waits, through changes of leader and lost connections. The exit code is the job's; an array's is its worst task's.
pub(crate) async fn for_end(client: &Client, submitted: &Submitted, voice: Voice) -> u8 {
    loop {
        let wait = WaitJob {
            job_id: submitted.job_id,
            uid: submitted.uid,
            until: wait_job::Until::Ended.into(),
            patience_ms: PATIENCE_MS,
        };
        match client.call(request::Body::WaitJob(wait)).await {
            Ok(reply::Body::JobNow(now)) if !now.known => {
                voice.error(&format!("Job {} is not known any more: how it ended cannot be told", submitted.job_id));
                return refusal::failed();
            }
            Ok(reply::Body::JobNow(now)) if now.reached => {
                return now.job.and_then(|job| job.row).map_or(0, |row| code(&row));
            }
            Ok(_) => {}
            Err(error) => {
                let refusal = Refusal::of(&error, "how the job ended");
                return refusal
                    .report(voice, &format!("Unable to wait for job {}: {}", submitted.job_id, refusal.text));
            }
        }
    }
}

/// The job's own, and 1 where a signal ended it. One that was cut short while it ran may be told of before its script's end is.
fn code(row: &JobRow) -> u8 {
    let exit = ExitCode::from_wait_status(row.exit_status.cast_signed());
    let ended_by_itself = [JobState::Completed, JobState::Failed].iter().any(|state| row.state & 0xff == state.code());
    let cut_short = has_begun(row) && !ended_by_itself;
    match (exit.signal, exit.code) {
        (0, 0) => u8::from(cut_short),
        (0, code) => code,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::Attempt;

    use super::*;

    #[test]
    fn what_a_signal_ended_or_was_cut_short_is_no_success() {
        let told = |state: JobState, exit_status, ran: bool| {
            let attempts = if ran { vec![Attempt { number: 1, ..Attempt::default() }] } else { Vec::new() };
            code(&JobRow { state: state.code(), exit_status, attempts, ..JobRow::default() })
        };
        assert_eq!([told(JobState::Completed, 0, true), told(JobState::Failed, 5 << 8, true)], [0, 5]);
        assert_eq!([told(JobState::Failed, 9, true), told(JobState::Cancelled, 15, true)], [1, 1]);
        assert_eq!([told(JobState::Cancelled, 0, true), told(JobState::Timeout, 0, true)], [1, 1]);
        assert_eq!(told(JobState::Cancelled, 0, false), 0);
    }
}

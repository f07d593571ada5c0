//! `sbatch --wait`: the command ends when the job does, and as it does.

use muster_dialect::exit_code::ExitCode;
use muster_proto::wire::{Submitted, WaitJob, reply, request, wait_job};

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
                let row = now.job.and_then(|job| job.row);
                return row.map_or(0, |row| ExitCode::from_wait_status(row.exit_status.cast_signed()).shell_status());
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

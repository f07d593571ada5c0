//! The end of an allocation: given back, or taken.

use std::time::Duration;

use muster_proto::durable::EndAllocation;
use muster_proto::wire::{JobNow, WaitJob, reply, request, wait_job};

use crate::site::Client;

/// How long one question may wait for the end, ms.
const PATIENCE_MS: u32 = 30_000;
/// Pause after a question that nobody answered.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the command stays for the cluster to take its allocation back; the job ends by itself after that.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(60);

/// Ends the job with the wait status of what it was for. An error changes nothing for the user: the command is over.
pub(crate) async fn give_back(client: &Client, uid: u64, wait_status: u32) {
    let end = request::Body::EndAllocation(EndAllocation { uid, wait_status });
    let _over = tokio::time::timeout(GIVE_BACK_WITHIN, client.call(end)).await;
}

/// Returns when the job has ended, or is not known any more.
pub(crate) async fn ended(client: &Client, job_id: u32, uid: u64) -> JobNow {
    loop {
        let wait = WaitJob { job_id, uid, until: wait_job::Until::Ended.into(), patience_ms: PATIENCE_MS };
        match client.call(request::Body::WaitJob(wait)).await {
            Ok(reply::Body::JobNow(now)) if now.reached || !now.known => return now,
            Ok(_) => {}
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

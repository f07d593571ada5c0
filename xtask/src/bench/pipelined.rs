//! Durable submits through the client's own channel, many at a time: what the control plane takes without processes.

use std::time::{Duration, Instant};

use anyhow::Result;
use muster_channel::Client;

use super::caller::{client, config, submit};
use super::site::Site;

const WAITING: usize = 256;
const DURATION: Duration = Duration::from_secs(5);

/// Acknowledged submits a second, with 256 waiting at a time.
pub(super) fn rate(site: &Site) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rate = runtime.block_on(flood(site))?;
    site.clear()?;
    Ok(rate)
}

async fn flood(site: &Site) -> Result<f64> {
    let client = client(site, &config(site)?)?;
    let end = Instant::now() + DURATION;
    let submitters: Vec<_> = (0..WAITING).map(|_| tokio::spawn(submit_until(client.clone(), end))).collect();
    let mut total = 0;
    for submitter in submitters {
        total += submitter.await??;
    }
    Ok(total as f64 / DURATION.as_secs_f64())
}

async fn submit_until(client: Client, end: Instant) -> Result<usize> {
    let mut accepted = 0;
    while Instant::now() < end {
        submit(&client, true).await?;
        accepted += 1;
    }
    Ok(accepted)
}

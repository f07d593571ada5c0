//! Durable submits through the client's own channel, many at a time: what the control plane takes without processes.

use std::time::{Duration, Instant};

use anyhow::Result;
use muster_channel::Client;

use super::caller::{client, client_with_passes, config, submit};
use super::site::Site;

const WAITING: usize = 256;
const DURATION: Duration = Duration::from_secs(5);

/// Acknowledged submits a second, with 256 waiting at a time: with a credential a request, and with a pass.
pub(super) fn rates(site: &Site) -> Result<[f64; 2]> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rates = [0.0; 2];
    for (rate, passes) in rates.iter_mut().zip([false, true]) {
        *rate = runtime.block_on(flood(site, passes))?;
        site.clear()?;
    }
    Ok(rates)
}

/// `cargo xtask bench pipelined`: these alone.
pub(crate) fn run() -> Result<()> {
    let site = Site::muster()?;
    println!("machine: {}", super::disk::machine());
    print(rates(&site)?);
    Ok(())
}

pub(super) fn print([credentials, pass]: [f64; 2]) {
    println!("\n{:<42} {credentials:>12.0}", "durable submits/s, pipelined (256 waiting)");
    println!("{:<42} {pass:>12.0}", "the same with one pass");
}

async fn flood(site: &Site, passes: bool) -> Result<f64> {
    let config = config(site)?;
    let client = if passes { client_with_passes(site, &config)? } else { client(site, &config)? };
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

//! Durable submits through the client's own channel, many at a time: what the control plane takes without processes.

use std::time::{Duration, Instant};

use anyhow::Result;
use muster_channel::Client;

use super::caller::{client, client_with_passes, config, submit};
use super::cost::Spent;
use super::site::Site;

const WAITING: usize = 256;
const DURATION: Duration = Duration::from_secs(5);

/// Acknowledged submits a second with 256 waiting at a time, and what each cost.
pub(super) struct Rate {
    a_second: f64,
    costs: String,
}

/// With a credential a request, and with a pass.
pub(super) fn rates(site: &Site) -> Result<[Rate; 2]> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let credentials = runtime.block_on(flood(site, false))?;
    site.clear()?;
    let pass = runtime.block_on(flood(site, true))?;
    site.clear()?;
    Ok([credentials, pass])
}

/// `cargo xtask bench pipelined`: these alone.
pub(crate) fn run() -> Result<()> {
    let site = Site::muster()?;
    println!("machine: {}", super::disk::machine());
    println!("disk: {:.0} fsyncs/s", super::disk::fsyncs(&site)?);
    let rates = rates(&site)?;
    print(&rates);
    for (name, rate) in ["credentials", "pass"].iter().zip(&rates) {
        println!("microseconds of processor time a submit, {name}: {}", rate.costs);
    }
    Ok(())
}

pub(super) fn print([credentials, pass]: &[Rate; 2]) {
    println!("\n{:<42} {:>12.0}", "durable submits/s, pipelined (256 waiting)", credentials.a_second);
    println!("{:<42} {:>12.0}", "the same with one pass", pass.a_second);
}

async fn flood(site: &Site, passes: bool) -> Result<Rate> {
    let config = config(site)?;
    let client = if passes { client_with_passes(site, &config)? } else { client(site, &config)? };
    let before = Spent::look(site);
    let end = Instant::now() + DURATION;
    let submitters: Vec<_> = (0..WAITING).map(|_| tokio::spawn(submit_until(client.clone(), end))).collect();
    let mut total = 0;
    for submitter in submitters {
        total += submitter.await??;
    }
    let costs = Spent::look(site).since(&before, total);
    Ok(Rate { a_second: total as f64 / DURATION.as_secs_f64(), costs })
}

async fn submit_until(client: Client, end: Instant) -> Result<usize> {
    let mut accepted = 0;
    while Instant::now() < end {
        submit(&client, true).await?;
        accepted += 1;
    }
    Ok(accepted)
}

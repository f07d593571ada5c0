//! `cargo xtask bench flood`: what clients that poll cost those who work. From submit to start, in turn: quiet, beside a program that takes
//! the processor time of those clients and asks nothing, and with many listing the queue again and again; and how long a listing ever held
//! the state, for which applying waits.

use std::time::{Duration, Instant};

use anyhow::Result;
use muster_channel::Client;
use muster_dialect::conf::Config;
use muster_proto::wire::{WaitJob, request, wait_job};

use super::caller::{client, config, fill, submit};
use super::cost::Spent;
use super::http;
use super::pollers::Pollers;
use super::site::Site;

/// How much.
pub(crate) struct Flood {
    /// Clients that poll.
    pub(crate) pollers: usize,
    /// Jobs in the queue that they list.
    pub(crate) jobs: usize,
    /// Starts that are timed of each kind.
    pub(crate) starts: usize,
}

/// The three kinds are taken in turn so many times.
const ROUNDS: usize = 5;
/// Between two submits: what one job leaves to do is done before the next begins.
const START_EVERY: Duration = Duration::from_millis(50);

/// Runs it and prints what it cost.
pub(crate) fn run(flood: &Flood) -> Result<()> {
    let site = Site::muster()?;
    println!("machine: {}", super::disk::machine());
    let config = config(&site)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Measured { quiet, beside, flooded, polled } = runtime.block_on(measure(&site, &config, flood))?;
    let [quiet, beside, flooded] = [quiet, beside, flooded].map(super::median);
    print("submit to start, quiet, ms (median)", format!("{quiet:.1}"));
    print("… beside a program that only computes", format!("{beside:.1}"));
    print("… in the flood", format!("{flooded:.1}"));
    print("more than beside that program, %", format!("{:.1}", (flooded / beside - 1.0) * 100.0));
    print("more than quiet, %", format!("{:.1}", (flooded / quiet - 1.0) * 100.0));
    polled.print(flood);
    for address in http::doors(&config) {
        let holds = http::buckets(&http::get(&address, "/metrics")?, "muster_state_read_seconds");
        print(&format!("state held by readers at {address}"), holds);
    }
    site.clear()
}

fn print(what: &str, figure: impl std::fmt::Display) {
    println!("{what:<48} {figure:>10}");
}

/// Milliseconds from submit to start, of each kind.
struct Measured {
    quiet: Vec<f64>,
    beside: Vec<f64>,
    flooded: Vec<f64>,
    polled: Polled,
}

/// While they polled.
#[derive(Default)]
struct Polled {
    listings: usize,
    took: Duration,
    /// Processor time, of the cluster and of this program; and of those who poll alone.
    spent: Duration,
    by_pollers: Duration,
    /// For each listing of the last round, by process.
    each: String,
}

impl Polled {
    fn print(&self, flood: &Flood) {
        let (pollers, jobs) = (flood.pollers, flood.jobs);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
        let took = self.took.as_secs_f64();
        let share = |time: Duration| format!("{:.0}", time.as_secs_f64() / took / cores * 100.0);
        print(&format!("listings answered, {pollers} pollers, {jobs} jobs"), self.listings);
        print("listings answered, a second", format!("{:.0}", self.listings as f64 / took));
        print("of the machine's processors, %", share(self.spent));
        print("… by those who poll", share(self.by_pollers));
        print("µs a listing, starts of jobs included", format!("  {}", self.each));
    }
}

async fn measure(site: &Site, config: &Config, flood: &Flood) -> Result<Measured> {
    let client = client(site, config)?;
    fill(&client, flood.jobs, |_| ()).await?;
    let clients = (0..flood.pollers).map(|_| super::caller::client(site, config)).collect::<Result<Vec<_>>>()?;
    let pollers = Pollers::begin(clients)?;
    let (mut quiet, mut beside, mut flooded) = (Vec::new(), Vec::new(), Vec::new());
    let mut polled = Polled::default();
    for _ in 0..ROUNDS {
        quiet.extend(starts(&client, flood.starts / ROUNDS).await?);
        pollers.list().await;
        let (begun, before) = (Instant::now(), Spent::look(site));
        let (listed, spent) = (pollers.answered(), pollers.spent());
        flooded.extend(starts(&client, flood.starts / ROUNDS).await?);
        let (took, after) = (begun.elapsed(), Spent::look(site));
        let (listings, by_pollers) = (pollers.answered() - listed, pollers.spent() - spent);
        polled.listings += listings;
        polled.took += took;
        polled.spent += after.all_since(&before);
        polled.by_pollers += by_pollers;
        polled.each = after.since(&before, listings);
        pollers.rest().await;
        pollers.compute(by_pollers.as_secs_f64() / took.as_secs_f64());
        beside.extend(starts(&client, flood.starts / ROUNDS).await?);
        pollers.rest().await;
    }
    pollers.end()?;
    Ok(Measured { quiet, beside, flooded, polled })
}

/// Milliseconds from submit to start, of each.
async fn starts(client: &Client, count: usize) -> Result<Vec<f64>> {
    let mut figures = Vec::new();
    let mut next = tokio::time::interval(START_EVERY);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for _ in 0..count {
        next.tick().await;
        let begun = Instant::now();
        let uid = submit(client, false).await?.uid;
        let wait = WaitJob { uid, until: wait_job::Until::Started.into(), patience_ms: 30_000, ..WaitJob::default() };
        client.call(request::Body::WaitJob(wait)).await?;
        figures.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(figures)
}

//! `cargo xtask bench flood`: what clients that poll cost those who work. From submit to start, quiet, and with many listing
//! the queue again and again; and how long a listing ever held the state, for which applying waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use muster_channel::Client;
use muster_dialect::conf::Config;
use muster_proto::wire::{ListJobs, WaitJob, request, wait_job};
use tokio::sync::oneshot;

use super::caller::{client, config, fill, submit};
use super::cost::Spent;
use super::http;
use super::site::Site;

/// How much.
pub(crate) struct Flood {
    /// Clients that poll.
    pub(crate) pollers: usize,
    /// Jobs in the queue that they list.
    pub(crate) jobs: usize,
    /// Starts that are timed, quiet and in the flood.
    pub(crate) starts: usize,
}

/// A poller lists as `squeue` does, waits so long, and lists again: `watch -n1 squeue`.
const POLL_PAUSE: Duration = Duration::from_secs(1);

/// Runs it and prints what it cost.
pub(crate) fn run(flood: &Flood) -> Result<()> {
    let site = Site::muster()?;
    println!("machine: {}", super::disk::machine());
    let config = config(&site)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measure(&site, &config, flood));
    let Measured { quiet_ms, flooded_ms, listings, took, spent, each } = measured?;
    println!("{:<48} {quiet_ms:>10.1}", "submit to start, quiet, ms (median)");
    println!("{:<48} {flooded_ms:>10.1}", "submit to start in the flood, ms (median)");
    println!("{:<48} {:>10.1}", "more, %", (flooded_ms / quiet_ms - 1.0) * 100.0);
    println!("{:<48} {listings:>10}", format!("listings answered, {} pollers, {} jobs", flood.pollers, flood.jobs));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    let (rate, share) = (listings as f64 / took.as_secs_f64(), spent.as_secs_f64() / took.as_secs_f64() / cores);
    println!("{:<48} {rate:>10.0}", "listings answered, a second");
    println!("{:<48} {:>10.0}   {each}", "of the machine's processors, %; µs a listing", share * 100.0);
    for address in http::doors(&config) {
        let holds = http::buckets(&http::get(&address, "/metrics")?, "muster_state_read_seconds");
        println!("{:<48} {holds}", format!("state held by readers at {address}"));
    }
    site.clear()
}

/// What came of it.
struct Measured {
    /// Medians.
    quiet_ms: f64,
    flooded_ms: f64,
    /// Answered while starts were timed in the flood.
    listings: usize,
    took: Duration,
    /// Processor time meanwhile, of the cluster and of those who poll; and for each listing, by process.
    spent: Duration,
    each: String,
}

async fn measure(site: &Site, config: &Config, flood: &Flood) -> Result<Measured> {
    let client = client(site, config)?;
    fill(&client, flood.jobs, |_| ()).await?;
    let quiet_ms = starts(&client, flood.starts).await?;
    let clients = (0..flood.pollers).map(|_| super::caller::client(site, config)).collect::<Result<Vec<_>>>()?;
    let polls = Arc::new(AtomicUsize::new(0));
    let pollers = Pollers::begin(clients, polls.clone())?;
    while polls.load(Ordering::Relaxed) < flood.pollers * 2 {
        tokio::time::sleep(POLL_PAUSE / 10).await;
    }
    let (begun, before, polled) = (Instant::now(), Spent::look(site), polls.load(Ordering::Relaxed));
    let flooded_ms = starts(&client, flood.starts).await?;
    let (took, after, listings) = (begun.elapsed(), Spent::look(site), polls.load(Ordering::Relaxed) - polled);
    pollers.end()?;
    let (spent, each) = (after.all_since(&before), after.since(&before, listings));
    Ok(Measured { quiet_ms, flooded_ms, listings, took, spent, each })
}

/// A thread of its own, for whoever polls: what they do with their answers must not hold up the clock of who works. It takes
/// what the others leave, as if it were another host.
struct Pollers {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// The least that a thread can be given.
const NICE_MAX: i32 = 19;

impl Pollers {
    fn begin(clients: Vec<Client>, polls: Arc<AtomicUsize>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            if let Err(why) = rustix::process::nice(NICE_MAX) {
                eprintln!("pollers are as important as the cluster: {why}");
            }
            runtime.block_on(async {
                let mut pollers = tokio::task::JoinSet::new();
                for client in clients {
                    pollers.spawn(poll(client, polls.clone()));
                }
                // Dropping the sender is the signal, too.
                let _ = stopped.await;
            });
        };
        Ok(Self { stop, thread: std::thread::Builder::new().name("pollers".into()).spawn(run)? })
    }

    fn end(self) -> Result<()> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow!("a poller panicked"))
    }
}

/// The median of milliseconds from submit to start.
async fn starts(client: &Client, count: usize) -> Result<f64> {
    let mut figures = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        let uid = submit(client, false).await?.uid;
        let wait = WaitJob { uid, until: wait_job::Until::Started.into(), patience_ms: 30_000, ..WaitJob::default() };
        client.call(request::Body::WaitJob(wait)).await?;
        figures.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(super::median(figures))
}

async fn poll(client: Client, polls: Arc<AtomicUsize>) {
    loop {
        // A listing that is refused for now is asked again by the client itself.
        let asked = ListJobs { brief: true, ..ListJobs::default() };
        if client.call(request::Body::ListJobs(asked)).await.is_ok() {
            polls.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(POLL_PAUSE).await;
    }
}

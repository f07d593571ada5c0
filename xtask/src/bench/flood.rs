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
    let (quiet, flooded, polls) = measured?;
    println!("{:<48} {:>10.1}", "submit to start, quiet, ms (median)", quiet);
    println!("{:<48} {:>10.1}", "submit to start in the flood, ms (median)", flooded);
    println!("{:<48} {:>10.1}", "more, %", (flooded / quiet - 1.0) * 100.0);
    println!("{:<48} {polls:>10}", format!("listings answered, {} pollers, {} jobs", flood.pollers, flood.jobs));
    for address in http::doors(&config) {
        let holds = http::buckets(&http::get(&address, "/metrics")?, "muster_state_read_seconds");
        println!("{:<48} {holds}", format!("state held by readers at {address}"));
    }
    site.clear()
}

/// Medians quiet and in the flood, and listings answered.
async fn measure(site: &Site, config: &Config, flood: &Flood) -> Result<(f64, f64, usize)> {
    let client = client(site, config)?;
    fill(&client, flood.jobs, |_| ()).await?;
    let quiet = starts(&client, flood.starts).await?;
    let clients = (0..flood.pollers).map(|_| super::caller::client(site, config)).collect::<Result<Vec<_>>>()?;
    let polls = Arc::new(AtomicUsize::new(0));
    let pollers = Pollers::begin(clients, polls.clone())?;
    while polls.load(Ordering::Relaxed) < flood.pollers * 2 {
        tokio::time::sleep(POLL_PAUSE / 10).await;
    }
    let flooded = starts(&client, flood.starts).await?;
    pollers.end()?;
    Ok((quiet, flooded, polls.load(Ordering::Relaxed)))
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

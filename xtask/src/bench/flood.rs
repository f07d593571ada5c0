//! `cargo xtask bench flood`: what clients that poll cost those who work. From submit to start, quiet, and with many listing
//! the queue again and again; and how long a listing ever held the state, for which applying waits.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use muster_channel::{Client, ClientOptions, Credentials, Munge, Outside};
use muster_dialect::conf;
use muster_dialect::conf::Config;
use muster_proto::durable::{JobKind, JobSpec, Request};
use muster_proto::wire::{ListJobs, Submit, WaitJob, reply, request, wait_job};

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

/// A poller lists, waits so long, and lists again: `watch -n1 squeue`.
const POLL_PAUSE: Duration = Duration::from_secs(1);
/// Submits under way while the queue is filled.
const FILLERS: usize = 64;

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
    for host in &config.slurmctld_hosts {
        let address = format!("{}:{}", host.addr, config.slurmctld_ports.0);
        println!("{:<48} {}", format!("state held by readers at {}", host.name), holds(&address)?);
    }
    site.clear()
}

/// Medians quiet and in the flood, and listings answered.
async fn measure(site: &Site, config: &Config, flood: &Flood) -> Result<(f64, f64, usize)> {
    let client = client(site, config)?;
    fill(&client, flood.jobs).await?;
    let quiet = starts(&client, flood.starts).await?;
    let mut pollers = tokio::task::JoinSet::new();
    let polls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for _ in 0..flood.pollers {
        pollers.spawn(poll(self::client(site, config)?, polls.clone()));
    }
    tokio::time::sleep(POLL_PAUSE * 2).await;
    let flooded = starts(&client, flood.starts).await?;
    pollers.shutdown().await;
    Ok((quiet, flooded, polls.load(std::sync::atomic::Ordering::Relaxed)))
}

fn config(site: &Site) -> Result<Config> {
    let path = site.directory.join("etc/slurm.conf");
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let parsed = conf::parse(&read, &path.display().to_string());
    parsed.config.context("the cluster's configuration does not parse")
}

fn client(site: &Site, config: &Config) -> Result<Client> {
    let socket = site.directory.join("run/munge.sock");
    let keeper: Arc<dyn Credentials> = Arc::new(Munge::load(Some(&socket))?);
    let port = config.slurmctld_ports.0;
    let options = ClientOptions {
        cluster: config.cluster_name.clone(),
        controllers: config.slurmctld_hosts.iter().map(|host| format!("{}:{port}", host.addr)).collect(),
        host: "bench".into(),
        program: "bench".into(),
        one_try: Duration::from_secs(30),
        give_up: Duration::from_secs(60),
    };
    Ok(Client::new(Outside::real(), keeper, options))
}

async fn fill(client: &Client, jobs: usize) -> Result<()> {
    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..jobs {
        while under_way.len() >= FILLERS {
            under_way.join_next().await.context("one is under way")???;
        }
        let client = client.clone();
        under_way.spawn(async move { submit(&client, true).await.map(drop) });
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(())
}

/// The median of milliseconds from submit to start.
async fn starts(client: &Client, count: usize) -> Result<f64> {
    let mut figures = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        let uid = submit(client, false).await?;
        let wait = WaitJob { uid, until: wait_job::Until::Started.into(), patience_ms: 30_000, ..WaitJob::default() };
        client.call(request::Body::WaitJob(wait)).await?;
        figures.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(super::median(figures))
}

async fn submit(client: &Client, hold: bool) -> Result<u64> {
    let spec = JobSpec {
        kind: JobKind::Batch.into(),
        name: "flood".into(),
        request: Some(Request { min_nodes: 1, ntasks: 1, cpus_per_task: 1, ..Request::default() }),
        hold,
        work_dir: "/tmp".into(),
        std_out: "/dev/null".into(),
        umask: 0o022,
        ..JobSpec::default()
    };
    let (script, environment) = ("#!/bin/sh\ntrue\n".into(), "PATH=/usr/bin:/bin\0".into());
    match client.call(request::Body::Submit(Submit { spec: Some(spec), script, environment, test_only: false })).await?
    {
        reply::Body::Submitted(submitted) => Ok(submitted.uid),
        _ => bail!("an answer that is none"),
    }
}

async fn poll(client: Client, polls: Arc<std::sync::atomic::AtomicUsize>) {
    loop {
        // A listing that is refused for now is asked again by the client itself.
        if client.call(request::Body::ListJobs(ListJobs::default())).await.is_ok() {
            polls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        tokio::time::sleep(POLL_PAUSE).await;
    }
}

/// The buckets of `muster_state_read_seconds`: how many holds took at most so long.
fn holds(address: &str) -> Result<String> {
    let mut stream = std::net::TcpStream::connect(address).with_context(|| address.to_owned())?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    let buckets = page.lines().filter_map(|line| line.strip_prefix("muster_state_read_seconds_bucket{le=\""));
    let told = buckets.filter_map(|line| line.split_once("\"} ")).map(|(bound, count)| format!("<{bound}s: {count}"));
    Ok(told.collect::<Vec<_>>().join(", "))
}

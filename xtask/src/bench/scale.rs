//! `cargo xtask bench scale`: what a large state costs. Memory, submits while nothing else happens and while a snapshot is
//! saved, listings, planned stops of the leader, and restarts.
//!
//! The jobs are real submits, in a thousand kinds, and wait for nodes that one job has taken: the scheduler looks at all of
//! them again and again.

use std::io::{IsTerminal, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use muster_channel::Client;
use muster_dialect::conf::Config;
use muster_proto::durable::{JobSpec, Request};
use muster_proto::wire::{WaitJob, request, wait_job};
use tokio::runtime::Runtime;

use super::caller::{client_with_passes, config, fill_with, job, submit, submit_job};
use super::failover::{leader, start, wait_whole};
use super::http;
use super::latency::{Latencies, paced};
use super::site::Site;

/// How much.
pub(crate) struct Scale {
    /// Jobs in the queue, each with its own record.
    pub(crate) jobs: usize,
    /// Planned stops of the leader.
    pub(crate) stops: usize,
    /// Submits a second while latencies are taken.
    pub(crate) rate: f64,
}

const CONTROLLERS: [&str; 3] = ["c1", "c2", "c3"];
/// Jobs differ by their names, of which there are so many.
const KINDS: usize = 1000;
/// How long latencies are taken where nothing else happens.
const QUIET: Duration = Duration::from_secs(30);
/// Snapshots saved one after another while latencies are taken, at least so long.
const SAVING: Duration = Duration::from_secs(10);
/// Beyond the jobs asked for: those of the latencies.
const JOBS_MORE: usize = 1_000_000;
/// A controller that does not serve within this is given up.
const START_MAX: Duration = Duration::from_secs(120);

/// Runs it and prints what it cost.
pub(crate) fn run(scale: &Scale) -> Result<()> {
    let site = Site::muster_with(&[("MUSTER_DEMO_MAX_JOBS", (scale.jobs + JOBS_MORE).to_string())])?;
    println!("machine: {}", super::disk::machine());
    println!("disk: {:.0} fsyncs/s", super::disk::fsyncs(&site)?);
    let config = config(&site)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = runtime.block_on(async { client_with_passes(&site, &config) })?;
    print_memory(&site, scale, "before")?;
    runtime.block_on(take_all_nodes(&client))?;
    let begun = Instant::now();
    let kind = |number: usize| job(&format!("bench{}", number % KINDS), false);
    runtime.block_on(fill_with(&client, scale.jobs, kind, |number| progress(number, scale.jobs)))?;
    row("jobs in the queue", format!("{}", scale.jobs));
    row("submits/s while filling", format!("{:.0}", scale.jobs as f64 / begun.elapsed().as_secs_f64()));
    print_memory(&site, scale, "filled")?;
    print_holds(&config, "filling")?;
    let quiet = runtime.block_on(quiet(&client, scale.rate))?;
    row("submits, quiet: rate; median, p99, most in ms", quiet.to_string());
    let (saving, took) = runtime.block_on(while_saving(&site, &client, scale.rate))?;
    row("submits while snapshots are saved", saving.to_string());
    row("ratio of the p99", format!("{:.1}", saving.p99_ms / quiet.p99_ms));
    row("snapshot save, s", format!("{took:.1}"));
    print_listing(&site, scale)?;
    print_memory(&site, scale, "after listing")?;
    print_holds(&config, "all of this")?;
    let stops =
        (0..scale.stops).map(|_| planned_stop(&site, &config, &runtime, &client)).collect::<Result<Vec<_>>>()?;
    print_stops(stops);
    row("restart of a follower until it serves, s", format!("{:.1}", restart_follower(&site, &config)?));
    row("restart of all until a submit is accepted, s", format!("{:.1}", restart_all(&site, &runtime, &client)?));
    wait_whole(&site)?;
    print_memory(&site, scale, "restarted")
}

fn row(name: &str, figure: String) {
    println!("{name:<48} {figure:>24}");
}

fn progress(number: usize, of: usize) {
    if number.is_multiple_of(1000) && std::io::stderr().is_terminal() {
        eprint!("\rfilling: {number} of {of} ");
        let _ = std::io::stderr().flush();
    }
}

/// Everything that comes later has to wait.
async fn take_all_nodes(client: &Client) -> Result<()> {
    let request = Request { min_nodes: 4, ntasks: 256, cpus_per_task: 1, ..Request::default() };
    let spec = JobSpec { request: Some(request), ..job("all", false) };
    let uid = submit_job(client, spec, "sleep 100000").await?.uid;
    let wait = WaitJob { uid, until: wait_job::Until::Started.into(), patience_ms: 30_000, ..WaitJob::default() };
    client.call(request::Body::WaitJob(wait)).await?;
    Ok(())
}

/// Resident memory of each controller, and what of it RocksDB and the rest of the heap do not give back.
fn print_memory(site: &Site, scale: &Scale, when: &str) -> Result<()> {
    for name in CONTROLLERS {
        let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid(name)?))?;
        let kib = |field: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
            Ok(line.trim().trim_end_matches("kB").trim().parse()?)
        };
        let (resident, most) = (kib("VmRSS:")?, kib("VmHWM:")?);
        let each = resident * 1024 / scale.jobs.max(1) as u64;
        let figure = format!("{} ({each}), most {}", resident / 1024, most / 1024);
        row(&format!("memory of {name}, {when}, MiB (bytes a job)"), figure);
    }
    Ok(())
}

/// How long readers held the state, and how long applying and passes took.
fn print_holds(config: &Config, when: &str) -> Result<()> {
    for address in http::doors(config) {
        let page = http::get(&address, "/metrics")?;
        let most = http::figure(&page, "muster_state_read_seconds_max").unwrap_or(f64::NAN) * 1000.0;
        let listing = http::figure(&page, "muster_listing_read_seconds_max").unwrap_or(f64::NAN) * 1000.0;
        row(&format!("{address}: longest read, {when}, ms"), format!("{most:.1}, of listings {listing:.1}"));
        for name in ["muster_state_read_seconds", "muster_apply_seconds", "muster_schedule_pass_seconds"] {
            println!("    {name} {}", http::buckets(&page, name));
        }
    }
    Ok(())
}

async fn quiet(client: &Client, rate: f64) -> Result<Latencies> {
    let enough = Arc::new(AtomicBool::new(false));
    let after = async {
        tokio::time::sleep(QUIET).await;
        enough.store(true, Ordering::Relaxed);
    };
    let (quiet, ()) = tokio::join!(paced(client, rate, enough.clone()), after);
    quiet
}

/// Latencies while snapshots are saved one after another, and how long one took.
async fn while_saving(site: &Site, client: &Client, rate: f64) -> Result<(Latencies, f64)> {
    let enough = Arc::new(AtomicBool::new(false));
    let save = || {
        let mut save = site.command("muster");
        save.args(["snapshot", "save"]).arg(site.directory.join("saved"));
        save
    };
    let mut saves: Vec<_> = (0..20).map(|_| save()).collect();
    let ended = enough.clone();
    let file = site.directory.join("saved");
    let saving = tokio::task::spawn_blocking(move || {
        let (begun, mut saved) = (Instant::now(), 0u32);
        while let Some(mut save) = saves.pop().filter(|_| saved == 0 || begun.elapsed() < SAVING) {
            let _ = std::fs::remove_file(&file);
            let output = save.output()?;
            ensure!(output.status.success(), "snapshot save: {}", String::from_utf8_lossy(&output.stderr));
            saved += 1;
        }
        ended.store(true, Ordering::Relaxed);
        Ok(begun.elapsed().as_secs_f64() / f64::from(saved.max(1)))
    });
    let (busy, took) = tokio::join!(paced(client, rate, enough), saving);
    Ok((busy?, took??))
}

fn print_listing(site: &Site, scale: &Scale) -> Result<()> {
    let begun = Instant::now();
    let shown = site.run("squeue", &["-h", "-o", "%i"])?.lines().count();
    row("squeue of all of it, s", format!("{:.1}", begun.elapsed().as_secs_f64()));
    ensure!(shown >= scale.jobs, "jobs are missing: {shown} were listed");
    Ok(())
}

/// Milliseconds from SIGTERM at the leader to the next accepted submit.
fn planned_stop(site: &Site, config: &Config, runtime: &Runtime, client: &Client) -> Result<f64> {
    let leader = leader(site)?;
    let pid = site.pid(&leader)?;
    // The client knows who leads, as one that submits all the time does.
    runtime.block_on(submit(client, true))?;
    let begun = Instant::now();
    ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success(), "kill {pid}");
    runtime.block_on(submit(client, true))?;
    let gap = begun.elapsed().as_secs_f64() * 1000.0;
    until_gone(&pid);
    start(site, &leader)?;
    until_serving(site, config, &leader)?;
    wait_whole(site)?;
    Ok(gap)
}

fn print_stops(mut gaps: Vec<f64>) {
    let most = gaps.iter().copied().fold(0.0, f64::max);
    gaps.sort_by(f64::total_cmp);
    let median = gaps.get(gaps.len() / 2).copied().unwrap_or(f64::NAN);
    row("planned stop to next submit, ms: median, most", format!("{median:.0}, {most:.0} of {}", gaps.len()));
}

fn until_gone(pid: &str) {
    while std::path::Path::new(&format!("/proc/{pid}")).exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Seconds from its start, which is now, until it answers a linearizable read.
fn until_serving(site: &Site, config: &Config, controller: &str) -> Result<f64> {
    let begun = Instant::now();
    let at = CONTROLLERS.iter().position(|name| *name == controller).context("no such controller")?;
    let door = http::doors(config)[at].clone();
    while !http::serves(&door) {
        ensure!(begun.elapsed() < START_MAX, "{controller} does not serve; see {}", site.directory.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// After `kill -9` of one that does not lead.
fn restart_follower(site: &Site, config: &Config) -> Result<f64> {
    let leader = leader(site)?;
    let follower = CONTROLLERS.into_iter().find(|name| *name != leader).context("no follower")?;
    let pid = site.pid(follower)?;
    ensure!(Command::new("kill").args(["-9", &pid]).status()?.success(), "kill {follower}");
    until_gone(&pid);
    start(site, follower)?;
    until_serving(site, config, follower)
}

/// Seconds from starting all controllers, after `kill -9` of all, to the next accepted submit.
fn restart_all(site: &Site, runtime: &Runtime, client: &Client) -> Result<f64> {
    for name in CONTROLLERS {
        let pid = site.pid(name)?;
        ensure!(Command::new("kill").args(["-9", &pid]).status()?.success(), "kill {name}");
        until_gone(&pid);
    }
    let begun = Instant::now();
    for name in CONTROLLERS {
        start(site, name)?;
    }
    runtime.block_on(submit(client, true))?;
    Ok(begun.elapsed().as_secs_f64())
}

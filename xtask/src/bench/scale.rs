//! `cargo xtask bench scale`: what a large state costs. Memory, restart of all controllers, a planned stop of the leader, and
//! submits while a snapshot is saved.

use std::io::{IsTerminal, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use muster_channel::Client;
use tokio::task::JoinSet;

use super::caller::{client, config, fill, submit};
use super::failover::{leader, start, wait_whole};
use super::site::Site;

/// How much.
pub(crate) struct Scale {
    /// Jobs in the queue, each with its own record.
    pub(crate) jobs: usize,
}

const CONTROLLERS: [&str; 3] = ["c1", "c2", "c3"];
/// Planned stops of the leader.
const STOPS: usize = 5;
/// Submits at once while latencies are taken.
const SUBMITTERS: usize = 32;
/// How long latencies are taken where nothing else happens.
const QUIET: Duration = Duration::from_secs(5);

/// Runs it and prints what it cost.
pub(crate) fn run(scale: &Scale) -> Result<()> {
    let site = Site::muster()?;
    println!("machine: {}", super::disk::machine());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = runtime.block_on(async { client(&site, &config(&site)?) })?;
    let before = memory_kib(&site)?;
    let begun = Instant::now();
    runtime.block_on(fill(&client, scale.jobs, |number| progress(number, scale.jobs)))?;
    row("jobs in the queue", format!("{}", scale.jobs));
    row("submits/s while filling", format!("{:.0}", scale.jobs as f64 / begun.elapsed().as_secs_f64()));
    for ((name, before), after) in CONTROLLERS.iter().zip(before).zip(memory_kib(&site)?) {
        let each = after.saturating_sub(before) * 1024 / scale.jobs.max(1) as u64;
        row(&format!("memory of {name}, MiB (bytes a job)"), format!("{} ({each})", after / 1024));
    }
    let (quiet, under_snapshot, took) = runtime.block_on(snapshot(&site, &client))?;
    row("submit, quiet: rate, median, p99 in ms", quiet.to_string());
    row("submit while a snapshot is saved", under_snapshot.to_string());
    row("snapshot save, s", format!("{:.1}", took.as_secs_f64()));
    let mut gaps = (0..STOPS).map(|_| planned_stop(&site, &runtime, &client)).collect::<Result<Vec<_>>>()?;
    let most = gaps.iter().copied().fold(0.0, f64::max);
    gaps.sort_by(f64::total_cmp);
    row("planned stop to next submit, ms: median, most", format!("{:.0}, {most:.0} of {STOPS}", gaps[STOPS / 2]));
    row("restart of all controllers to next submit, s", format!("{:.1}", restart(&site, &runtime, &client)?));
    let shown = site.run("squeue", &["-h", "-t", "all", "-o", "%i"])?.lines().count();
    row("jobs listed after it (at least those)", format!("{shown}"));
    ensure!(shown >= scale.jobs, "jobs are missing");
    Ok(())
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

/// Resident memory of each controller.
fn memory_kib(site: &Site) -> Result<Vec<u64>> {
    let one = |name: &&str| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid(name)?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    };
    CONTROLLERS.iter().map(one).collect()
}

/// Latencies of submits.
struct Latencies {
    rate: f64,
    median_ms: f64,
    p99_ms: f64,
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0}/s, {:.1}, {:.1}", self.rate, self.median_ms, self.p99_ms)
    }
}

/// Submits without a pause until `enough`.
async fn latencies(client: &Client, enough: Arc<AtomicBool>) -> Result<Latencies> {
    let begun = Instant::now();
    let mut submitters = JoinSet::new();
    for _ in 0..SUBMITTERS {
        let (client, enough) = (client.clone(), enough.clone());
        submitters.spawn(async move {
            let mut taken = Vec::new();
            while !enough.load(Ordering::Relaxed) {
                let begun = Instant::now();
                submit(&client, true).await?;
                taken.push(begun.elapsed().as_secs_f64() * 1000.0);
            }
            anyhow::Ok(taken)
        });
    }
    let mut all = Vec::new();
    while let Some(taken) = submitters.join_next().await {
        all.extend(taken??);
    }
    all.sort_by(f64::total_cmp);
    ensure!(!all.is_empty(), "no submit was answered");
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    Ok(Latencies { rate: all.len() as f64 / begun.elapsed().as_secs_f64(), median_ms: at(0.5), p99_ms: at(0.99) })
}

/// Latencies quiet, and while a snapshot is saved; and how long saving took.
async fn snapshot(site: &Site, client: &Client) -> Result<(Latencies, Latencies, Duration)> {
    let after = |pause: Duration, enough: Arc<AtomicBool>| async move {
        tokio::time::sleep(pause).await;
        enough.store(true, Ordering::Relaxed);
    };
    let enough = Arc::new(AtomicBool::new(false));
    let (quiet, ()) = tokio::join!(latencies(client, enough.clone()), after(QUIET, enough));
    let file = site.directory.join("saved");
    let mut save = site.command("muster");
    save.args(["snapshot", "save"]).arg(&file);
    let enough = Arc::new(AtomicBool::new(false));
    let ended = enough.clone();
    let saving = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        let output = save.output();
        ended.store(true, Ordering::Relaxed);
        (output, begun.elapsed())
    });
    let (busy, saved) = tokio::join!(latencies(client, enough), saving);
    let (output, took) = saved?;
    let output = output?;
    ensure!(output.status.success(), "snapshot save: {}", String::from_utf8_lossy(&output.stderr));
    Ok((quiet?, busy?, took))
}

/// Milliseconds from SIGTERM at the leader to the next accepted submit.
fn planned_stop(site: &Site, runtime: &tokio::runtime::Runtime, client: &Client) -> Result<f64> {
    let leader = leader(site)?;
    let pid = site.pid(&leader)?;
    let begun = Instant::now();
    ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success(), "kill {pid}");
    runtime.block_on(submit(client, true))?;
    let gap = begun.elapsed().as_secs_f64() * 1000.0;
    while std::path::Path::new(&format!("/proc/{pid}")).exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    start(site, &leader)?;
    wait_whole(site)?;
    Ok(gap)
}

/// Seconds from starting all controllers, after `kill -9` of all, to the next accepted submit.
fn restart(site: &Site, runtime: &tokio::runtime::Runtime, client: &Client) -> Result<f64> {
    for name in CONTROLLERS {
        ensure!(Command::new("kill").args(["-9", &site.pid(name)?]).status()?.success(), "kill {name}");
    }
    let begun = Instant::now();
    for name in CONTROLLERS {
        start(site, name)?;
    }
    runtime.block_on(submit(client, true))?;
    Ok(begun.elapsed().as_secs_f64())
}

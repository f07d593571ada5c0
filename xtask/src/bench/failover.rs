//! The gap: from `kill -9` of the leader to the next accepted `sbatch`.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::site::{Site, deploy};

/// A replica that was killed may need so long to read a large state and to catch up.
const WHOLE_AGAIN: Duration = Duration::from_secs(120);

/// Kills the leader `kills` times, with all replicas up before each; prints median and maximum, and what was lost.
pub(super) fn report(site: &Site, kills: usize) -> Result<()> {
    let mut gaps = Vec::new();
    let mut acknowledged = Vec::new();
    for _ in 0..kills {
        for _ in 0..10 {
            acknowledged.push(hold(site)?);
        }
        let (gap, id) = kill_once(site)?;
        gaps.push(gap);
        acknowledged.push(id);
    }
    let known = site.run("squeue", &["-h", "-o", "%i"])?;
    let known: std::collections::BTreeSet<&str> = known.lines().map(str::trim).collect();
    let lost = acknowledged.iter().filter(|id| !known.contains(id.as_str())).count();
    let unique: std::collections::BTreeSet<_> = acknowledged.iter().collect();
    let most = gaps.iter().copied().fold(0.0, f64::max);
    println!(
        "{:<42} {:>12.0} median, {most:.0} maximum of {kills}",
        "kill to next accepted sbatch, ms",
        super::median(gaps)
    );
    println!("{:<42} {lost:>12} of {}", "acknowledged jobs lost", acknowledged.len());
    println!("{:<42} {:>12}", "job ids given twice", acknowledged.len() - unique.len());
    site.clear()
}

fn hold(site: &Site) -> Result<String> {
    Ok(site.run("sbatch", &["--parsable", "--hold", "--wrap", "true"])?.trim().to_owned())
}

/// Milliseconds without service, and the first job accepted after it.
fn kill_once(site: &Site) -> Result<(f64, String)> {
    let leader = leader(site)?;
    let pid = site.pid(&leader)?;
    let killed = Instant::now();
    ensure!(Command::new("kill").args(["-9", &pid]).status()?.success(), "kill {pid}");
    let id = hold(site)?;
    let gap = killed.elapsed().as_secs_f64() * 1000.0;
    start(site, &leader)?;
    wait_whole(site)?;
    Ok((gap, id))
}

/// The replica that leads.
pub(super) fn leader(site: &Site) -> Result<String> {
    let status = site.run("muster", &["status"])?;
    let leader = status.lines().find(|line| line.contains("leader")).context("muster status names no leader")?;
    Ok(leader.split_whitespace().next().context("an empty line")?.to_owned())
}

/// Starts a controller that ended.
pub(super) fn start(site: &Site, controller: &str) -> Result<()> {
    let mut restart = Command::new(deploy("demo"));
    restart.args(["start-controller", controller]).env("MUSTER_DEMO_DIR", &site.directory);
    ensure!(restart.status()?.success(), "restart of {controller}");
    Ok(())
}

/// All three replicas answer again and have caught up.
pub(super) fn wait_whole(site: &Site) -> Result<()> {
    let limit = Instant::now() + WHOLE_AGAIN;
    loop {
        let status = site.run("muster", &["status"])?;
        let voters = status.lines().filter(|line| line.contains("leader") || line.contains("follower")).count();
        if voters == 3 {
            return Ok(());
        }
        ensure!(Instant::now() < limit, "the replicas did not come back:\n{status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

//! What a user waits for: the commands, as whole processes.

use std::time::Instant;

use anyhow::{Context, Result};

use super::site::Site;

/// One figure of the table.
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) more_is_better: bool,
    pub(super) take: fn(&Site) -> Result<f64>,
}

pub(super) const MEASURES: &[Measure] = &[
    Measure { name: "sbatch --hold, 1 submitter, jobs/s", more_is_better: true, take: |site| held(site, 1, 100) },
    Measure { name: "sbatch --hold, 8 submitters, jobs/s", more_is_better: true, take: |site| held(site, 8, 40) },
    Measure { name: "submit to start, ms", more_is_better: false, take: start_latency },
    Measure { name: "srun -n1 true, ms", more_is_better: false, take: |site| srun(site, &["-n1", "true"]) },
    Measure {
        name: "srun -N4 -n8 hostname, ms",
        more_is_better: false,
        take: |site| srun(site, &["-N4", "-n8", "hostname"]),
    },
    Measure { name: "500 x true, jobs/s", more_is_better: true, take: five_hundred },
];

fn held(site: &Site, submitters: usize, each: usize) -> Result<f64> {
    let seconds = submit(site, submitters, each, &["--hold"])?;
    site.clear()?;
    Ok((submitters * each) as f64 / seconds)
}

/// Seconds that `submitters` threads need for `each` successive `sbatch` processes.
fn submit(site: &Site, submitters: usize, each: usize, options: &[&str]) -> Result<f64> {
    let started = Instant::now();
    std::thread::scope(|scope| {
        let one = || (0..each).try_for_each(|_| submit_one(site, options));
        let threads: Vec<_> = (0..submitters).map(|_| scope.spawn(one)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a submitter does not panic"))
    })?;
    Ok(started.elapsed().as_secs_f64())
}

fn submit_one(site: &Site, options: &[&str]) -> Result<()> {
    let mut arguments = options.to_vec();
    arguments.extend(["-o", "/dev/null", "--wrap", "true"]);
    site.run("sbatch", &arguments).map(drop)
}

/// Milliseconds from calling `sbatch` to the first line of the job's script, median of ten.
fn start_latency(site: &Site) -> Result<f64> {
    let mut figures = Vec::new();
    for _ in 0..10 {
        let called = now();
        site.run("sbatch", &["-o", "started", "--wrap", "date +%s.%N"])?;
        site.wait_empty()?;
        let text = std::fs::read_to_string(site.directory.join("started")).context("the job's output")?;
        figures.push((text.trim().parse::<f64>().context("the job's clock")? - called) * 1000.0);
    }
    Ok(super::median(figures))
}

fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("the clock is past 1970").as_secs_f64()
}

/// Milliseconds, median of ten.
fn srun(site: &Site, arguments: &[&str]) -> Result<f64> {
    let mut figures = Vec::new();
    for _ in 0..10 {
        let started = Instant::now();
        site.run("srun", arguments)?;
        figures.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(super::median(figures))
}

/// Jobs a second, from the first submit to the end of the last.
fn five_hundred(site: &Site) -> Result<f64> {
    let started = Instant::now();
    submit(site, 4, 125, &[])?;
    site.wait_empty()?;
    Ok(500.0 / started.elapsed().as_secs_f64())
}

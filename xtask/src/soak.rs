//! `cargo xtask soak`: fresh seeds of the simulation for as long as one likes, and what they reached.
//!
//! Each seed runs in a process of its own. A broken promise is printed at once, with the command that replays its seed.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) minutes: u64,
    /// Seeds at a time.
    pub(crate) jobs: usize,
    pub(crate) replicas: usize,
    pub(crate) nodes: usize,
    /// The first seed; `None`: from the clock.
    pub(crate) from: Option<u64>,
}

/// Of all seeds so far.
#[derive(Debug, Default)]
struct Sum {
    seeds: u64,
    virtual_ms: u64,
    broken: Vec<u64>,
    counts: BTreeMap<String, u64>,
}

/// Runs seeds until the time is over; fails if one broke a promise.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let simulator = Simulator::build()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("a clock before 1970")?;
    let first = plan.from.unwrap_or(now.as_secs());
    println!("seeds from {first} on, {} at a time, for {} min", plan.jobs, plan.minutes);
    let (next, sum, began) = (AtomicU64::new(first), Mutex::new(Sum::default()), Instant::now());
    let until = began + Duration::from_secs(plan.minutes * 60);
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.max(1) {
            scope.spawn(|| {
                while Instant::now() < until {
                    simulator.run(plan, next.fetch_add(1, Ordering::Relaxed), &sum);
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report(&sum, began.elapsed(), &simulator.states);
    if sum.broken.is_empty() { Ok(()) } else { bail!("promises were broken by seeds {:?}", sum.broken) }
}

/// The simulation's program, and what it knows.
struct Simulator {
    program: String,
    stories: Vec<String>,
    states: String,
}

impl Simulator {
    fn build() -> Result<Self> {
        let program = build()?;
        let stories = words(&program, &["--stories"])?.lines().map(str::to_owned).collect();
        let states = words(&program, &["--states"])?;
        Ok(Self { program, stories, states })
    }

    /// What a seed's run is about besides its faults: in turn, so that everything is reached. Every seventh tells a story, under
    /// another seed than its own.
    fn arguments(&self, plan: &Plan, seed: u64) -> Vec<String> {
        const KINDS: [&[&str]; 6] = [
            &[],
            &["--fencing"],
            &["--changes"],
            &["--fencing", "--changes"],
            &["--leases"],
            &["--leases", "--changes"],
        ];
        let turn = seed / (KINDS.len() as u64 + 1);
        let (replicas, nodes) = (plan.replicas.to_string(), plan.nodes.to_string());
        let mut words: Vec<String> = match KINDS.get((seed % (KINDS.len() as u64 + 1)) as usize) {
            Some(kind) => [kind, &["--replicas", &replicas, "--nodes", &nodes][..]]
                .concat()
                .into_iter()
                .map(String::from)
                .collect(),
            None => vec!["--story".into(), self.stories[(turn % self.stories.len() as u64) as usize].clone()],
        };
        words.push(seed.to_string());
        words
    }

    fn run(&self, plan: &Plan, seed: u64, sum: &Mutex<Sum>) {
        let arguments = self.arguments(plan, seed);
        let output = Command::new(&self.program).arg("--brief").args(&arguments).stderr(Stdio::null()).output();
        let said = output.as_ref().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let said = said.unwrap_or_default();
        let kept = output.is_ok_and(|output| output.status.success());
        let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sum.seeds += 1;
        for line in said.lines() {
            match counted(line) {
                Some((count, what)) => *sum.counts.entry(what.to_owned()).or_default() += count,
                None => sum.virtual_ms += virtual_ms(line).unwrap_or(0),
            }
        }
        if !kept {
            let replay = "cargo run --profile sim -p muster-chaos-tests --bin sim --";
            println!("{said}replay with a trace:\n  {replay} {}", arguments.join(" "));
            sum.broken.push(seed);
        }
    }
}

fn build() -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.current_dir(crate::verify::root()).args([
        "build",
        "--profile",
        "sim",
        "-p",
        "muster-chaos-tests",
        "--bin",
        "sim",
    ]);
    let output = build.args(["--message-format", "json"]).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the simulator was not built");
    }
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(str::to_owned)
    });
    executables.next_back().context("cargo names no executable")
}

/// "      12 elections won"
fn counted(line: &str) -> Option<(u64, &str)> {
    let (count, what) = line.trim().split_once(' ')?;
    Some((count.parse().ok()?, what))
}

/// "seed 7: trace 29ace592f106e28f, 25440 virtual ms, …"
fn virtual_ms(line: &str) -> Option<u64> {
    line.split(" virtual ms").next()?.rsplit(' ').next()?.parse().ok().filter(|_| line.starts_with("seed "))
}

fn report(sum: &Sum, took: Duration, states: &str) {
    let virtual_s = sum.virtual_ms as f64 / 1_000.0;
    println!(
        "{} seeds: {:.1} simulated hours in {:.1} min, {:.1} times as fast as real time; {} broke a promise",
        sum.seeds,
        virtual_s / 3_600.0,
        took.as_secs_f64() / 60.0,
        virtual_s / took.as_secs_f64(),
        sum.broken.len(),
    );
    sum.counts.iter().for_each(|(what, count)| println!("{count:>8} {what}"));
    for state in states.lines().filter(|state| !sum.counts.contains_key(*state)) {
        println!("never reached: {state}");
    }
}

fn words(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_every_story_has_its_turn() {
        let stories = vec!["one".to_owned(), "two".to_owned()];
        let simulator = Simulator { program: String::new(), stories, states: String::new() };
        let plan = Plan { minutes: 1, jobs: 1, replicas: 5, nodes: 50, from: None };
        let runs: Vec<String> = (14..28).map(|seed| simulator.arguments(&plan, seed).join(" ")).collect();
        assert_eq!(runs[0], "--replicas 5 --nodes 50 14");
        assert_eq!(runs[3], "--fencing --changes --replicas 5 --nodes 50 17");
        assert_eq!([&runs[6], &runs[13]], ["--story one 20", "--story two 27"]);
    }

    #[test]
    fn lines_of_the_simulator_are_read() {
        assert_eq!(counted("      12 elections won"), Some((12, "elections won")));
        assert_eq!(virtual_ms("seed 7: trace 29ace, 25440 virtual ms, 1.0 CPU s: all promises kept"), Some(25_440));
        assert_eq!(virtual_ms("  P2 exactly-once: told 7 virtual ms"), None);
    }
}

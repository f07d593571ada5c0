//! Runs the simulation by hand: `sim SEED` prints a seed's trace and breaches, `sim --seeds N [FROM]` runs many.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use muster_chaos_tests::sim::{Heard, Report, STATES, STORIES, Shape, Story, run};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const USAGE: &str = "usage: sim [SIZE] [--calm] [--again N] [--brief] SEED | sim [SIZE] [--calm] --seeds N [FROM]
       sim [--again N] [--brief] --story NAME | sim --stories | sim --states
  SIZE: --replicas N (3), --nodes N (4), --submitters N (3).
  --fencing: nodes can be fenced. --leases: they keep leases. --changes: replicas, disks, clocks, slurm.conf and programs change meanwhile.
  --brief leaves the trace out. --again N runs the seed N times more, in this process, and shows where a run departs.
  RUST_LOG=muster_controller=debug,muster_noded=debug shows the daemons' own words.";

struct Wanted {
    shape: Shape,
    many: bool,
    again: u64,
    brief: bool,
    numbers: Vec<u64>,
    story_seed: Option<u64>,
}

fn main() -> Result<ExitCode> {
    let words = tracing_subscriber::fmt::layer().without_time().with_writer(std::io::stderr);
    let words = words.with_filter(tracing_subscriber::EnvFilter::from_default_env());
    let counted = tracing_subscriber::filter::filter_fn(|data| {
        data.is_event() && data.target().starts_with("muster_") && *data.level() <= tracing::Level::INFO
    });
    tracing_subscriber::registry().with(words).with(Heard.with_filter(counted)).init();
    let wanted = parse()?;
    let broken = match (wanted.many, wanted.numbers.as_slice()) {
        (false, [seed]) => one(*seed, &wanted),
        (true, [count]) => many(1, *count, &wanted.shape)?,
        (true, [count, from]) => many(*from, *count, &wanted.shape)?,
        _ => bail!("{USAGE}"),
    };
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn parse() -> Result<Wanted> {
    let mut wanted =
        Wanted { shape: Shape::default(), many: false, again: 0, brief: false, numbers: Vec::new(), story_seed: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => wanted.many = true,
            "--again" => wanted.again = words.next().context(USAGE)?.parse().context(USAGE)?,
            "--brief" => wanted.brief = true,
            "--calm" => wanted.shape.faults = false,
            "--story" => {
                let name = words.next().context(USAGE)?;
                let story = Story::named(&name).context("no story of that name")?;
                wanted.shape = Shape::of(story);
                wanted.story_seed = Some(story.seed);
            }
            "--stories" => list(&STORIES.map(|story| story.name)),
            "--states" => list(STATES),
            "--changes" => wanted.shape.changes = true,
            "--leases" => wanted.shape.leases = true,
            "--fencing" => wanted.shape.fencing = true,
            "--replicas" => wanted.shape.replicas = words.next().context(USAGE)?.parse().context(USAGE)?,
            "--nodes" => wanted.shape.nodes = words.next().context(USAGE)?.parse().context(USAGE)?,
            "--submitters" => wanted.shape.submitters = words.next().context(USAGE)?.parse().context(USAGE)?,
            number => wanted.numbers.push(number.parse().context(USAGE)?),
        }
    }
    // A seed that is given too counts more than the story's own.
    if wanted.numbers.is_empty() {
        wanted.numbers.extend(wanted.story_seed);
    }
    Ok(wanted)
}

fn list(words: &[&str]) {
    words.iter().for_each(|word| println!("{word}"));
    std::process::exit(0);
}

fn one(seed: u64, wanted: &Wanted) -> bool {
    let report = run(seed, &wanted.shape, true);
    if !wanted.brief {
        report.trace.iter().for_each(|line| println!("{line}"));
    }
    println!("{}", summary(&report));
    print_counts(&report.reached);
    let departed = (0..wanted.again).filter(|_| departs(&report, &run(seed, &wanted.shape, true))).count();
    departed != 0 || !report.breaches.is_empty()
}

fn departs(first: &Report, other: &Report) -> bool {
    println!("{}", summary(other));
    let mut pairs = first.trace.iter().zip(&other.trace).enumerate();
    let departure = pairs.find(|(_, (one, two))| one != two);
    if let Some((at, (one, two))) = departure {
        println!("departs at line {at}:\n  {one}\n  {two}");
    }
    first.trace_hash != other.trace_hash
}

/// Each seed in a process of its own: what one run leaves behind in a thread must not reach the next.
fn many(from: u64, count: u64, shape: &Shape) -> Result<bool> {
    let mut sum: BTreeMap<String, u64> = BTreeMap::new();
    let mut broken = false;
    for seed in from..from + count {
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--brief", "--replicas", &shape.replicas.to_string(), "--nodes", &shape.nodes.to_string()]);
        child.args(["--submitters", &shape.submitters.to_string(), &seed.to_string()]);
        if !shape.faults {
            child.arg("--calm");
        }
        if shape.changes {
            child.arg("--changes");
        }
        if shape.leases {
            child.arg("--leases");
        }
        if shape.fencing {
            child.arg("--fencing");
        }
        let output = child.stderr(Stdio::inherit()).output()?;
        broken |= !output.status.success();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            match line.trim().split_once(' ').and_then(|(count, what)| Some((count.parse::<u64>().ok()?, what))) {
                Some((count, what)) => *sum.entry(what.to_owned()).or_default() += count,
                None => println!("{line}"),
            }
        }
    }
    sum.iter().for_each(|(what, count)| println!("{count:>8} {what}"));
    Ok(broken)
}

fn summary(report: &Report) -> String {
    let Report { seed, trace_hash, virtual_ms, cpu_seconds, breaches, .. } = report;
    let verdict = if breaches.is_empty() {
        "all promises kept".to_owned()
    } else {
        format!("BROKEN\n  {}", breaches.join("\n  "))
    };
    format!("seed {seed}: trace {trace_hash:016x}, {virtual_ms} virtual ms, {cpu_seconds:.1} CPU s: {verdict}")
}

fn print_counts(reached: &BTreeMap<&'static str, u64>) {
    reached.iter().for_each(|(what, count)| println!("{count:>8} {what}"));
}

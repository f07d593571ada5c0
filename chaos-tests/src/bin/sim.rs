//! Runs the simulation by hand: `sim SEED` prints a seed's trace and breaches, `sim --seeds N [FROM]` runs many.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use muster_chaos_tests::sim::{Report, Shape, run};

const USAGE: &str = "usage: sim [--replicas N] [--calm] SEED | sim [--replicas N] [--calm] --seeds N [FROM]
  RUST_LOG=muster_controller=debug,muster_noded=debug shows the daemons' own words.";

struct Wanted {
    shape: Shape,
    many: bool,
    numbers: Vec<u64>,
}

fn main() -> Result<ExitCode> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .without_time()
        .with_writer(std::io::stderr)
        .init();
    let wanted = parse()?;
    let broken = match (wanted.many, wanted.numbers.as_slice()) {
        (false, [seed]) => one(*seed, &wanted.shape),
        (true, [count]) => many(1, *count, &wanted.shape),
        (true, [count, from]) => many(*from, *count, &wanted.shape),
        _ => bail!("{USAGE}"),
    };
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn parse() -> Result<Wanted> {
    let mut wanted = Wanted { shape: Shape::default(), many: false, numbers: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => wanted.many = true,
            "--calm" => wanted.shape.faults = false,
            "--replicas" => wanted.shape.replicas = words.next().context(USAGE)?.parse().context(USAGE)?,
            number => wanted.numbers.push(number.parse().context(USAGE)?),
        }
    }
    Ok(wanted)
}

fn one(seed: u64, shape: &Shape) -> bool {
    let report = run(seed, shape, true);
    report.trace.iter().for_each(|line| println!("{line}"));
    println!("{}", summary(&report));
    print_counts(&report.reached);
    !report.breaches.is_empty()
}

fn many(from: u64, count: u64, shape: &Shape) -> bool {
    let mut sum: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut broken = false;
    for seed in from..from + count {
        let report = run(seed, shape, false);
        println!("{}", summary(&report));
        broken |= !report.breaches.is_empty();
        report.reached.iter().for_each(|(what, count)| *sum.entry(what).or_default() += count);
    }
    print_counts(&sum);
    broken
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

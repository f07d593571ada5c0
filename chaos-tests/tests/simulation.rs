//! The whole cluster under faults, for seeds that follow from the commit: each commit is tried with others, and each failure
//! can be replayed. Every seed runs twice: the same seed must give the same trace.

use std::process::Command;

use muster_chaos_tests::sim::{Report, Shape, run};

/// Seeds a commit is tried with.
const SEEDS: u64 = 30;
/// Tests that share them, so that they use all cores: a run uses one thread.
const PARTS: u64 = 6;
/// Where there is no commit (a source archive).
const NO_COMMIT: u64 = 20_260_101;

#[test]
fn promises_hold_under_faults_part_1() {
    check_part(0);
}

#[test]
fn promises_hold_under_faults_part_2() {
    check_part(1);
}

#[test]
fn promises_hold_under_faults_part_3() {
    check_part(2);
}

#[test]
fn promises_hold_under_faults_part_4() {
    check_part(3);
}

#[test]
fn promises_hold_under_faults_part_5() {
    check_part(4);
}

#[test]
fn promises_hold_under_faults_part_6() {
    check_part(5);
}

#[test]
fn a_calm_cluster_answers_every_submit() {
    let report = twice(first_seed(), &Shape { faults: false, ..Shape::default() });
    let count = |what: &str| report.reached.get(what).copied().unwrap_or(0);
    assert_eq!(count("submits accepted"), (Shape::default().submitters * Shape::default().submits) as u64);
    assert_eq!((count("submits without an answer"), count("nodes lost"), count("elections won")), (0, 0, 1));
}

#[test]
fn five_replicas_keep_their_promises_too() {
    twice(first_seed(), &Shape { replicas: 5, ..Shape::default() });
}

#[test]
fn one_replica_keeps_its_promises_too() {
    twice(first_seed(), &Shape { replicas: 1, ..Shape::default() });
}

fn check_part(part: u64) {
    let first = first_seed();
    for seed in (first..first + SEEDS).filter(|seed| seed % PARTS == part) {
        twice(seed, &Shape::default());
    }
}

fn twice(seed: u64, shape: &Shape) -> Report {
    let report = run(seed, shape, false);
    println!("seed {seed}: {} virtual ms, {:.1} CPU s", report.virtual_ms, report.cpu_seconds);
    let again = run(seed, shape, false);
    let size = if shape.replicas == 3 { String::new() } else { format!(" --replicas {}", shape.replicas) };
    let calm = if shape.faults { "" } else { " --calm" };
    let replay = format!("cargo run --profile sim -p muster-chaos-tests --bin sim --{size}{calm} {seed}");
    let broken = report.breaches.join("\n  ");
    assert!(report.breaches.is_empty(), "promises broken:\n  {broken}\nreplay with a trace:\n  {replay}");
    assert_eq!(report.trace_hash, again.trace_hash, "two runs of seed {seed} differ; replay:\n  {replay}");
    report
}

/// From the commit, so that the same commit is always tried alike.
fn first_seed() -> u64 {
    let git = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let commit = git.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let digits = commit.and_then(|commit| String::from_utf8(commit).ok()).map(|commit| commit[..8].to_owned());
    digits.and_then(|digits| u64::from_str_radix(&digits, 16).ok()).unwrap_or(NO_COMMIT)
}

//! The whole cluster under faults, for seeds that follow from the commit: each commit is tried with others, and each failure
//! can be replayed. Every seed runs twice, each time in a process of
//! its own: the same seed must give the same trace.

mod seed;

use std::process::Command;

use muster_chaos_tests::sim::Shape;
use seed::{count, twice};

/// Seeds a commit is tried with.
const SEEDS: u64 = 50;
/// Tests that share them, so that they use all cores.
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
    let said = twice(first_seed(), &["--calm"]);
    assert_eq!(
        count(&said, "submits accepted"),
        Shape::default().submitters * Shape::default().submits + 1,
        "and what is written on"
    );
    let unwanted = ["submits without an answer", "submits refused", "nodes lost"].map(|what| count(&said, what));
    assert_eq!((unwanted, count(&said, "elections won")), ([0, 0, 0], 1));
}

#[test]
fn five_replicas_keep_their_promises_too() {
    twice(first_seed(), &["--replicas", "5"]);
}

#[test]
fn one_replica_keeps_its_promises_too() {
    twice(first_seed(), &["--replicas", "1"]);
}

fn check_part(part: u64) {
    let first = first_seed();
    for seed in (first..first + SEEDS).filter(|seed| seed % PARTS == part) {
        twice(seed, kind(seed / PARTS));
    }
}

/// What a run is about besides the faults of its seed.
fn kind(turn: u64) -> &'static [&'static str] {
    match turn % 6 {
        0 => &["--fencing"],
        1 => &[],
        2 => &["--changes"],
        3 => &["--changes", "--fencing"],
        4 => &["--leases"],
        _ => &["--leases", "--changes"],
    }
}

/// From the commit, so that the same commit is always tried alike.
fn first_seed() -> u64 {
    let git = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let commit = git.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let digits = commit.and_then(|commit| String::from_utf8(commit).ok()).map(|commit| commit[..8].to_owned());
    digits.and_then(|digits| u64::from_str_radix(&digits, 16).ok()).unwrap_or(NO_COMMIT)
}

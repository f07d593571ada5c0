//! A seed is run twice, each time in a process of its own: both must keep the promises, and do the same.

// Each test binary uses some of it.
#![allow(dead_code)]

use std::process::Command;

/// `sim`'s word for a story.
pub(crate) const STORY: &str = "--story";

/// Runs a seed in two processes; what the first printed.
pub(crate) fn twice(seed: u64, flags: &[&str]) -> String {
    let seed = seed.to_string();
    twice_with(&[flags, &[seed.as_str()]].concat())
}

/// Runs what `words` say to `sim`.
pub(crate) fn twice_with(words: &[&str]) -> String {
    let replay = format!("cargo run --profile sim -p muster-chaos-tests --bin sim -- {}", words.join(" "));
    let (said, again) = (once(words), once(words));
    println!("{}", said.lines().next().unwrap_or_default());
    assert!(said.contains("all promises kept"), "promises broken:\n{said}\nreplay with a trace:\n  {replay}");
    assert_eq!(trace_of(&said), trace_of(&again), "two runs differ; replay:\n  {replay}");
    said
}

fn once(words: &[&str]) -> String {
    let mut run = Command::new(env!("CARGO_BIN_EXE_sim"));
    let output = run.arg("--brief").args(words).output().expect("it was just built");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// "trace 29ace592f106e28f, 25440 virtual ms"
fn trace_of(said: &str) -> Option<&str> {
    let from = said.find("trace ")?;
    said[from..].split_once(" virtual ms").map(|(trace, _)| trace)
}

/// How often the run reached `what`.
pub(crate) fn count(said: &str, what: &str) -> usize {
    let line = said.lines().find_map(|line| line.trim().strip_suffix(what));
    line.map_or(0, |count| count.trim().parse().unwrap_or(0))
}

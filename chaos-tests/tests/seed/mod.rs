//! A seed is run twice, each time in a process of its own: both must keep the promises, and do the same.

use std::process::Command;

/// Runs a seed in two processes; what the first printed.
pub(crate) fn twice(seed: u64, flags: &[&str]) -> String {
    let replay = format!("cargo run --profile sim -p muster-chaos-tests --bin sim -- {} {seed}", flags.join(" "));
    let (said, again) = (once(seed, flags), once(seed, flags));
    println!("{}", said.lines().next().unwrap_or_default());
    assert!(said.contains("all promises kept"), "promises broken:\n{said}\nreplay with a trace:\n  {replay}");
    assert_eq!(trace_of(&said), trace_of(&again), "two runs of seed {seed} differ; replay:\n  {replay}");
    said
}

fn once(seed: u64, flags: &[&str]) -> String {
    let mut run = Command::new(env!("CARGO_BIN_EXE_sim"));
    let output = run.args(flags).args(["--brief", &seed.to_string()]).output().expect("it was just built");
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

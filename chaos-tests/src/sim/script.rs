//! What simulated jobs do, as they write it into their scripts and arguments.

use super::machine::Work;

/// Work of a script that does not say.
const DEFAULT: Work = Work { run_ms: 100, status: 0, stubborn: false };

/// A batch script that does `work`.
pub(crate) fn text(work: Work) -> String {
    format!("#!/bin/sh\n{}\n", arguments(work))
}

/// The arguments of a step that does `work`.
pub(crate) fn arguments(work: Work) -> String {
    format!("run_ms={} status={} stubborn={}", work.run_ms, work.status, work.stubborn)
}

/// What `text` says.
pub(crate) fn work(text: &str) -> Work {
    let mut work = DEFAULT;
    for (key, value) in text.split_whitespace().filter_map(|word| word.split_once('=')) {
        match key {
            "run_ms" => work.run_ms = value.parse().unwrap_or(DEFAULT.run_ms),
            "status" => work.status = value.parse().unwrap_or(DEFAULT.status),
            "stubborn" => work.stubborn = value == "true",
            _ => {}
        }
    }
    work
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_says_is_read_again() {
        let work = Work { run_ms: 1234, status: 256, stubborn: true };
        assert_eq!(super::work(&text(work)), work);
        assert_eq!(super::work("hostname"), DEFAULT);
    }
}

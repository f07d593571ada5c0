//! The compressed counts of SLURM_JOB_CPUS_PER_NODE and SLURM_TASKS_PER_NODE: `4(x2),3`.

use std::fmt::Write as _;

use thiserror::Error;

/// Most nodes that one text may stand for.
pub const NODES_MAX: usize = crate::hostlist::HOSTS_MAX;

/// `position` is the byte where the bad item starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid counts per node")]
pub struct CountsError {
    pub position: usize,
}

/// Counts in node order: `[4, 4, 3]` → `4(x2),3`.
#[must_use]
pub fn print(counts: &[u32]) -> String {
    let mut out = String::new();
    for run in counts.chunk_by(|a, b| a == b) {
        let comma = if out.is_empty() { "" } else { "," };
        write!(out, "{comma}{}", run[0]).expect("writing to a String cannot fail");
        if run.len() > 1 {
            write!(out, "(x{})", run.len()).expect("writing to a String cannot fail");
        }
    }
    out
}

/// The other way, at most [`NODES_MAX`] nodes.
pub fn parse(text: &str) -> Result<Vec<u32>, CountsError> {
    let mut counts = Vec::new();
    let mut at = 0;
    for item in text.split(',').filter(|_| !text.is_empty()) {
        let (count, times) = parse_item(item).ok_or(CountsError { position: at })?;
        if times > NODES_MAX - counts.len() {
            return Err(CountsError { position: at });
        }
        counts.extend(std::iter::repeat_n(count, times));
        at += item.len() + 1;
    }
    Ok(counts)
}

fn parse_item(item: &str) -> Option<(u32, usize)> {
    match item.split_once("(x") {
        Some((count, times)) => Some((count.parse().ok()?, times.strip_suffix(')')?.parse().ok()?)),
        None => Some((item.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_neighbours_are_counted() {
        assert_eq!(print(&[4, 4, 3]), "4(x2),3");
        assert_eq!(print(&[1]), "1");
        assert_eq!(print(&[2, 3, 2]), "2,3,2");
        assert_eq!(print(&[]), "");
    }

    #[test]
    fn bad_items_say_where() {
        for (text, position) in [("x", 0), ("4(x", 0), ("4,5(2)", 2), ("1(x99999999)", 0), ("4,", 2)] {
            assert_eq!(parse(text), Err(CountsError { position }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parse_undoes_print(counts in proptest::collection::vec(0_u32..4, 0..50)) {
            prop_assert_eq!(parse(&print(&counts)).unwrap(), counts);
        }
    }
}

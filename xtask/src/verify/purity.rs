//! `model/` and `dialect/` decide and parse: nothing in them reads the world or depends on chance.
//!
//! `model/clippy.toml` bans the same with reasons; this check needs no clippy and also sees what clippy does not.

use std::path::Path;

use anyhow::Result;

use super::files;

/// Words that must not stand in the code of a pure crate, and why. Tests below `#[cfg(test)]` are free.
const BANNED: &[(&str, &str)] = &[
    ("async fn", "deciders are not asynchronous"),
    (".await", "deciders are not asynchronous"),
    ("SystemTime", "time comes in as an argument"),
    ("Instant::now", "time comes in as an argument"),
    ("Zoned::now", "time comes in as an argument"),
    ("Timestamp::now", "time comes in as an argument"),
    ("TimeZone::system", "time zones come in as arguments"),
    ("std::fs", "no files"),
    ("std::net", "no sockets"),
    ("std::env", "no environment"),
    ("std::process", "no processes"),
    ("std::thread", "no threads"),
    ("HashMap", "its order depends on chance: BTreeMap"),
    ("HashSet", "its order depends on chance: BTreeSet"),
    ("rand::", "randomness comes in as an argument"),
    ("tracing::", "deciders do not log"),
    ("println!", "deciders do not print"),
    ("unsafe ", "nothing here needs it"),
];
/// Additional for `model/`, whose results must agree to the bit on every machine.
const BANNED_IN_MODEL: &[(&str, &str)] =
    &[("f64", "no floating point in replicated decisions"), ("f32", "no floating point in replicated decisions")];

/// One line for each banned word, with file and line.
pub(super) fn breaches(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (folder, more) in [("model/src", BANNED_IN_MODEL), ("dialect/src", &[])] {
        for path in files(&root.join(folder), "rs")? {
            let text = std::fs::read_to_string(&path)?;
            let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            if !is_test(&shown) {
                found.extend(file_breaches(&shown, &text, &[BANNED, more].concat()));
            }
        }
    }
    Ok(found)
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.ends_with("_test.rs") || path.contains("/testing/")
}

fn file_breaches(path: &str, text: &str, banned: &[(&str, &str)]) -> Vec<String> {
    let code = text.lines().enumerate().take_while(|(_, line)| !line.trim().starts_with("#[cfg(test)]"));
    let code = code.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.flat_map(|(number, line)| {
        let hits = banned.iter().filter(move |(word, _)| has_word(line, word));
        hits.map(move |(word, why)| format!("{path}:{}: {word:?}: {why}", number + 1))
    })
    .collect()
}

/// `word` in `line`, not as a part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let name = |c: char| c.is_alphanumeric() || c == '_';
    let part_before = |at: usize| line[..at].chars().next_back().is_some_and(name) && word.starts_with(name);
    let part_after = |at: usize| line[at + word.len()..].chars().next().is_some_and(name) && word.ends_with(name);
    line.match_indices(word).any(|(at, _)| !part_before(at) && !part_after(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pure_crates_are_pure() {
        let breaches = breaches(&super::super::root()).expect("the tree can be read");
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    }

    #[test]
    fn a_breach_is_found_and_a_comment_or_test_is_not() {
        let text = "use std::collections::HashMap;\n// SystemTime\n#[cfg(test)]\nuse std::fs;\n";
        let found = file_breaches("a.rs", text, BANNED);
        assert_eq!(found, ["a.rs:1: \"HashMap\": its order depends on chance: BTreeMap"]);
        assert!(!has_word("let buf64 = 1;", "f64"));
    }
}

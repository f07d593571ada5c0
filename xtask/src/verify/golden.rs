//! Messages that no contract lists, since raft-store, the node daemon or its machine keep them for themselves: each field of each has
//! golden bytes in its crate. That those are still read and written is a test beside the code; that none is forgotten is here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::files;

const FOLDERS: [&str; 7] =
    ["raft-store/src", "model/src", "noded/src", "controller/src", "channel/src", "cli/src", "dialect/src"];
const DERIVED: &str = "prost::Message)]";
/// Wire types of protobuf's encoding.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

/// Numbers of fields, by message.
type Fields = BTreeMap<String, BTreeSet<u64>>;

/// One line for each message and field without bytes.
pub(super) fn breaches(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let (mut declared, mut golden) = (Fields::new(), Fields::new());
        for path in files(&root.join(folder), "rs")? {
            merge(&mut declared, messages(&std::fs::read_to_string(path)?));
        }
        for path in files(&root.join(folder), "tsv")?.iter().filter(|path| path.ends_with("golden.tsv")) {
            merge(&mut golden, lines(&std::fs::read_to_string(path)?));
        }
        found.extend(without_bytes(folder, &declared, &golden));
    }
    Ok(found)
}

fn merge(into: &mut Fields, more: Fields) {
    for (name, numbers) in more {
        into.entry(name).or_default().extend(numbers);
    }
}

fn without_bytes(folder: &str, declared: &Fields, golden: &Fields) -> Vec<String> {
    let missing = declared.iter().filter_map(|(name, numbers)| {
        let Some(have) = golden.get(name) else {
            return Some(format!("{folder}: {name} has no line in a golden.tsv"));
        };
        let lack: Vec<String> = numbers.difference(have).map(u64::to_string).collect();
        (!lack.is_empty()).then(|| format!("{folder}: no golden line of {name} has field {}", lack.join(", ")))
    });
    missing.collect()
}

/// Structures that are messages, with the numbers of their fields.
fn messages(text: &str) -> Fields {
    let bodies = text.split(DERIVED).skip(1);
    bodies.filter_map(message).collect()
}

/// From behind its derive to the brace that closes it, which stands at the margin.
fn message(rest: &str) -> Option<(String, BTreeSet<u64>)> {
    let (_, rest) = rest.split_once("struct ")?;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
    let body = if rest[name.len()..].starts_with(" {}") { "" } else { rest.split_once("\n}")?.0 };
    let quoted = body.split("tag").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let numbers = quoted.flat_map(|tags| tags.split(',')).filter_map(|tag| tag.trim().parse().ok());
    Some((name, numbers.collect()))
}

/// Of which messages a file of golden lines has which fields.
fn lines(text: &str) -> Fields {
    let mut found = Fields::new();
    for (name, hex) in text.lines().filter_map(|line| line.split_once('\t')) {
        let message = name.split('.').next().unwrap_or(name);
        found.entry(message.to_owned()).or_default().extend(fields(&bytes(hex)));
    }
    found
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// Numbers of the outermost fields.
fn fields(mut bytes: &[u8]) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    while let Some(key) = varint(&mut bytes) {
        let skipped = match key & 7 {
            VARINT => varint(&mut bytes).map(|_| 0),
            FIXED64 => Some(8),
            LENGTH => varint(&mut bytes),
            FIXED32 => Some(4),
            _ => None,
        };
        let Some(rest) = skipped.and_then(|length| bytes.get(usize::try_from(length).ok()?..)) else { break };
        bytes = rest;
        numbers.insert(key >> 3);
    }
    numbers
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_message_of_our_own_has_golden_bytes() {
        let breaches = breaches(&super::super::root()).expect("the tree can be read");
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    }

    const SOURCE: &str = r#"
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Ask {
    /// A tag.
    #[prost(uint64, tag = "1")]
    pub(crate) index: u64,
    #[prost(oneof = "Body", tags = "2, 16")]
    pub(crate) body: Option<Body>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Body {
    #[prost(bool, tag = "2")]
    Yes(bool),
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Empty {}
"#;

    #[test]
    fn a_message_and_a_field_that_nobody_wrote_down_are_found() {
        let declared = messages(SOURCE);
        assert_eq!(declared.keys().collect::<Vec<_>>(), ["Ask", "Empty"]);
        assert_eq!(declared["Ask"], [1, 2, 16].into());
        let golden = lines("Ask\t08ac02\nAsk.Yes\t1001\nEmpty\t\n");
        assert_eq!(without_bytes("x/src", &declared, &golden), ["x/src: no golden line of Ask has field 16"]);
        let golden = lines("Ask\t08ac028201026f6b1001\n");
        assert_eq!(without_bytes("x/src", &declared, &golden), ["x/src: Empty has no line in a golden.tsv"]);
    }
}

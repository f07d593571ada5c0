//! The keys of slurm.conf as tables: name, kind of value, default, and whether this version acts on it.
//!
//! To make Muster act on a key, change its row to [`Support::Acted`] in the same commit. A key of Muster's own would
//! stand in a table of its own here (`own.rs`), so that it is never taken for one of Slurm's; there is none yet.

mod global;
mod lines;
mod words;

use std::cmp::Ordering;

use super::value::Kind;

pub(super) use global::GLOBAL;
pub(super) use lines::{DOWN, FRONTEND, NODE, NODE_SET, PARTITION, POWER_ACTION};

/// Whether this version of Muster does what a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does.
    Acted,
    /// Of a key whose value is a list of words: it acts on these, and every other one that is set gives a note.
    ActedWords(&'static [&'static str]),
    /// The key is checked and shown, but nothing follows from it: setting it gives a note.
    Inert,
    /// As `Inert`, of a key that would decide who may run or what is refused: setting it gives a warning.
    InertGuard,
}

/// One row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// As slurm.conf(5) spells it; compared without regard to case.
    pub name: &'static str,
    pub kind: Kind,
    /// What holds when the key is absent, in the form of the file; empty for "not set".
    pub default: &'static str,
    pub support: Support,
}

/// A row whose key is acted on.
const fn acted(name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key { name, kind, default, support: Support::Acted }
}

/// A row of a list of words, some of which are acted on.
const fn acted_words(name: &'static str, kind: Kind, default: &'static str, words: &'static [&'static str]) -> Key {
    Key { name, kind, default, support: Support::ActedWords(words) }
}

/// A row whose key is accepted only.
const fn inert(name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key { name, kind, default, support: Support::Inert }
}

/// A row whose key is accepted only, though it would keep something out.
const fn inert_guard(name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key { name, kind, default, support: Support::InertGuard }
}

/// What kind of line a first key begins, and the keys that may stand on it.
pub(super) const LINES: [(&str, &[Key]); 6] = [
    ("NodeName", NODE),
    ("PartitionName", PARTITION),
    ("NodeSet", NODE_SET),
    ("DownNodes", DOWN),
    ("FrontendName", FRONTEND),
    ("PowerAction", POWER_ACTION),
];

/// The row of `name` in a table.
pub(super) fn find(table: &'static [Key], name: &str) -> Option<&'static Key> {
    table.iter().find(|key| key.name.eq_ignore_ascii_case(name))
}

/// The row of a global key.
pub(super) fn global(name: &str) -> Option<&'static Key> {
    let at = GLOBAL.binary_search_by(|key| in_order(key.name, name)).ok()?;
    Some(&GLOBAL[at])
}

/// The order of the table: alphabetical, without regard to case.
fn in_order(a: &str, b: &str) -> Ordering {
    let of_a = a.bytes().map(|byte| byte.to_ascii_lowercase());
    of_a.cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// Every global key with its kind, default and support, in alphabetical order.
pub fn global_keys() -> &'static [Key] {
    GLOBAL
}

/// True for every key that may stand anywhere in slurm.conf.
pub(super) fn is_known(name: &str) -> bool {
    global(name).is_some()
        || LINES.iter().any(|(_, table)| find(table, name).is_some())
        || super::obsolete::find(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_name_each_key_once_and_their_defaults_parse() {
        for table in LINES.iter().map(|(_, table)| *table).chain([GLOBAL]) {
            for (index, key) in table.iter().enumerate() {
                let again = table[index + 1..].iter().any(|other| other.name.eq_ignore_ascii_case(key.name));
                assert!(!again, "{} stands twice", key.name);
                if !key.default.is_empty() {
                    let (value, remarks) = key.kind.parse(key.name, key.default);
                    assert!(value.is_some() && remarks.is_empty(), "default of {}", key.name);
                }
            }
        }
    }

    #[test]
    fn words_that_are_acted_on_are_words_of_their_keys() {
        for key in GLOBAL {
            let Support::ActedWords(acted) = key.support else { continue };
            let Kind::Flags(known) = key.kind else { panic!("{} is no list of flags", key.name) };
            assert!(acted.iter().all(|word| known.contains(word)), "{}", key.name);
        }
    }

    #[test]
    fn global_keys_stand_in_order_and_are_found_in_any_case() {
        assert!(GLOBAL.is_sorted_by(|a, b| in_order(a.name, b.name) == Ordering::Less));
        for key in GLOBAL {
            assert_eq!(global(&key.name.to_ascii_uppercase()), Some(key));
        }
        assert_eq!(global("NoSuchKey"), None);
    }

    #[test]
    fn a_key_is_either_known_or_obsolete() {
        for key in GLOBAL {
            assert!(super::super::obsolete::find(key.name).is_none(), "{}", key.name);
        }
    }
}

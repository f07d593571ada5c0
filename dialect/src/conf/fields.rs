//! The values of one line, or of all global lines, read against a table of keys.

use std::collections::BTreeMap;

use super::diagnostics::{Findings, Place};
use super::keys::{self, Key, Support};
use super::lexer::Pair;
use super::obsolete;
use super::spelling;
use super::unsupported;
use super::value::{Remark, Value};
use crate::time::TimeLimit;

/// Understood values by the name of their key, each with its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    values: BTreeMap<&'static str, (Value, Place)>,
    /// Where each key stood first, its value good or not.
    given: BTreeMap<&'static str, Place>,
}

impl Fields {
    /// Reads the pairs of one line; `line` names its kind in messages ("NodeName").
    pub(super) fn read(line: &str, pairs: &[Pair], table: &'static [Key], findings: &mut Findings) -> Fields {
        let mut fields = Fields::default();
        for pair in pairs {
            match keys::find(table, &pair.key) {
                Some(key) => {
                    if let Some(instead) = obsolete::line_key(key.name) {
                        findings.warn(pair.key_at, format!("{} is obsolete: {instead}", key.name));
                    }
                    fields.accept(key, pair, findings);
                }
                None => report_unknown(line, pair, table, findings),
            }
        }
        fields
    }

    /// Reads one pair whose row is known. A key that is no list of lines is given once.
    pub(super) fn accept(&mut self, key: &'static Key, pair: &Pair, findings: &mut Findings) {
        let first = *self.given.entry(key.name).or_insert(pair.key_at);
        if first != pair.key_at && !key.kind.repeats() {
            let first = findings.written(first);
            findings.error(pair.key_at, format!("Duplicated key {}: it is given first at {first}", key.name));
        }
        if pair.value.is_empty() && !takes_empty(key) {
            return findings.error(pair.value_at, format!("{} has no value", key.name));
        }
        let (value, remarks) = key.kind.parse(key.name, &pair.value);
        for remark in remarks {
            match remark {
                Remark::Error(why) => findings.error(pair.value_at, why),
                Remark::Warning(why) => findings.warn(pair.value_at, why),
            }
        }
        let Some(value) = value else { return };
        note_if_inert(key, &value, pair.key_at, findings);
        unsupported::report(key.name, &value, pair.value_at, findings);
        self.keep(key, value, pair.value_at);
    }

    /// Keeps a value; of a key that repeats, beside those that stood before.
    fn keep(&mut self, key: &'static Key, value: Value, at: Place) {
        match (self.values.get_mut(key.name), value) {
            (Some((Value::List(before), _)), Value::List(more)) if key.kind.repeats() => before.extend(more),
            (_, value) => {
                self.values.insert(key.name, (value, at));
            }
        }
    }

    /// Fills what is absent from `defaults`.
    pub(super) fn over(mut self, defaults: &Fields) -> Fields {
        for (name, value) in &defaults.values {
            self.values.entry(name).or_insert_with(|| value.clone());
        }
        self
    }

    /// Replaces and adds what `newer` says.
    pub(super) fn update(&mut self, newer: Fields) {
        self.values.extend(newer.values);
    }

    /// Replaces a value by what it implies; its place stays.
    pub(super) fn set(&mut self, name: &'static str, value: Value) {
        let at = self.place(name);
        self.values.insert(name, (value, at));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(super) fn place(&self, name: &str) -> Place {
        self.values.get(name).map(|(_, place)| *place).unwrap_or_default()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(|(value, _)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.get(name) {
            Some(Value::List(list)) => Some(list.clone()),
            _ => None,
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// A number where "unlimited" makes no sense and is told as absent.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn number_u32(&self, name: &str) -> Option<u32> {
        self.number(name).and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn span(&self, name: &str) -> Option<TimeLimit> {
        match self.get(name) {
            Some(Value::Span(limit)) => Some(*limit),
            _ => None,
        }
    }

    /// The values without their places.
    pub(super) fn values(&self) -> BTreeMap<&'static str, Value> {
        self.values.iter().map(|(name, (value, _))| (*name, value.clone())).collect()
    }
}

/// `Nodes=` makes a partition without nodes; everything else must say something.
fn takes_empty(key: &Key) -> bool {
    matches!(key.name, "Nodes" | "Reason")
}

fn note_if_inert(key: &Key, value: &Value, at: Place, findings: &mut Findings) {
    let default = (!key.default.is_empty()).then(|| key.kind.parse(key.name, key.default).0).flatten();
    let harmless = default.as_ref() == Some(value) || is_none_plugin(value);
    match key.support {
        Support::Inert if !harmless => {
            findings.note(at, format!("{} is accepted, but this version does not act on it", key.name));
        }
        Support::InertGuard if !harmless => {
            findings.warn(at, format!("{} is accepted, but this version does not enforce it", key.name));
        }
        Support::ActedWords(acted) => note_inert_words(key, acted, value, at, findings),
        Support::Acted | Support::Inert | Support::InertGuard => {}
    }
}

/// One note for all words of a list that nothing follows from.
fn note_inert_words(key: &Key, acted: &[&str], value: &Value, at: Place, findings: &mut Findings) {
    let Value::List(words) = value else { return };
    let inert: Vec<&str> = words.iter().map(String::as_str).filter(|word| !acted.contains(word)).collect();
    if !inert.is_empty() {
        let words = inert.join(",");
        findings.note(at, format!("{}={words} is accepted, but this version does not act on it", key.name));
    }
}

/// `family/none` asks for nothing.
fn is_none_plugin(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.ends_with("/none"),
        Value::List(list) => list.iter().all(|item| item == "none" || item.ends_with("/none")),
        _ => false,
    }
}

/// What Slurm says of a key that it does not know.
const UNKNOWN: &str = "Parsing error at unrecognized key";

fn report_unknown(line: &str, pair: &Pair, table: &'static [Key], findings: &mut Findings) {
    if findings.is_full() {
        return findings.error(pair.key_at, UNKNOWN);
    }
    let known = table.iter().map(|key| key.name);
    let hint = spelling::hint(&pair.key, known);
    let elsewhere = if hint.is_empty() && keys::is_known(&pair.key) {
        format!("; {} stands on a line of its own", pair.key)
    } else {
        String::new()
    };
    findings.error(pair.key_at, format!("{UNKNOWN}: {}, on a {line} line{hint}{elsewhere}", pair.key));
}

/// Reports a key that is none of the global ones.
pub(super) fn report_unknown_global(pair: &Pair, findings: &mut Findings) {
    if findings.is_full() {
        return findings.error(pair.key_at, UNKNOWN);
    }
    let lines = keys::LINES.iter().map(|(name, _)| *name);
    let hint = spelling::hint(&pair.key, keys::GLOBAL.iter().map(|key| key.name).chain(lines));
    let only_on: Vec<&str> =
        keys::LINES.iter().filter(|(_, table)| keys::find(table, &pair.key).is_some()).map(|(name, _)| *name).collect();
    let elsewhere =
        if only_on.is_empty() { String::new() } else { format!("; it belongs on a {} line", only_on.join(" or ")) };
    findings.error(pair.key_at, format!("{UNKNOWN}: {}{elsewhere}{hint}", pair.key));
}

/// Warns of an obsolete key and says what happens instead.
pub(super) fn report_obsolete(row: &obsolete::Obsolete, pair: &Pair, findings: &mut Findings) {
    findings.warn(pair.key_at, format!("{} is obsolete: {}", row.name, row.instead));
}

//! TRES lists: name and amount.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::memory;

/// Most resources in one list.
pub const TRES_ITEMS_MAX: usize = 256;
/// Longest name of a GRES or licence, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// A resource. The order is that of scontrol's lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TresName {
    Cpu,
    /// In MiB.
    Mem,
    Energy,
    Node,
    Billing,
    FsDisk,
    Vmem,
    Pages,
    /// `gres/NAME` or `gres/NAME:TYPE`.
    Gres {
        name: String,
        kind: Option<String>,
    },
    /// `license/NAME`.
    License(String),
}

impl TresName {
    const FIXED: [(TresName, &'static str); 8] = [
        (TresName::Cpu, "cpu"),
        (TresName::Mem, "mem"),
        (TresName::Energy, "energy"),
        (TresName::Node, "node"),
        (TresName::Billing, "billing"),
        (TresName::FsDisk, "fs/disk"),
        (TresName::Vmem, "vmem"),
        (TresName::Pages, "pages"),
    ];

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((name, _)) = Self::FIXED.into_iter().find(|(_, word)| word.eq_ignore_ascii_case(text)) {
            return Some(name);
        }
        let word = |w: &str| (!w.is_empty() && w.len() <= NAME_BYTES_MAX).then(|| w.to_owned());
        if let Some(gres) = text.strip_prefix("gres/") {
            return Some(match gres.split_once(':') {
                Some((name, kind)) => Self::Gres { name: word(name)?, kind: Some(word(kind)?) },
                None => Self::Gres { name: word(gres)?, kind: None },
            });
        }
        text.strip_prefix("license/").and_then(word).map(Self::License)
    }
}

impl fmt::Display for TresName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gres { name, kind: None } => write!(f, "gres/{name}"),
            Self::Gres { name, kind: Some(kind) } => write!(f, "gres/{name}:{kind}"),
            Self::License(name) => write!(f, "license/{name}"),
            fixed => {
                let word = Self::FIXED.iter().find(|(name, _)| name == fixed).map(|(_, word)| *word);
                f.write_str(word.expect("every other variant is in FIXED"))
            }
        }
    }
}

/// Amounts of resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TresList(pub BTreeMap<TresName, u64>);

/// `position` is the byte where the bad item starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid Trackable RESource (TRES) specification")]
pub struct TresError {
    pub position: usize,
}

impl TresList {
    /// `name=amount` separated by commas; `mem` takes a unit. A name that comes twice is an error.
    pub fn parse(text: &str) -> Result<Self, TresError> {
        let mut list = Self::default();
        let mut at = 0;
        for item in text.split(',') {
            if !item.is_empty() {
                let (name, amount) = parse_item(item).ok_or(TresError { position: at })?;
                if list.0.len() == TRES_ITEMS_MAX || list.0.insert(name, amount).is_some() {
                    return Err(TresError { position: at });
                }
            }
            at += item.len() + 1;
        }
        Ok(list)
    }

    #[must_use]
    pub fn get(&self, name: &TresName) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// sacct's order, which is that of the names as text.
    #[must_use]
    pub fn print_by_name(&self) -> String {
        let mut items: Vec<(String, String)> =
            self.0.iter().map(|(name, amount)| (name.to_string(), print_item(name, *amount))).collect();
        items.sort();
        items.into_iter().map(|(_, item)| item).collect::<Vec<_>>().join(",")
    }
}

fn parse_item(item: &str) -> Option<(TresName, u64)> {
    let (name, amount) = item.split_once('=')?;
    let name = TresName::parse(name)?;
    let amount = match name {
        TresName::Mem | TresName::Vmem => memory::parse_mib(amount).ok()?,
        _ if amount.bytes().all(|b| b.is_ascii_digit()) => amount.parse().ok()?,
        _ => return None,
    };
    Some((name, amount))
}

fn print_item(name: &TresName, amount: u64) -> String {
    match name {
        TresName::Mem | TresName::Vmem => format!("{name}={}", memory::print_mib(amount)),
        _ => format!("{name}={amount}"),
    }
}

/// scontrol's order: `cpu=1,mem=100M,node=1,billing=1,gres/gpu=2`.
impl fmt::Display for TresList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, amount)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{}", print_item(name, *amount))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_print_in_scontrols_and_in_saccts_order() {
        let list = TresList::parse("billing=1,node=1,gres/gpu:a100=2,mem=1536,cpu=1").unwrap();
        assert_eq!(list.to_string(), "cpu=1,mem=1.50G,node=1,billing=1,gres/gpu:a100=2");
        assert_eq!(list.print_by_name(), "billing=1,cpu=1,gres/gpu:a100=2,mem=1.50G,node=1");
        assert_eq!(list.get(&TresName::Mem), Some(1536));
        assert_eq!(TresList::parse("").unwrap().to_string(), "");
        let rest = "energy=3,fs/disk=4,pages=5,license/matlab=6";
        assert_eq!(TresList::parse(rest).unwrap().to_string(), rest);
    }

    #[test]
    fn bad_items_say_where() {
        for (text, position) in [
            ("cpu", 0),
            ("cpu=1,foo=2", 6),
            ("cpu=x", 0),
            ("cpu=1,cpu=2", 6),
            ("gres/=1", 0),
            ("mem=1X", 0),
            ("cpu=-1", 0),
        ] {
            assert_eq!(TresList::parse(text), Err(TresError { position }), "{text}");
        }
    }
}

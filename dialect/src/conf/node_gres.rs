//! `Gres=` of a node line: `gpu:2`, `gpu:a100:4`, `bandwidth:lustre:no_consume:4G`.

use std::fmt;

use super::diagnostics::{Findings, Place};
use super::spelling;

/// One generic resource of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeGres {
    pub name: String,
    /// The model, where one is given.
    pub kind: Option<String>,
    pub count: u64,
    /// It is never used up: any number of jobs may ask for it.
    pub no_consume: bool,
}

impl fmt::Display for NodeGres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(kind) = &self.kind {
            write!(f, ":{kind}")?;
        }
        if self.no_consume {
            f.write_str(":no_consume")?;
        }
        write!(f, ":{}", self.count)
    }
}

/// Reads the items of a list; what GresTypes does not name is put aside with a warning, as Slurm does.
pub(super) fn read_list(items: &[String], types: &[String], at: Place, findings: &mut Findings) -> Vec<NodeGres> {
    let mut list: Vec<NodeGres> = Vec::new();
    for item in items {
        if item.eq_ignore_ascii_case("(null)") || item.eq_ignore_ascii_case("none") {
            continue;
        }
        match parse(item) {
            None => findings.error(at, format!("Invalid GRES: {item} (expected name[:type]:count)")),
            Some(gres) if !types.contains(&gres.name) => {
                let hint = spelling::hint(&gres.name, types.iter().map(String::as_str));
                findings.warn(at, format!("Gres {item} is ignored: GresTypes does not name \"{}\"{hint}", gres.name));
            }
            Some(gres) => {
                if list.iter().any(|other| other.name == gres.name && other.kind.is_some() != gres.kind.is_some()) {
                    findings.error(at, format!("Gres \"{}\" is given both with and without a type", gres.name));
                }
                list.push(gres);
            }
        }
    }
    list
}

fn parse(item: &str) -> Option<NodeGres> {
    let mut parts: Vec<&str> = item.split(':').collect();
    let count = match parts.last().and_then(|last| count(last)) {
        Some(count) if parts.len() > 1 => {
            parts.pop();
            count
        }
        _ => 1,
    };
    let no_consume = parts.last().is_some_and(|last| last.eq_ignore_ascii_case("no_consume"));
    if no_consume {
        parts.pop();
    }
    let well_formed = (1..=2).contains(&parts.len()) && parts.iter().all(|part| !part.is_empty());
    well_formed.then(|| NodeGres {
        name: parts[0].to_string(),
        kind: parts.get(1).map(|kind| (*kind).to_string()),
        count,
        no_consume,
    })
}

/// `4`, `4K`, `4G`: suffixes multiply by powers of 1024.
pub(super) fn count(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    let shift = match suffix.to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        "P" => 50,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_forms_read_and_print() {
        for (text, shown) in [
            ("gpu:2", "gpu:2"),
            ("gpu", "gpu:1"),
            ("gpu:tesla:1", "gpu:tesla:1"),
            ("gpu:tesla", "gpu:tesla:1"),
            ("bandwidth:lustre:no_consume:4G", "bandwidth:lustre:no_consume:4294967296"),
        ] {
            assert_eq!(parse(text).expect(text).to_string(), shown);
        }
        for text in ["", ":2", "gpu::2", "gpu:a:b:2"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn undeclared_resources_are_put_aside_with_a_warning() {
        let mut findings = Findings::default();
        let list = read_list(&["gpu:1".into(), "gpi:1".into()], &["gpu".into()], Place::default(), &mut findings);
        assert_eq!(list.len(), 1);
        assert!(findings.into_list()[0].message.ends_with("does not name \"gpi\"; did you mean \"gpu\"?"));
    }
}

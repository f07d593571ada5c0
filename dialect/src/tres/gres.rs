//! Generic resources: what a job asks for (`gpu`, `gpu:2`, `gpu:a100:2`) and what a node has (`gpu:a100:4(S:0-1)`).

use std::fmt;

use thiserror::Error;

/// Most generic resources in one list.
pub const GRES_ITEMS_MAX: usize = 128;
/// Longest name or type, in bytes.
const WORD_BYTES_MAX: usize = 128;

/// `position` is the byte where the bad item starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid generic resource (gres) specification")]
pub struct GresError {
    pub position: usize,
}

/// One resource that a job asks for, a node, task, socket or job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GresRequest {
    pub name: String,
    pub kind: Option<String>,
    pub count: u64,
}

impl GresRequest {
    /// `--gres=gpu:a100:2,shard:4`. `gres:` and `gres/` in front of a name are dropped; `none` is an empty list.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, GresError> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Vec::new());
        }
        parse_items(text, |item| {
            let item = item.strip_prefix("gres:").or(item.strip_prefix("gres/")).unwrap_or(item);
            let (item, explicit) = match item.split_once('=') {
                Some((item, count)) => (item, Some(number(count)?)),
                None => (item, None),
            };
            let (name, rest) = split_word(item)?;
            let (kind, count) = kind_and_count(rest)?;
            Some(Self { name, kind, count: explicit.or(count).unwrap_or(1) })
        })
    }

    /// `--gpus=2`, `--gpus-per-node=a100:2,v100:1`: the name is `gpu`.
    pub fn parse_gpus(text: &str) -> Result<Vec<Self>, GresError> {
        parse_items(text, |item| {
            let (kind, count) = kind_and_count(Some(item))?;
            Some(Self { name: "gpu".to_owned(), kind, count: count.unwrap_or(1) })
        })
    }
}

/// As squeue's `%b` shows it after its `gres:`: `gpu:a100:2`.
impl fmt::Display for GresRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Some(kind) => write!(f, "{}:{kind}:{}", self.name, self.count),
            None => write!(f, "{}:{}", self.name, self.count),
        }
    }
}

/// One resource of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeGres {
    pub name: String,
    pub kind: Option<String>,
    pub count: u64,
    /// Shared without being used up.
    pub no_consume: bool,
    /// `(S:0-1)`: sockets that it is attached to, as printed; not read from configuration.
    pub sockets: Option<String>,
}

impl NodeGres {
    /// `Gres=gpu:a100:4(S:0-1),shard:no_consume:8`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, GresError> {
        parse_items(text, |item| {
            let (item, sockets) = match item.split_once("(S:") {
                Some((item, sockets)) => (item, Some(sockets.strip_suffix(')')?.to_owned())),
                None => (item, None),
            };
            let (name, rest) = split_word(item)?;
            let (no_consume, rest) = take_no_consume(rest);
            let (kind, count) = kind_and_count(rest.as_deref())?;
            Some(Self { name, kind, count: count.unwrap_or(1), no_consume, sockets })
        })
    }
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
        write!(f, ":{}", self.count)?;
        match &self.sockets {
            Some(sockets) => write!(f, "(S:{sockets})"),
            None => Ok(()),
        }
    }
}

/// Splits at commas outside parentheses; empty items are ignored.
fn parse_items<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, GresError> {
    let mut found = Vec::new();
    let mut depth = 0_u32;
    let mut at = 0;
    let items = text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    for item in items {
        if !item.is_empty() {
            let parsed = parse(item).filter(|_| found.len() < GRES_ITEMS_MAX);
            found.push(parsed.ok_or(GresError { position: at })?);
        }
        at += item.len() + 1;
    }
    Ok(found)
}

fn split_word(item: &str) -> Option<(String, Option<&str>)> {
    let (name, rest) = match item.split_once(':') {
        Some((name, rest)) => (name, Some(rest)),
        None => (item, None),
    };
    word(name).map(|name| (name, rest))
}

fn take_no_consume(rest: Option<&str>) -> (bool, Option<String>) {
    let Some(rest) = rest else { return (false, None) };
    let parts: Vec<&str> = rest.split(':').collect();
    let kept: Vec<&str> = parts.iter().copied().filter(|part| *part != "no_consume").collect();
    (kept.len() < parts.len(), (!kept.is_empty()).then(|| kept.join(":")))
}

/// `2`, `a100`, `a100:2` or nothing.
fn kind_and_count(text: Option<&str>) -> Option<(Option<String>, Option<u64>)> {
    let Some(text) = text else { return Some((None, None)) };
    match text.split_once(':') {
        Some((kind, count)) => Some((Some(word(kind)?), Some(number(count)?))),
        None if text.starts_with(|c: char| c.is_ascii_digit()) && number(text).is_some() => {
            Some((None, Some(number(text)?)))
        }
        None => Some((Some(word(text)?), None)),
    }
}

/// Letters, digits and `_-.`, so that no separator of ours and no shell's gets in.
fn word(text: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!text.is_empty() && text.len() <= WORD_BYTES_MAX && text.chars().all(plain)).then(|| text.to_owned())
}

/// Digits and one of K, M, G, T, P (powers of 1024).
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let value: u64 = text[..digits].parse().ok()?;
    let shift = match &text[digits..] {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        "p" | "P" => 50,
        _ => return None,
    };
    value.checked_mul(1 << shift).filter(|v| *v < u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Vec<String> {
        GresRequest::parse_list(text).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn requests_have_a_name_and_perhaps_a_type_and_a_count() {
        assert_eq!(request("gpu"), ["gpu:1"]);
        assert_eq!(request("gpu:2"), ["gpu:2"]);
        assert_eq!(request("gpu:a100"), ["gpu:a100:1"]);
        assert_eq!(request("gpu:a100:2,shard:4K"), ["gpu:a100:2", "shard:4096"]);
        assert_eq!(request("gres:gpu:2"), ["gpu:2"]);
        assert_eq!(request("gres/gpu=2"), ["gpu:2"]);
        assert_eq!(request("gpu:0"), ["gpu:0"]);
        assert!(request("none").is_empty());
        assert_eq!(GresRequest::parse_gpus("a100:2,v100").unwrap()[1].to_string(), "gpu:v100:1");
        assert_eq!(GresRequest::parse_gpus("3").unwrap()[0].to_string(), "gpu:3");
    }

    #[test]
    fn nodes_have_sockets_too() {
        for text in ["gpu:a100:4(S:0-1)", "gpu:2", "net:no_consume:4", "gpu:a100:2(S:0,1)"] {
            assert_eq!(NodeGres::parse_list(text).unwrap()[0].to_string(), text);
        }
        assert_eq!(NodeGres::parse_list("gpu:a:2(S:0,1),gpu:b:1").unwrap().len(), 2);
    }

    #[test]
    fn bad_items_say_where() {
        for (text, position) in [("gpu:1,:2", 6), ("gpu:a:b", 0), ("gpu:a:1:2", 0), ("gp u", 0), ("gpu:-1:2x", 0)] {
            assert_eq!(GresRequest::parse_list(text), Err(GresError { position }), "{text}");
        }
        assert!(NodeGres::parse_list("gpu:2(S:0").is_err());
    }
}

//! What a job asks of devices (`gres:gpu:a100:2`), and taking them from what a node has free.

use muster_proto::durable::GresShare;
use thiserror::Error;

use crate::cluster::resources::{BitSet, GresFree, GresKind, NodeFree};

/// Most entries of one request that are read.
const ENTRIES_MAX: usize = 32;

/// One kind of device asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GresAsk {
    /// "gpu"
    pub(super) name: String,
    /// "a100", or empty: of any type.
    pub(super) kind: String,
    /// How many: per node, task or job, as the field says that it stands in.
    pub(super) count: u64,
}

/// A text that is no request of devices.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("invalid generic resource specification {0:?}")]
pub(super) struct GresError(String);

/// Reads `gres:gpu:2`, `gres/gpu=2`, `gpu:a100:2`, `gpu`, joined by commas. A count of 0 asks nothing.
pub(super) fn parse(text: &str) -> Result<Vec<GresAsk>, GresError> {
    let mut asks = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let bare = entry.strip_prefix("gres:").or_else(|| entry.strip_prefix("gres/")).unwrap_or(entry);
        let ask = parse_entry(bare).filter(|_| asks.len() < ENTRIES_MAX).ok_or_else(|| GresError(entry.to_string()))?;
        if ask.count > 0 && !entry.eq_ignore_ascii_case("none") {
            asks.push(ask);
        }
    }
    Ok(asks)
}

fn parse_entry(entry: &str) -> Option<GresAsk> {
    let mut parts: Vec<&str> = entry.split([':', '=']).collect();
    let count = match parts.last().and_then(|last| parse_count(last)) {
        Some(count) if parts.len() > 1 => {
            parts.pop();
            count
        }
        _ => 1,
    };
    let (name, kind) = match parts.as_slice() {
        [name] => (*name, ""),
        [name, kind] => (*name, *kind),
        _ => return None,
    };
    (!name.is_empty()).then(|| GresAsk { name: name.to_string(), kind: kind.to_string(), count })
}

/// A count with an optional suffix k, m, g, t (of 1024).
fn parse_count(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'k' => (&text[..text.len() - 1], 10),
        b'm' => (&text[..text.len() - 1], 20),
        b'g' => (&text[..text.len() - 1], 30),
        b't' => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

impl GresAsk {
    fn wants(&self, of: &GresKind) -> bool {
        self.name == of.name && (self.kind.is_empty() || self.kind == of.kind)
    }

    /// How many of it are free.
    pub(super) fn available(&self, free: &NodeFree) -> u64 {
        free.gres.iter().filter(|(of, _)| self.wants(of)).fold(0, |sum, (_, g)| sum.saturating_add(g.count))
    }

    /// Takes `count` of it out of `free`, lowest numbers first.
    pub(super) fn take(&self, free: &mut NodeFree, mut count: u64) -> Option<Vec<GresShare>> {
        let mut taken = Vec::new();
        for (of, pool) in free.gres.iter_mut().filter(|(of, _)| self.wants(of)) {
            let here = count.min(pool.count);
            if here > 0 {
                taken.push(take_from(of, pool, here));
                count -= here;
            }
        }
        (count == 0).then_some(taken)
    }
}

/// Every device of a node: what an exclusive job gets.
pub(super) fn take_all(free: &mut NodeFree) -> Vec<GresShare> {
    let pools = free.gres.iter_mut().filter(|(_, pool)| pool.count > 0);
    pools.map(|(of, pool)| take_from(of, pool, pool.count)).collect()
}

fn take_from(of: &GresKind, pool: &mut GresFree, count: u64) -> GresShare {
    let mut indices = BitSet::default();
    if pool.numbered {
        for index in pool.indices.iter().take(usize::try_from(count).unwrap_or(usize::MAX)) {
            indices.insert(index);
        }
        pool.indices.subtract(&indices);
    }
    pool.count -= count;
    GresShare { name: of.name.clone(), r#type: of.kind.clone(), indices: indices.to_bytes().into(), count }
}

/// Shares of one kind made one, as rows keep them.
pub(super) fn merge(shares: Vec<GresShare>) -> Vec<GresShare> {
    let mut merged: Vec<GresShare> = Vec::new();
    for share in shares {
        match merged.iter_mut().find(|m| m.name == share.name && m.r#type == share.r#type) {
            Some(same) => {
                let mut indices = BitSet::from_bytes(&same.indices);
                indices.add(&BitSet::from_bytes(&share.indices));
                same.indices = indices.to_bytes().into();
                same.count = same.count.saturating_add(share.count);
            }
            None => merged.push(share),
        }
    }
    merged.sort_by(|a, b| (&a.name, &a.r#type).cmp(&(&b.name, &b.r#type)));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: &str, kind: &str, count: u64) -> GresAsk {
        GresAsk { name: name.into(), kind: kind.into(), count }
    }

    #[test]
    fn requests_are_read_in_every_spelling() {
        assert_eq!(parse("gres:gpu:2"), Ok(vec![ask("gpu", "", 2)]));
        assert_eq!(parse("gres/gpu=2"), Ok(vec![ask("gpu", "", 2)]));
        assert_eq!(parse("gpu"), Ok(vec![ask("gpu", "", 1)]));
        assert_eq!(parse("gpu:a100"), Ok(vec![ask("gpu", "a100", 1)]));
        assert_eq!(parse("gpu:a100:3,lustre:2k"), Ok(vec![ask("gpu", "a100", 3), ask("lustre", "", 2048)]));
        assert_eq!(parse("gpu:0"), Ok(vec![]));
        assert_eq!(parse("none"), Ok(vec![]));
        assert!(parse("a:b:c:d").is_err());
        assert!(parse(":2").is_err());
    }

    #[test]
    fn the_lowest_free_devices_are_taken() {
        let mut indices = BitSet::first(4);
        indices.remove(0);
        let pool = GresFree { indices, count: 3, numbered: true };
        let kind = GresKind { name: "gpu".into(), kind: String::new() };
        let mut free = NodeFree { gres: [(kind, pool)].into(), ..NodeFree::default() };
        let taken = ask("gpu", "", 2).take(&mut free, 2).unwrap();
        assert_eq!(BitSet::from_bytes(&taken[0].indices).iter().collect::<Vec<_>>(), vec![1, 2]);
        assert_eq!(ask("gpu", "", 0).available(&free), 1);
        assert_eq!(ask("gpu", "", 2).take(&mut free, 2), None);
    }
}

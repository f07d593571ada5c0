//! What a node has, and what of it is free: core bitmaps, memory and countable devices.
//!
//! The scheduler plans on these types and apply re-checks with them, so both mean the same by "free".

use std::collections::BTreeMap;

use muster_proto::durable::{GresShare, NodeShare};

/// A set of small numbers (cores of a node, devices): bit `i` of byte `i / 8`, least significant first, as in durable rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BitSet {
    words: Vec<u64>,
}

impl BitSet {
    /// Numbers `0..count`.
    pub fn first(count: u32) -> Self {
        let mut set = Self::default();
        for bit in 0..count {
            set.insert(bit);
        }
        set
    }

    /// Of durable bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let words = bytes.chunks(8).map(|chunk| {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        let mut set = Self { words: words.collect() };
        set.trim();
        set
    }

    /// Canonical: no zero bytes at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }

    /// Adds one.
    pub fn insert(&mut self, bit: u32) {
        let word = (bit / 64) as usize;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (bit % 64);
    }

    /// Takes one out.
    pub fn remove(&mut self, bit: u32) {
        if let Some(word) = self.words.get_mut((bit / 64) as usize) {
            *word &= !(1 << (bit % 64));
        }
        self.trim();
    }

    /// Whether it holds `bit`.
    pub fn contains(&self, bit: u32) -> bool {
        self.words.get((bit / 64) as usize).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// How many.
    pub fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let base = at as u32 * 64;
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| base + bit)
        })
    }

    /// Whether all of `self` is in `other`.
    pub fn is_subset(&self, other: &BitSet) -> bool {
        self.words.iter().enumerate().all(|(at, word)| word & !other.word(at) == 0)
    }

    /// Whether they share a number.
    pub fn intersects(&self, other: &BitSet) -> bool {
        self.words.iter().enumerate().any(|(at, word)| word & other.word(at) != 0)
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &BitSet) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (at, word) in other.words.iter().enumerate() {
            self.words[at] |= word;
        }
    }

    /// Takes all of `other` out.
    pub fn subtract(&mut self, other: &BitSet) {
        for (at, word) in self.words.iter_mut().enumerate() {
            *word &= !other.word(at);
        }
        self.trim();
    }

    fn word(&self, at: usize) -> u64 {
        self.words.get(at).copied().unwrap_or(0)
    }

    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }
}

/// One kind of device of a node: "gpu", perhaps of a type "a100".
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GresKind {
    /// "gpu"
    pub name: String,
    /// "a100", or empty.
    pub kind: String,
}

/// Devices of one kind: numbered ones (`indices`) for which allocation says which, and a count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GresFree {
    /// Free device numbers. Numbers of one `name` are unique over its types.
    pub indices: BitSet,
    /// Free count; equals `indices.len()` for numbered devices.
    pub count: u64,
    /// Whether the devices are numbered (gpu, mps with files), as opposed to a plain count.
    pub numbered: bool,
}

/// What a node has by configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTotal {
    /// Sockets, over all boards.
    pub sockets: u32,
    /// Cores of each.
    pub cores_per_socket: u32,
    /// Hardware threads of each core.
    pub threads_per_core: u32,
    /// `sockets * cores_per_socket`: the length of core bitmaps. Core `c` is on socket `c / cores_per_socket`.
    pub cores: u32,
    /// Processors as Slurm counts them (`CPUs=`): a core stands for `cpus / cores` of them.
    pub cpus: u32,
    /// MiB that jobs may have.
    pub mem_mib: u64,
    /// MiB.
    pub tmp_disk_mib: u64,
    /// Devices.
    pub gres: BTreeMap<GresKind, GresFree>,
}

impl NodeTotal {
    /// Processors that one core stands for.
    pub fn cpus_per_core(&self) -> u32 {
        self.cpus.checked_div(self.cores).unwrap_or(1).max(1)
    }

    /// Nothing of it is taken.
    pub fn free(&self) -> NodeFree {
        NodeFree { cores: BitSet::first(self.cores), mem_mib: self.mem_mib, gres: self.gres.clone() }
    }
}

/// What of a node is free. Shares of attempts are taken from it when placed, and given back when released or proven dead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFree {
    /// Free cores.
    pub cores: BitSet,
    /// Free memory in MiB. Meaningful where memory is a consumable resource (`Settings::memory_consumable`).
    pub mem_mib: u64,
    /// Free devices.
    pub gres: BTreeMap<GresKind, GresFree>,
}

/// Why a share does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A core is taken, or does not exist.
    Cores,
    /// Not that much memory is free.
    Memory,
    /// A device is taken, or does not exist.
    Gres,
}

impl NodeFree {
    /// Whether `share` could be taken.
    pub fn fits(&self, share: &NodeShare, memory_counts: bool) -> Result<(), Misfit> {
        if !BitSet::from_bytes(&share.cores).is_subset(&self.cores) {
            return Err(Misfit::Cores);
        }
        if memory_counts && share.mem_mib > self.mem_mib {
            return Err(Misfit::Memory);
        }
        let mut asked: BTreeMap<GresKind, GresFree> = BTreeMap::new();
        for gres in &share.gres {
            let total = asked.entry(gres_kind(gres)).or_default();
            let indices = BitSet::from_bytes(&gres.indices);
            if total.indices.intersects(&indices) {
                return Err(Misfit::Gres);
            }
            total.indices.add(&indices);
            total.count = total.count.saturating_add(gres.count);
        }
        let fits = asked.iter().all(|(kind, want)| {
            self.gres.get(kind).is_some_and(|free| {
                want.count <= free.count
                    && want.indices.is_subset(&free.indices)
                    && (!free.numbered || u64::from(want.indices.len()) == want.count)
            })
        });
        if fits { Ok(()) } else { Err(Misfit::Gres) }
    }

    /// Takes `share`, whether it fits or not: what is promised is promised, even if the node has shrunk since.
    pub fn take(&mut self, share: &NodeShare) {
        self.cores.subtract(&BitSet::from_bytes(&share.cores));
        self.mem_mib = self.mem_mib.saturating_sub(share.mem_mib);
        for gres in &share.gres {
            if let Some(free) = self.gres.get_mut(&gres_kind(gres)) {
                free.indices.subtract(&BitSet::from_bytes(&gres.indices));
                free.count = free.count.saturating_sub(gres.count);
            }
        }
    }

    /// What is left of `total` beside all of `shares`.
    pub fn beside<'a>(total: &NodeTotal, shares: impl IntoIterator<Item = &'a NodeShare>) -> Self {
        let mut free = total.free();
        for share in shares {
            free.take(share);
        }
        free
    }
}

/// Of which kind a share of devices is.
pub fn gres_kind(share: &GresShare) -> GresKind {
    GresKind { name: share.name.clone(), kind: share.r#type.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_canonical() {
        let mut set = BitSet::from_bytes(&[0b101, 0, 0]);
        assert_eq!(set.to_bytes(), vec![0b101]);
        set.insert(70);
        set.remove(70);
        assert_eq!(set.to_bytes(), vec![0b101]);
        assert_eq!(set.iter().collect::<Vec<_>>(), vec![0, 2]);
    }

    #[test]
    fn a_share_fits_only_beside_others() {
        let total = NodeTotal { cores: 4, cpus: 4, mem_mib: 100, ..NodeTotal::default() };
        let share = NodeShare { cores: vec![0b0011].into(), mem_mib: 60, ..NodeShare::default() };
        let free = NodeFree::beside(&total, [&share]);
        assert_eq!(free.fits(&share, true), Err(Misfit::Cores));
        let other = NodeShare { cores: vec![0b1100].into(), mem_mib: 60, ..NodeShare::default() };
        assert_eq!(free.fits(&other, true), Err(Misfit::Memory));
        assert_eq!(free.fits(&other, false), Ok(()));
        let beyond = NodeShare { cores: vec![0b1_0000].into(), ..NodeShare::default() };
        assert_eq!(free.fits(&beyond, true), Err(Misfit::Cores));
    }
}

//! `--distribution={*|block|cyclic|arbitrary|plane=SIZE}[:SOCKETS[:CORES]][,Pack|NoPack]`.

use std::fmt;

use thiserror::Error;

/// How tasks go to nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeOrder {
    /// Neighbours share a node.
    Block,
    /// Round robin.
    Cyclic,
    /// Round robin in blocks of this many tasks.
    Plane(u32),
    /// As the host file lists them.
    Arbitrary,
}

/// How a node's tasks go to sockets, or a socket's to cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Inner {
    Block,
    Cyclic,
    /// Cyclic, and each task's CPUs too.
    FullCyclic,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Distribution {
    /// Nothing where only `Pack` or `NoPack` was asked for.
    pub nodes: Option<NodeOrder>,
    pub sockets: Option<Inner>,
    pub cores: Option<Inner>,
    /// `Some(true)` for `Pack`: as few nodes as will do.
    pub pack: Option<bool>,
}

/// Texts as `sbatch: error: ` precedes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DistributionError {
    #[error("Invalid --distribution specification")]
    Invalid,
    #[error("Invalid plane size or size not specified")]
    PlaneSize,
}

impl Distribution {
    /// In any case. `*` is the default of its level: block for nodes, cyclic within.
    pub fn parse(text: &str) -> Result<Self, DistributionError> {
        let lower = text.to_ascii_lowercase();
        let mut parts = lower.split(',');
        let mut found = Self::default();
        let first = parts.next().unwrap_or_default();
        if !found.take_pack(first) {
            found.take_levels(first)?;
        }
        match parts.next() {
            None => Ok(found),
            Some(word) if found.pack.is_none() && found.take_pack(word) && parts.next().is_none() => Ok(found),
            Some(_) => Err(DistributionError::Invalid),
        }
    }

    /// How tasks go to nodes where nothing was asked for: one a node while there are enough nodes.
    #[must_use]
    pub fn default_order(tasks: u32, nodes: u32) -> NodeOrder {
        if tasks <= nodes { NodeOrder::Cyclic } else { NodeOrder::Block }
    }

    fn take_pack(&mut self, word: &str) -> bool {
        self.pack = match word {
            "pack" => Some(true),
            "nopack" => Some(false),
            _ => return false,
        };
        true
    }

    fn take_levels(&mut self, text: &str) -> Result<(), DistributionError> {
        if let Some(size) = text.strip_prefix("plane") {
            let size = size.strip_prefix('=').and_then(|s| s.parse().ok()).filter(|s| *s > 0);
            self.nodes = Some(NodeOrder::Plane(size.ok_or(DistributionError::PlaneSize)?));
            return Ok(());
        }
        let mut levels = text.split(':');
        self.nodes = Some(match levels.next() {
            Some("block" | "*") => NodeOrder::Block,
            Some("cyclic") => NodeOrder::Cyclic,
            Some("arbitrary") if text == "arbitrary" => NodeOrder::Arbitrary,
            _ => return Err(DistributionError::Invalid),
        });
        self.sockets = levels.next().map(inner).transpose()?;
        self.cores = levels.next().map(inner).transpose()?;
        if levels.next().is_some() { Err(DistributionError::Invalid) } else { Ok(()) }
    }
}

fn inner(word: &str) -> Result<Inner, DistributionError> {
    match word {
        "block" => Ok(Inner::Block),
        "cyclic" | "*" => Ok(Inner::Cyclic),
        "fcyclic" => Ok(Inner::FullCyclic),
        _ => Err(DistributionError::Invalid),
    }
}

impl Inner {
    fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Cyclic => "cyclic",
            Self::FullCyclic => "fcyclic",
        }
    }
}

/// As SLURM_DISTRIBUTION: the size of planes is in SLURM_DIST_PLANESIZE.
impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.nodes.map(|nodes| match nodes {
            NodeOrder::Block => "block",
            NodeOrder::Cyclic => "cyclic",
            NodeOrder::Plane(_) => "plane",
            NodeOrder::Arbitrary => "arbitrary",
        });
        let levels = [nodes, self.sockets.map(Inner::name), self.cores.map(Inner::name)];
        let levels = levels.into_iter().flatten().collect::<Vec<_>>().join(":");
        let pack = self.pack.map(|pack| if pack { "pack" } else { "nopack" });
        let parts = [Some(levels.as_str()).filter(|l| !l.is_empty()), pack];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_print_as_the_variable_has_them() {
        for (text, shown) in [
            ("block", "block"),
            ("plane=2", "plane"),
            ("block:cyclic", "block:cyclic"),
            ("cyclic:block:cyclic", "cyclic:block:cyclic"),
            ("block,Pack", "block,pack"),
            ("*", "block"),
            ("*:block", "block:block"),
            ("block:*", "block:cyclic"),
            ("BLOCK", "block"),
            ("cyclic:fcyclic", "cyclic:fcyclic"),
            ("block:block,NoPack", "block:block,nopack"),
            ("pack", "pack"),
            ("block:block:fcyclic,Pack", "block:block:fcyclic,pack"),
            ("*,Pack", "block,pack"),
            ("arbitrary", "arbitrary"),
        ] {
            assert_eq!(Distribution::parse(text).map(|d| d.to_string()), Ok(shown.to_owned()), "{text}");
        }
        assert_eq!(Distribution::parse("plane=2").unwrap().nodes, Some(NodeOrder::Plane(2)));
    }

    #[test]
    fn other_requests_are_refused_in_slurms_words() {
        for text in ["blo", "block:foo", "arbitrary:block", "unknown", "", "block,foo", "pack,pack", "a:b:c:d"] {
            assert_eq!(Distribution::parse(text), Err(DistributionError::Invalid), "{text}");
        }
        for text in ["plane", "plane=0", "plane=4:cyclic", "plane=x"] {
            assert_eq!(Distribution::parse(text), Err(DistributionError::PlaneSize), "{text}");
        }
    }
}

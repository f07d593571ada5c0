//! Node states: a base state and flags, printed in one word by sinfo (`drng*`) and in full by scontrol
//! (`ALLOCATED+DRAIN+NOT_RESPONDING`).

use std::fmt;
use std::ops::BitOr;

/// What a node does. The codes are Slurm's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum NodeBase {
    /// Configured, never registered.
    Unknown = 0,
    Down = 1,
    Idle = 2,
    /// Every CPU is given out.
    Allocated = 3,
    /// Some CPUs are given out.
    Mixed = 5,
    /// A place in the configuration for a node that does not exist yet.
    Future = 6,
}

impl NodeBase {
    #[must_use]
    pub fn code(self) -> u32 {
        self as u32
    }

    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        use NodeBase::{Allocated, Down, Future, Idle, Mixed, Unknown};
        [Unknown, Down, Idle, Allocated, Mixed, Future].into_iter().find(|base| base.code() == code)
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Unknown => ("UNKNOWN", "UNK"),
            Self::Down => ("DOWN", "DOWN"),
            Self::Idle => ("IDLE", "IDLE"),
            Self::Allocated => ("ALLOCATED", "ALLOC"),
            Self::Mixed => ("MIXED", "MIX"),
            Self::Future => ("FUTURE", "FUTR"),
        }
    }
}

/// Flags beside the base state. The bits are ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct NodeFlags(pub u32);

impl NodeFlags {
    pub const NONE: NodeFlags = NodeFlags(0);
    pub const CLOUD: NodeFlags = NodeFlags(1);
    pub const COMPLETING: NodeFlags = NodeFlags(1 << 1);
    pub const DRAIN: NodeFlags = NodeFlags(1 << 2);
    pub const FAIL: NodeFlags = NodeFlags(1 << 3);
    pub const INVALID_REG: NodeFlags = NodeFlags(1 << 4);
    pub const MAINTENANCE: NodeFlags = NodeFlags(1 << 5);
    pub const NOT_RESPONDING: NodeFlags = NodeFlags(1 << 6);
    pub const PLANNED: NodeFlags = NodeFlags(1 << 7);
    pub const POWERED_DOWN: NodeFlags = NodeFlags(1 << 8);
    pub const POWERING_DOWN: NodeFlags = NodeFlags(1 << 9);
    pub const POWERING_UP: NodeFlags = NodeFlags(1 << 10);
    pub const POWER_DOWN: NodeFlags = NodeFlags(1 << 11);
    pub const REBOOT_ISSUED: NodeFlags = NodeFlags(1 << 12);
    pub const REBOOT_REQUESTED: NodeFlags = NodeFlags(1 << 13);
    pub const RESERVED: NodeFlags = NodeFlags(1 << 14);

    /// In the order of scontrol's `State=`.
    const NAMES: [(NodeFlags, &'static str); 15] = [
        (Self::CLOUD, "CLOUD"),
        (Self::COMPLETING, "COMPLETING"),
        (Self::DRAIN, "DRAIN"),
        (Self::FAIL, "FAIL"),
        (Self::INVALID_REG, "INVALID_REG"),
        (Self::MAINTENANCE, "MAINTENANCE"),
        (Self::NOT_RESPONDING, "NOT_RESPONDING"),
        (Self::PLANNED, "PLANNED"),
        (Self::POWERED_DOWN, "POWERED_DOWN"),
        (Self::POWERING_DOWN, "POWERING_DOWN"),
        (Self::POWERING_UP, "POWERING_UP"),
        (Self::POWER_DOWN, "POWER_DOWN"),
        (Self::REBOOT_ISSUED, "REBOOT_ISSUED"),
        (Self::REBOOT_REQUESTED, "REBOOT_REQUESTED"),
        (Self::RESERVED, "RESERVED"),
    ];

    #[must_use]
    pub fn contains(self, other: NodeFlags) -> bool {
        self.0 & other.0 == other.0
    }

    #[must_use]
    pub fn without(self, other: NodeFlags) -> Self {
        NodeFlags(self.0 & !other.0)
    }

    /// The names that are set, in scontrol's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

impl BitOr for NodeFlags {
    type Output = NodeFlags;

    fn bitor(self, other: NodeFlags) -> NodeFlags {
        NodeFlags(self.0 | other.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeState {
    pub base: NodeBase,
    pub flags: NodeFlags,
}

impl NodeState {
    #[must_use]
    pub fn new(base: NodeBase, flags: NodeFlags) -> Self {
        Self { base, flags }
    }

    /// sinfo's `%T`: `idle`, `drained`, `allocated$`, `down*`.
    #[must_use]
    pub fn long(self) -> String {
        self.one_word().0.to_ascii_lowercase() + self.suffix()
    }

    /// sinfo's `%t`: `idle`, `drain`, `alloc$`, `down*`.
    #[must_use]
    pub fn compact(self) -> String {
        self.one_word().1.to_ascii_lowercase() + self.suffix()
    }

    /// sinfo's `StateComplete`: scontrol's form in small letters.
    #[must_use]
    pub fn complete(self) -> String {
        self.to_string().to_ascii_lowercase()
    }

    fn has(self, flag: NodeFlags) -> bool {
        self.flags.contains(flag)
    }

    fn is_busy(self) -> bool {
        matches!(self.base, NodeBase::Allocated | NodeBase::Mixed) || self.has(NodeFlags::COMPLETING)
    }

    /// Long and compact word, without the suffix.
    fn one_word(self) -> (&'static str, &'static str) {
        let calm = matches!(self.base, NodeBase::Idle | NodeBase::Unknown) && !self.has(NodeFlags::COMPLETING);
        if self.has(NodeFlags::DRAIN) {
            return if self.is_busy() { ("DRAINING", "DRNG") } else { ("DRAINED", "DRAIN") };
        }
        if self.has(NodeFlags::FAIL) {
            return if self.is_busy() { ("FAILING", "FAILG") } else { ("FAIL", "FAIL") };
        }
        if self.has(NodeFlags::INVALID_REG) {
            return ("INVAL", "INVAL");
        }
        if calm && self.has(NodeFlags::MAINTENANCE) {
            return ("MAINT", "MAINT");
        }
        if calm && (self.has(NodeFlags::REBOOT_ISSUED) || self.has(NodeFlags::REBOOT_REQUESTED)) {
            return ("REBOOT", "BOOT");
        }
        if calm && self.has(NodeFlags::RESERVED) {
            return ("RESERVED", "RESV");
        }
        if calm && self.has(NodeFlags::PLANNED) {
            return ("PLANNED", "PLND");
        }
        if self.base == NodeBase::Idle && self.has(NodeFlags::COMPLETING) {
            return ("COMPLETING", "COMP");
        }
        self.base.names()
    }

    /// The first that applies; none repeats what the word already says.
    fn suffix(self) -> &'static str {
        let word = self.one_word().0;
        let shown = [
            (NodeFlags::MAINTENANCE, "$", "MAINT"),
            (NodeFlags::REBOOT_ISSUED, "^", ""),
            (NodeFlags::REBOOT_REQUESTED, "@", "REBOOT"),
            (NodeFlags::POWERING_UP, "#", ""),
            (NodeFlags::POWERING_DOWN, "%", ""),
            (NodeFlags::POWERED_DOWN, "~", ""),
            (NodeFlags::POWER_DOWN, "!", ""),
            (NodeFlags::NOT_RESPONDING, "*", ""),
            (NodeFlags::PLANNED, "-", "PLANNED"),
        ];
        let suffix = shown.into_iter().find(|(flag, _, said_by)| self.has(*flag) && *said_by != word);
        match suffix {
            Some((_, suffix, _)) => suffix,
            None if self.base == NodeBase::Allocated && word == "ALLOCATED" && self.has(NodeFlags::COMPLETING) => "+",
            None => "",
        }
    }
}

/// scontrol's `State=`: `IDLE`, `DOWN+DRAIN+NOT_RESPONDING`.
impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.names().0)?;
        self.flags.names().try_for_each(|name| write!(f, "+{name}"))
    }
}

/// The words that sinfo lists when `-t` names another, in its order.
pub const SINFO_STATES: &str = "unknown,down,idle,allocated,?,mixed,future,drain,drained,draining,no_respond,reserved,\
    perfctrs,cloud,completing,powering_down,powered_down,power_down,powering_up,fail,maint,reboot,reboot^,unknown";

impl NodeState {
    /// Whether `sinfo -t WORD` shows this node; nothing if WORD is none of sinfo's. Short and long names, any case.
    ///
    /// Names of base states ask for the base state alone: a drained node is idle too, and a mixed one allocated.
    #[must_use]
    pub fn matches_word(self, word: &str) -> Option<bool> {
        let word = word.to_ascii_lowercase();
        self.matches_base(&word).or_else(|| self.matches_flag(&word))
    }

    /// One condition of `sinfo -t`: words joined by `&`, all of which must hold. Conditions are separated by commas.
    #[must_use]
    pub fn matches_filter(self, condition: &str) -> Option<bool> {
        condition.split('&').map(|word| self.matches_word(word)).try_fold(true, |all, one| one.map(|one| all && one))
    }

    fn matches_base(self, word: &str) -> Option<bool> {
        Some(match word {
            "all" => true,
            "unknown" | "unk" => self.base == NodeBase::Unknown,
            "down" => self.base == NodeBase::Down,
            "idle" => self.base == NodeBase::Idle,
            "allocated" | "alloc" => matches!(self.base, NodeBase::Allocated | NodeBase::Mixed),
            "mixed" | "mix" => self.base == NodeBase::Mixed,
            "future" | "futr" => self.base == NodeBase::Future,
            _ => return None,
        })
    }

    fn matches_flag(self, word: &str) -> Option<bool> {
        Some(match word {
            "drain" => self.has(NodeFlags::DRAIN),
            "drained" => self.has(NodeFlags::DRAIN) && !self.is_busy(),
            "draining" | "drng" => self.has(NodeFlags::DRAIN) && self.is_busy(),
            "no_respond" | "not_responding" => self.has(NodeFlags::NOT_RESPONDING),
            "reserved" | "resv" => self.has(NodeFlags::RESERVED),
            "cloud" => self.has(NodeFlags::CLOUD),
            "completing" | "comp" => self.has(NodeFlags::COMPLETING),
            "powering_down" => self.has(NodeFlags::POWERING_DOWN),
            "powered_down" => self.has(NodeFlags::POWERED_DOWN),
            "power_down" => self.has(NodeFlags::POWER_DOWN),
            "powering_up" => self.has(NodeFlags::POWERING_UP),
            "fail" => self.has(NodeFlags::FAIL),
            "failing" | "failg" => self.has(NodeFlags::FAIL) && self.is_busy(),
            "maint" => self.has(NodeFlags::MAINTENANCE),
            "planned" | "plnd" => self.has(NodeFlags::PLANNED),
            "inval" => self.has(NodeFlags::INVALID_REG),
            "reboot" | "boot" => self.has(NodeFlags::REBOOT_REQUESTED) || self.has(NodeFlags::REBOOT_ISSUED),
            "reboot^" => self.has(NodeFlags::REBOOT_ISSUED),
            "perfctrs" | "npc" | "?" => false,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type F = NodeFlags;

    #[test]
    fn states_print_as_sinfo_and_scontrol_print_them() {
        use NodeBase::{Allocated, Down, Future, Idle, Mixed, Unknown};
        for (base, flags, compact, long, full) in [
            (Idle, F::NONE, "idle", "idle", "IDLE"),
            (Idle, F::DRAIN, "drain", "drained", "IDLE+DRAIN"),
            (Idle, F::NOT_RESPONDING, "idle*", "idle*", "IDLE+NOT_RESPONDING"),
            (Idle, F::FAIL | F::NOT_RESPONDING, "fail*", "fail*", "IDLE+FAIL+NOT_RESPONDING"),
            (Down, F::NOT_RESPONDING, "down*", "down*", "DOWN+NOT_RESPONDING"),
            (Down, F::DRAIN | F::NOT_RESPONDING, "drain*", "drained*", "DOWN+DRAIN+NOT_RESPONDING"),
            (Allocated, F::NONE, "alloc", "allocated", "ALLOCATED"),
            (Allocated, F::DRAIN, "drng", "draining", "ALLOCATED+DRAIN"),
            (Allocated, F::FAIL, "failg", "failing", "ALLOCATED+FAIL"),
            (Allocated, F::MAINTENANCE | F::RESERVED, "alloc$", "allocated$", "ALLOCATED+MAINTENANCE+RESERVED"),
            (Idle, F::MAINTENANCE | F::RESERVED, "maint", "maint", "IDLE+MAINTENANCE+RESERVED"),
            (Idle, F::RESERVED, "resv", "reserved", "IDLE+RESERVED"),
            (Mixed, F::NOT_RESPONDING, "mix*", "mixed*", "MIXED+NOT_RESPONDING"),
            (Idle, F::COMPLETING, "comp", "completing", "IDLE+COMPLETING"),
            (Idle, F::COMPLETING | F::DRAIN, "drng", "draining", "IDLE+COMPLETING+DRAIN"),
            (Idle, F::PLANNED, "plnd", "planned", "IDLE+PLANNED"),
            (Mixed, F::PLANNED, "mix-", "mixed-", "MIXED+PLANNED"),
            (Idle, F::CLOUD | F::POWERED_DOWN, "idle~", "idle~", "IDLE+CLOUD+POWERED_DOWN"),
            (Unknown, F::NOT_RESPONDING, "unk*", "unknown*", "UNKNOWN+NOT_RESPONDING"),
            (Future, F::NONE, "futr", "future", "FUTURE"),
            (Idle, F::REBOOT_REQUESTED, "boot", "reboot", "IDLE+REBOOT_REQUESTED"),
            (Idle, F::REBOOT_ISSUED, "boot^", "reboot^", "IDLE+REBOOT_ISSUED"),
        ] {
            let state = NodeState::new(base, flags);
            assert_eq!((state.compact().as_str(), state.long().as_str()), (compact, long));
            assert_eq!(state.to_string(), full);
            assert_eq!(state.complete(), full.to_lowercase());
        }
    }

    #[test]
    fn filters_take_sinfos_words() {
        let draining = NodeState::new(NodeBase::Mixed, F::DRAIN);
        assert_eq!(draining.matches_word("drng"), Some(true));
        assert_eq!(draining.matches_word("DRAINED"), Some(false));
        assert_eq!(draining.matches_word("mix"), Some(true));
        assert_eq!(draining.matches_word("alloc"), Some(true));
        assert_eq!(draining.matches_word("nosuchstate"), None);
        assert_eq!(draining.matches_word("down*"), None);
        assert_eq!(draining.matches_filter("mix&drain"), Some(true));
        assert_eq!(draining.matches_filter("mix&maint"), Some(false));
        assert_eq!(draining.matches_filter("mix&x"), None);
        assert_eq!(NodeState::new(NodeBase::Idle, F::DRAIN).matches_word("IDLE"), Some(true));
        assert!(SINFO_STATES.split(',').all(|word| draining.matches_word(word).is_some()));
    }

    #[test]
    fn codes_read_back() {
        assert_eq!(NodeBase::from_code(NodeBase::Mixed.code()), Some(NodeBase::Mixed));
        assert_eq!(NodeBase::from_code(4), None);
    }
}

//! `topology.conf`: the switches and blocks between nodes.

use super::diagnostics::Findings;
use super::fields::Fields;
use super::hosts;
use super::keys::{Key, Support};
use super::lexer::Pair;
use super::nodes::Nodes;
use super::value::Kind::{self, List, Number, Text};

/// One line of topology.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopologyLine {
    Switch {
        name: String,
        /// Switches below it.
        switches: Vec<String>,
        /// Nodes at it.
        nodes: Vec<String>,
        link_speed: u32,
    },
    Block {
        name: String,
        nodes: Vec<String>,
    },
    BlockSizes(Vec<String>),
}

const fn key(name: &'static str, kind: Kind, support: Support) -> Key {
    Key { name, kind, default: "", support }
}

const TOPOLOGY: &[Key] = &[
    key("SwitchName", Text, Support::Acted),
    key("Switches", Text, Support::Acted),
    key("Nodes", Text, Support::Acted),
    key("LinkSpeed", Number(u32::MAX as u64), Support::Acted),
    key("BlockName", Text, Support::Inert),
    key("BlockSizes", List, Support::Inert),
    key("RingName", Text, Support::Inert),
];

/// Reads all lines of topology.conf. Nodes that slurm.conf does not know give a warning.
pub(super) fn read(lines: &[Vec<Pair>], known: &Nodes, findings: &mut Findings) -> Vec<TopologyLine> {
    lines.iter().filter_map(|pairs| read_line(pairs, known, findings)).collect()
}

fn read_line(pairs: &[Pair], known: &Nodes, findings: &mut Findings) -> Option<TopologyLine> {
    let fields = Fields::read("topology.conf", pairs, TOPOLOGY, findings);
    let mut names = |key: &str| {
        let text = fields.text(key).filter(|text| !text.is_empty());
        text.and_then(|text| hosts::expand(text, fields.place(key), findings)).unwrap_or_default()
    };
    let (switches, nodes) = (names("Switches"), names("Nodes"));
    known.warn_of_unknown(&nodes, fields.place("Nodes"), findings);
    if let Some(name) = fields.text("SwitchName") {
        let link_speed = fields.number_u32("LinkSpeed").unwrap_or(1);
        return Some(TopologyLine::Switch { name: name.to_string(), switches, nodes, link_speed });
    }
    if let Some(name) = fields.text("BlockName") {
        return Some(TopologyLine::Block { name: name.to_string(), nodes });
    }
    if let Some(sizes) = fields.list("BlockSizes") {
        return Some(TopologyLine::BlockSizes(sizes));
    }
    let at = pairs.first().map(|pair| pair.key_at).unwrap_or_default();
    if !fields.has("RingName") {
        findings.error(at, "a line of topology.conf needs a SwitchName or a BlockName");
    }
    None
}

//! `NodeSet=` lines, and the `Nodes=` of partitions, which may name node sets.

use super::choices::NodeSet;
use super::diagnostics::{Findings, Place};
use super::fields::Fields;
use super::hosts;
use super::keys;
use super::lexer::Pair;
use super::nodes::Nodes;

/// A cluster has at most this many node sets.
const NODE_SETS_MAX: usize = 4_096;

/// What a partition's `Nodes=` may refer to.
pub(super) struct Members<'a> {
    pub(super) nodes: &'a Nodes,
    pub(super) sets: &'a [NodeSet],
}

/// Reads a `NodeSet=` line, after all nodes are known: the nodes named and those with the feature.
pub(super) fn read(pairs: &[Pair], nodes: &Nodes, sets: &[NodeSet], findings: &mut Findings) -> Option<NodeSet> {
    let fields = Fields::read("NodeSet", pairs, keys::NODE_SET, findings);
    let name = fields.text("NodeSet")?.to_string();
    let at = fields.place("NodeSet");
    if nodes.find(&name).is_some() {
        findings.error(at, format!("NodeSet {name} has the name of a node"));
    }
    if name.eq_ignore_ascii_case("ALL") || name.eq_ignore_ascii_case("DEFAULT") {
        findings.error(at, format!("'{name}' is a reserved word disallowed for use with NodeSet"));
    }
    if sets.iter().any(|set| set.name == name) {
        findings.error(at, format!("NodeSet {name} is configured twice"));
        return None;
    }
    if sets.len() >= NODE_SETS_MAX {
        findings.error(at, format!("more than {NODE_SETS_MAX} node sets"));
        return None;
    }
    let mut chosen = Vec::new();
    if let Some(feature) = fields.text("Feature") {
        let having = nodes.list.iter().zip(0u32..).filter(|(node, _)| node.features.iter().any(|own| own == feature));
        chosen.extend(having.map(|(_, index)| index));
    }
    if let Some(written) = fields.text("Nodes").filter(|written| !written.is_empty()) {
        let place = fields.place("Nodes");
        let members = Members { nodes, sets: &[] };
        chosen.extend(members.of_names(&format!("NodeSet {name}"), written, place, &mut Vec::new(), findings));
    }
    Some(NodeSet { name, nodes: sorted(chosen) })
}

impl Members<'_> {
    /// The nodes of `Nodes=ALL`, of names and of node sets; and the names of those sets.
    pub(super) fn of_partition(&self, written: &str, at: Place, findings: &mut Findings) -> (Vec<u32>, Vec<String>) {
        let mut used = Vec::new();
        if written.trim().is_empty() {
            return (Vec::new(), used);
        }
        let chosen = self.of_names("partition", written, at, &mut used, findings);
        (sorted(chosen), used)
    }

    fn of_names(
        &self,
        owner: &str,
        written: &str,
        at: Place,
        used: &mut Vec<String>,
        findings: &mut Findings,
    ) -> Vec<u32> {
        let all = 0..u32::try_from(self.nodes.list.len()).unwrap_or(u32::MAX);
        if written.eq_ignore_ascii_case("ALL") {
            return all.collect();
        }
        let mut chosen = Vec::new();
        let mut unknown = Vec::new();
        for name in hosts::expand(written, at, findings).unwrap_or_default() {
            if let Some(index) = self.nodes.find(&name) {
                chosen.push(index);
            } else if let Some(set) = self.sets.iter().find(|set| set.name == name) {
                chosen.extend(&set.nodes);
                used.push(name);
            } else if name.eq_ignore_ascii_case("ALL") {
                chosen.extend(all.clone());
            } else {
                unknown.push(name);
            }
        }
        if !unknown.is_empty() {
            let names = crate::hostlist::fold(&unknown);
            findings.error(at, format!("Nodes of {owner} names what is neither a node nor a node set: {names}"));
        }
        chosen
    }
}

fn sorted(mut indices: Vec<u32>) -> Vec<u32> {
    indices.sort_unstable();
    indices.dedup();
    indices
}

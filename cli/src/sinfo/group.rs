//! Which nodes share a line.
//!
//! Nodes of a partition share one while every listed fact by which nodes differ is the same. Sizes are the exception: the
//! smallest is shown with a `+`, unless `--exact`. Where no fact of partitions is listed, partitions share lines too.

use std::cmp::Reverse;

use muster_proto::wire::{NodeInfo, PartitionInfo};

use super::cell::{Line, Teller};
use super::wanted::Wanted;
use crate::show::node_state;

/// Fields that tell of a partition.
const OF_PARTITION: [&str; 14] = [
    "AllocNodes",
    "Available",
    "DefaultTime",
    "Groups",
    "MaxCPUsPerNode",
    "OverSubscribe",
    "Partition",
    "PartitionName",
    "PreemptMode",
    "PriorityJobFactor",
    "PriorityTier",
    "Root",
    "Size",
    "Time",
];
/// Fields that tell of all nodes of a line together, and so do not divide them.
const OF_MANY: [&str; 7] = ["CPUsState", "NodeAI", "NodeAIOT", "NodeList", "Nodes", "CPUsLoad", "FreeMem"];
/// Sizes: divide only with `--exact`.
const SIZES: [&str; 8] = ["CPUs", "Memory", "Disk", "Sockets", "Cores", "Threads", "SocketCoreThread", "AllocMem"];

/// The lines, in the order of the listing.
pub(super) fn lines<'a>(
    partitions: &'a [PartitionInfo],
    nodes: &'a [NodeInfo],
    wanted: &Wanted,
    teller: &Teller,
) -> Vec<Line<'a>> {
    let shown = partitions.iter().filter(|partition| is_shown(partition, wanted));
    let by_partition = wanted.format.columns().any(|column| OF_PARTITION.contains(&column.field.name));
    let only_names = wanted.by_node && wanted.format.columns().all(|column| column.field.name == "NodeList");
    let mut lines: Vec<Line<'a>> = Vec::new();
    for partition in shown {
        let first = if by_partition || only_names { lines.len() } else { 0 };
        let members = members(partition, nodes).filter(|node| node_wanted(node, wanted));
        for node in members {
            add(&mut lines, first, partition, node, wanted, teller);
        }
        // A partition without such a node is told of all the same.
        if by_partition && !wanted.by_node && !wanted.reasons && lines.len() == first {
            lines.push(Line { partition, nodes: Vec::new() });
        }
    }
    sort(&mut lines, partitions, wanted, teller);
    lines
}

fn members<'a>(partition: &PartitionInfo, nodes: &'a [NodeInfo]) -> impl Iterator<Item = &'a NodeInfo> + use<'a> {
    let names = muster_dialect::hostlist::parse(&partition.nodes).unwrap_or_default();
    let names: std::collections::BTreeSet<String> = names.into_iter().collect();
    nodes.iter().filter(move |node| node.row.as_ref().is_some_and(|row| names.contains(&row.name)))
}

fn is_shown(partition: &PartitionInfo, wanted: &Wanted) -> bool {
    let hidden = partition.keys.get("Hidden").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    let named = wanted.partitions.contains(&partition.name);
    if wanted.partitions.is_empty() { wanted.all || !hidden } else { named }
}

fn node_wanted(node: &NodeInfo, wanted: &Wanted) -> bool {
    let Some(row) = &node.row else { return false };
    let state = node_state(node);
    // `a&b`: both; `a,b`: one of them.
    let all_of = |word: &String| word.split('&').all(|part| state.matches_word(part.trim()) == Some(true));
    (wanted.nodes.is_empty() || wanted.nodes.contains(&row.name))
        && (wanted.states.is_empty() || wanted.states.iter().any(all_of))
        && wanted.responding.is_none_or(|responding| responding != row.not_responding)
        && (!wanted.reasons || !row.reason.is_empty())
}

fn add<'a>(
    lines: &mut Vec<Line<'a>>,
    first: usize,
    partition: &'a PartitionInfo,
    node: &'a NodeInfo,
    wanted: &Wanted,
    teller: &Teller,
) {
    let alone = Line { partition, nodes: vec![node] };
    let same = |line: &Line<'a>| {
        let fields = wanted.format.columns().map(|column| column.field.name);
        let mut dividing = fields.filter(|name| divides(name, wanted));
        let name = |node: &NodeInfo| node.row.as_ref().map(|row| row.name.clone());
        let one_node = !wanted.by_node || line.nodes.first().is_some_and(|other| name(other) == name(node));
        let head = Line { partition: line.partition, nodes: line.nodes.iter().take(1).copied().collect() };
        one_node && dividing.all(|name| teller.cell(&head, name) == teller.cell(&alone, name))
    };
    match lines[first..].iter_mut().find(|line| same(line)) {
        Some(line) => {
            if !line.nodes.iter().any(|other| std::ptr::eq(*other, node)) {
                line.nodes.push(node);
            }
        }
        None => lines.push(alone),
    }
}

fn divides(name: &str, wanted: &Wanted) -> bool {
    !OF_MANY.contains(&name) && (wanted.exact || !SIZES.contains(&name))
}

/// Partitions as configured, then states from the highest number down; `-N`: node names.
fn sort(lines: &mut [Line<'_>], partitions: &[PartitionInfo], wanted: &Wanted, teller: &Teller) {
    let place = |line: &Line<'_>| partitions.iter().position(|partition| partition.name == line.partition.name);
    match &wanted.sort {
        Some(keys) => sort_by_letters(lines, keys, teller),
        None if wanted.by_node => lines.sort_by_cached_key(|line| (first_name(line), place(line))),
        None => lines.sort_by_cached_key(|line| (place(line), Reverse(state_number(line)))),
    }
}

fn first_name(line: &Line<'_>) -> (String, u64, String) {
    let name = line.nodes.first().and_then(|node| node.row.as_ref()).map_or("", |row| &row.name);
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (prefix, number) = name.split_at(name.len() - digits);
    (prefix.to_owned(), number.parse().unwrap_or(0), name.to_owned())
}

fn state_number(line: &Line<'_>) -> u32 {
    line.nodes.first().map_or(0, |node| {
        let state = node_state(node);
        state.base.code() | state.flags.0
    })
}

/// Letters of `-o`, `-` turning one round; by the texts of the fields, numbers by value.
fn sort_by_letters(lines: &mut [Line<'_>], keys: &str, teller: &Teller) {
    let mut turned = false;
    let mut order = Vec::new();
    for letter in keys.chars() {
        match letter {
            '-' => turned = true,
            letter => {
                let field = muster_dialect::format::tables::SINFO.by_letter(letter);
                order.extend(field.map(|field| (field.name, std::mem::take(&mut turned))));
            }
        }
    }
    for (name, turned) in order.into_iter().rev() {
        lines.sort_by(|a, b| {
            let (a, b) = (teller.cell(a, name), teller.cell(b, name));
            let numbers = a.parse::<u64>().ok().zip(b.parse::<u64>().ok());
            let order = numbers.map_or_else(|| a.cmp(&b), |(a, b)| a.cmp(&b));
            if turned { order.reverse() } else { order }
        });
    }
}

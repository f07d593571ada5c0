//! What the user wants to see: options, then `SINFO_*` variables for what no option says.

use muster_dialect::format::{Format, defaults, parse_built_in, parse_letters, parse_names, tables};
use muster_dialect::options::Parsed;
use muster_dialect::state::{NodeBase, NodeFlags, NodeState, SINFO_STATES};

use crate::list::{Bad, words};
use crate::process::Variables;

/// Filters, format and order.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) partitions: Vec<String>,
    pub(super) nodes: Vec<String>,
    /// Words of `-t`, known to mean something.
    pub(super) states: Vec<String>,
    /// `-N`: a line a node.
    pub(super) by_node: bool,
    /// `-R`: nodes with a reason only.
    pub(super) reasons: bool,
    /// `-e`: no `+` for "at least".
    pub(super) exact: bool,
    /// `-r`: nodes that respond; `-d`: nodes that do not.
    pub(super) responding: Option<bool>,
    /// `-a`: hidden partitions too.
    pub(super) all: bool,
    pub(super) header: bool,
    pub(super) date: bool,
    pub(super) format: Format,
    pub(super) sort: Option<String>,
    pub(super) iterate_s: Option<u64>,
    pub(super) time_format: Option<String>,
}

/// Options without code: never silently ignored.
const NOT_BUILT: [&str; 4] = ["json", "yaml", "reservation", "future"];

impl Wanted {
    pub(super) fn read(parsed: &Parsed, variables: &Variables) -> Result<Self, Bad> {
        if let Some(name) = NOT_BUILT.into_iter().find(|name| parsed.has(name)) {
            return Err(Bad::NotBuilt(name));
        }
        if let Some(cluster) = parsed.last("clusters").flatten() {
            return Err(Bad::Value(format!("No cluster '{cluster}' known by database.")));
        }
        let of = |option: &str, variable: &str| {
            let value = parsed.last(option).flatten();
            value.or_else(|| variables.get(variable)).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (long, header) = (parsed.has("long"), !parsed.has("noheader"));
        Ok(Self {
            partitions: of("partition", "SINFO_PARTITION").map_or_else(Vec::new, |text| words(&text)),
            nodes: nodes(of("nodes", ""))?,
            states: of("states", "").map_or_else(|| Ok(Vec::new()), |text| states(&text))?,
            by_node: parsed.has("Node"),
            reasons: parsed.has("list-reasons"),
            exact: parsed.has("exact"),
            responding: if parsed.has("dead") { Some(false) } else { parsed.has("responding").then_some(true) },
            all: parsed.has("all") || variables.get("SINFO_ALL").is_some(),
            header,
            date: header && (long || parsed.has("iterate")),
            format: format(parsed, variables, long),
            sort: of("sort", "SINFO_SORT"),
            iterate_s: of("iterate", "").map(|text| iterate(&text)).transpose()?,
            time_format: variables.get("SLURM_TIME_FORMAT").map(str::to_owned),
        })
    }
}

fn format(parsed: &Parsed, variables: &Variables, long: bool) -> Format {
    let given = parsed.options.iter().rev().find(|found| matches!(found.means(), "format" | "Format"));
    if let Some(found) = given {
        let text = found.value.as_deref().unwrap_or_default();
        return if found.means() == "format" {
            parse_letters(&tables::SINFO, text)
        } else {
            parse_names(&tables::SINFO, text)
        };
    }
    let [summary, reasons, by_node] = ["summarize", "list-reasons", "Node"].map(|name| parsed.has(name));
    let plain = !summary && !reasons && !by_node && !long;
    if let Some(text) = variables.get("SINFO_FORMAT").filter(|_| plain) {
        return parse_letters(&tables::SINFO, text);
    }
    let text = match (summary, reasons, by_node, long) {
        (true, ..) => defaults::SINFO_SUMMARY,
        (_, true, _, true) => defaults::SINFO_REASONS_LONG,
        (_, true, ..) => defaults::SINFO_REASONS,
        (_, _, true, true) => defaults::SINFO_NODES_LONG,
        (_, _, true, _) => defaults::SINFO_NODES,
        (_, _, _, true) => defaults::SINFO_LONG,
        _ => defaults::SINFO,
    };
    parse_built_in(&tables::SINFO, text)
}

fn nodes(text: Option<String>) -> Result<Vec<String>, Bad> {
    let Some(text) = text else { return Ok(Vec::new()) };
    muster_dialect::hostlist::parse(&text).map_err(|error| Bad::Value(format!("Invalid node name {text}: {error}")))
}

fn states(text: &str) -> Result<Vec<String>, Bad> {
    let any = NodeState::new(NodeBase::Idle, NodeFlags::default());
    // `&` asks for several at once; each word by itself must be a state.
    let unknown = text.split([',', '&']).map(str::trim).find(|word| any.matches_word(word).is_none());
    match unknown {
        Some(word) => Err(Bad::Value(format!("Bad state string: \"{word}\"\nvalid states: {SINFO_STATES}"))),
        None => Ok(words(text)),
    }
}

fn iterate(text: &str) -> Result<u64, Bad> {
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err(Bad::Value(format!("Error: invalid entry for --iterate={text}"))),
    }
}

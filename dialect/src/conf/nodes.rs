//! `NodeName=` and `DownNodes=` lines.

use std::collections::BTreeMap;

use super::cpus::{self, Given};
use super::diagnostics::{Findings, Place};
use super::fields::Fields;
use super::hosts::{self, NODES_MAX};
use super::keys;
use super::lexer::Pair;
use super::node_gres::{self, NodeGres};
use crate::hostlist;

/// All NodeName lines together, repeats counted, may name this many: a file of repeats must not take minutes to refuse.
const NAMES_MAX: usize = 4 * NODES_MAX;

/// The state that the configuration gives a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfiguredState {
    /// Whatever is known of it, or what it says when it registers.
    Unknown,
    /// It exists in the cloud and starts powered down.
    Cloud,
    Down,
    Drain,
    Fail,
    /// Not yet there: left out of every listing until it is brought in.
    Future,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConf {
    pub name: String,
    /// Where noded is reached; the host name if not given.
    pub addr: String,
    pub hostname: String,
    pub port: u16,
    pub cpus: u32,
    pub boards: u32,
    /// Of the whole node, all boards together.
    pub sockets: u32,
    pub cores_per_socket: u32,
    pub threads_per_core: u32,
    pub real_memory_mib: u64,
    pub tmp_disk_mib: u64,
    pub mem_spec_limit_mib: u64,
    pub core_spec_count: u32,
    pub cpu_spec_list: Option<String>,
    pub features: Vec<String>,
    pub gres: Vec<NodeGres>,
    pub weight: u32,
    pub state: ConfiguredState,
    pub reason: Option<String>,
}

/// Nodes as they are read, with where each was named.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) list: Vec<NodeConf>,
    pub(super) index: BTreeMap<String, u32>,
    defaults: Fields,
    names: usize,
    crowded: bool,
}

/// What the global keys say about nodes.
pub(super) struct Surroundings<'a> {
    pub(super) slurmd_port: u16,
    pub(super) gres_types: &'a [String],
}

impl Nodes {
    /// The index of a node.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.index.get(name).copied()
    }

    /// Warns of names in a sister file that are no nodes.
    pub(super) fn warn_of_unknown(&self, names: &[String], at: Place, findings: &mut Findings) {
        let unknown: Vec<&String> = names.iter().filter(|name| self.find(name).is_none()).collect();
        if !unknown.is_empty() {
            findings.warn(at, format!("slurm.conf has no such nodes: {}", hostlist::fold(&unknown)));
        }
    }

    /// Reads a `NodeName=` line.
    pub(super) fn read(&mut self, pairs: &[Pair], around: &Surroundings<'_>, findings: &mut Findings) {
        let fields = Fields::read("NodeName", pairs, keys::NODE, findings);
        let Some(written) = fields.text("NodeName").map(str::to_string) else { return };
        if written.eq_ignore_ascii_case("DEFAULT") {
            return self.read_default(fields, findings);
        }
        let at = fields.place("NodeName");
        if written.eq_ignore_ascii_case("ALL") {
            return findings.error(at, "'ALL' is a reserved word disallowed for use with NodeName");
        }
        if self.names > NAMES_MAX {
            return findings.error(at, format!("not read: the lines above name more than {NAMES_MAX} nodes"));
        }
        let Some(names) = hosts::expand(&written, at, findings) else { return };
        self.names += names.len();
        let places = NamesOfLine::read(&names, &fields, around.slurmd_port, findings);
        let fields = fields.over(&self.defaults);
        let template = template(&names[0], &fields, around, findings);
        let mut duplicates = Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            if self.index.contains_key(&name) {
                duplicates.push(name);
                continue;
            }
            let node = places.fill(index, NodeConf { name, ..template.clone() });
            self.push(node, at, findings);
        }
        if !duplicates.is_empty() {
            let names = hostlist::fold(&duplicates);
            findings.error(at, format!("Duplicated NodeName {names} in the config file"));
        }
    }

    fn read_default(&mut self, fields: Fields, findings: &mut Findings) {
        for key in ["NodeAddr", "NodeHostname", "BcastAddr", "Port"] {
            if fields.has(key) {
                findings.error(fields.place(key), format!("{key} not allowed with NodeName=DEFAULT"));
            }
        }
        self.defaults.update(fields);
    }

    fn push(&mut self, node: NodeConf, at: Place, findings: &mut Findings) {
        let Some(index) = u32::try_from(self.list.len()).ok().filter(|_| self.list.len() < NODES_MAX) else {
            if !self.crowded {
                findings.error(at, format!("more than {NODES_MAX} nodes"));
            }
            self.crowded = true;
            return;
        };
        self.index.insert(node.name.clone(), index);
        self.list.push(node);
    }

    /// Reads a `DownNodes=` line, after all nodes are known.
    pub(super) fn read_down(&mut self, pairs: &[Pair], findings: &mut Findings) {
        let fields = Fields::read("DownNodes", pairs, keys::DOWN, findings);
        let Some(written) = fields.text("DownNodes").map(str::to_string) else { return };
        let at = fields.place("DownNodes");
        let state = match fields.text("State") {
            Some(text) => state(text, fields.place("State"), findings),
            None => ConfiguredState::Down,
        };
        let reason = fields.text("Reason").unwrap_or("Set in slurm.conf");
        for name in hosts::expand(&written, at, findings).unwrap_or_default() {
            match self.find(&name) {
                Some(index) => {
                    let node = &mut self.list[index as usize];
                    node.state = state;
                    node.reason = Some(reason.to_string());
                }
                None => findings.error(at, format!("DownNodes names an unknown node: {name}")),
            }
        }
    }
}

/// What a line says of each of its nodes by itself.
struct NamesOfLine {
    hostnames: Option<Vec<String>>,
    addrs: Option<Vec<String>>,
    ports: Vec<u16>,
}

impl NamesOfLine {
    fn read(names: &[String], fields: &Fields, slurmd_port: u16, findings: &mut Findings) -> NamesOfLine {
        let mut list = |key: &str| {
            let at = fields.place(key);
            let expanded = hosts::expand(fields.text(key)?, at, findings)?;
            match expanded.len() {
                1 => Some(expanded),
                count if count == names.len() => Some(expanded),
                count => {
                    findings.error(at, format!("{key} gives {count} names for {} nodes", names.len()));
                    None
                }
            }
        };
        let hostnames = list("NodeHostname");
        let addrs = list("NodeAddr");
        let ports = match fields.text("Port") {
            Some(text) => hosts::ports(text, names.len(), fields.place("Port"), findings),
            None => Vec::new(),
        };
        NamesOfLine { hostnames, addrs, ports: if ports.is_empty() { vec![slurmd_port] } else { ports } }
    }

    fn fill(&self, index: usize, mut node: NodeConf) -> NodeConf {
        // A list of one stands for all nodes of the line: several daemons on one host.
        let pick = |list: &Vec<String>| list.get(index).or(list.first()).cloned();
        node.hostname = self.hostnames.as_ref().and_then(pick).unwrap_or_else(|| node.name.clone());
        node.addr = self.addrs.as_ref().and_then(pick).unwrap_or_else(|| node.hostname.clone());
        node.port = self.ports.get(index).or(self.ports.first()).copied().unwrap_or(node.port);
        node
    }
}

/// What all nodes of a line share.
fn template(first: &str, fields: &Fields, around: &Surroundings<'_>, findings: &mut Findings) -> NodeConf {
    let at = fields.place("NodeName");
    let given = Given {
        boards: fields.number_u32("Boards"),
        sockets: fields.number_u32("Sockets"),
        sockets_per_board: fields.number_u32("SocketsPerBoard"),
        cores_per_socket: fields.number_u32("CoresPerSocket"),
        threads_per_core: fields.number_u32("ThreadsPerCore"),
        cpus: fields.number_u32("CPUs").or(fields.number_u32("Procs")),
    };
    let cpus = cpus::complete(&given, &|message| format!("{first}: {message}"), at, findings);
    if fields.has("CoreSpecCount") && fields.has("CpuSpecList") {
        findings.error(fields.place("CpuSpecList"), "CoreSpecCount and CpuSpecList are mutually exclusive");
    }
    let features = fields.list("Features").or(fields.list("Feature")).unwrap_or_default();
    let gres = fields.list("Gres").unwrap_or_default();
    NodeConf {
        name: String::new(),
        addr: String::new(),
        hostname: String::new(),
        port: around.slurmd_port,
        cpus: cpus.cpus,
        boards: cpus.boards,
        sockets: cpus.sockets,
        cores_per_socket: cpus.cores_per_socket,
        threads_per_core: cpus.threads_per_core,
        real_memory_mib: fields.number("RealMemory").unwrap_or(1),
        tmp_disk_mib: fields.number("TmpDisk").unwrap_or(0),
        mem_spec_limit_mib: fields.number("MemSpecLimit").unwrap_or(0),
        core_spec_count: fields.number_u32("CoreSpecCount").unwrap_or(0),
        cpu_spec_list: fields.text("CpuSpecList").map(str::to_string),
        features,
        gres: node_gres::read_list(&gres, around.gres_types, fields.place("Gres"), findings),
        weight: fields.number_u32("Weight").unwrap_or(1),
        state: fields
            .text("State")
            .map_or(ConfiguredState::Unknown, |text| state(text, fields.place("State"), findings)),
        reason: fields.text("Reason").filter(|reason| !reason.is_empty()).map(str::to_string),
    }
}

fn state(text: &str, at: Place, findings: &mut Findings) -> ConfiguredState {
    match text {
        "CLOUD" => ConfiguredState::Cloud,
        "DOWN" => ConfiguredState::Down,
        "DRAIN" | "DRAINED" | "DRAINING" => ConfiguredState::Drain,
        "FAIL" | "FAILING" => ConfiguredState::Fail,
        "FUTURE" => ConfiguredState::Future,
        "IDLE" | "BUSY" => {
            findings.warn(at, format!("State={text} cannot be configured: UNKNOWN is used, the node says the rest"));
            ConfiguredState::Unknown
        }
        _ => ConfiguredState::Unknown,
    }
}

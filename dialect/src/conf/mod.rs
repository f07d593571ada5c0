//! The language of `slurm.conf` and its sister files `gres.conf`, `cgroup.conf`, `topology.conf` and `fence.conf`.
//!
//! ```text
//! Source ─► include ─► lexer ─► lines of pairs ─► fields (by the tables of `keys`) ─► globals, nodes,
//!           (all files)                                                               partitions … ─► check ─► Config
//!                                    every step notes its findings, none stops at the first ─────────► Diagnostics
//! ```
//!
//! [`parse`] is a pure function of the files' text: a replica that parses the stored [`Parsed::files`] gets the same
//! [`Config`]. Nothing is looked up here: no users, no host names, no environment.
//!
//! A text is never silently misunderstood. What is unknown or wrong is an error; an obsolete key warns and says what
//! holds instead; a key that this version does not act on gives a note.

mod assemble;
mod cgroup;
mod check;
mod choices;
mod config;
mod controllers;
mod cpus;
mod diagnostics;
mod fence;
mod fields;
mod fingerprint;
mod globals;
mod gres;
mod hosts;
mod implied;
mod include;
mod keys;
mod lexer;
mod node_gres;
mod node_sets;
mod nodes;
mod obsolete;
mod partitions;
mod proof;
mod select;
pub mod show;
mod source;
mod spelling;
mod topology;
mod unsupported;
mod value;

#[cfg(test)]
mod tests;

pub use cgroup::CgroupConf;
pub use choices::{
    AccountingEnforce, AccountingStorage, Consumable, ControlHost, EnforcePartLimits, HealthCheck, License, MemoryPer,
    NodeSet, Priority, PriorityType, PrologFlags, SchedulerType, Scripts, SelectParameters, SelectType,
};
pub use config::Config;
pub use diagnostics::{Diagnostic, Severity};
pub use fence::{FENCE_LEVELS_MAX, FenceConf, FenceDevice};
pub use fingerprint::fingerprint;
pub use gres::GresConf;
pub use hosts::NODES_MAX;
pub use keys::{Key, Support, global_keys};
pub use node_gres::NodeGres;
pub use nodes::{ConfiguredState, NodeConf};
pub use partitions::{Allow, OverSubscribe, PartitionConf, PartitionState};
pub use proof::{HEARTBEAT_MS_MAX, Proof, heartbeat_ms};
pub use source::{Source, Stored};
pub use topology::TopologyLine;
pub use value::{Kind, Value};

use diagnostics::{Findings, Place};
use include::Library;
use lexer::Pair;
use node_sets::Members;
use nodes::{Nodes, Surroundings};
use partitions::Partitions;

/// What came of reading a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The configuration, unless a diagnostic is an error.
    pub config: Option<Config>,
    /// All findings, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// Path and text of every file that was read, includes and sister files too: together one version.
    pub files: Vec<(String, String)>,
}

/// Reads the configuration whose root file is `root_path`.
pub fn parse(source: &dyn Source, root_path: &str) -> Parsed {
    parse_within(Scope::Everything, source, root_path)
}

/// The same for a command that asks the cluster about everything else: keys on lines of their own, and includes. Lines that
/// begin with `NodeName`, `PartitionName` and the like, and the sister files, are neither read nor checked; what they
/// would give is empty in the [`Config`].
pub fn parse_globals(source: &dyn Source, root_path: &str) -> Parsed {
    parse_within(Scope::Globals, source, root_path)
}

/// How much is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Everything,
    Globals,
}

fn parse_within(scope: Scope, source: &dyn Source, root_path: &str) -> Parsed {
    let mut findings = Findings::default();
    let mut library = Library::new(source, root_path, &keys::is_known);
    let lines = library.read_root(root_path, &mut findings);
    let config = lines.map(|lines| read_all(scope, &mut library, lines, &mut findings));
    let config = config.filter(|_| !findings.has_errors());
    Parsed { config, diagnostics: findings.into_list(), files: library.into_files() }
}

fn read_all(scope: Scope, library: &mut Library<'_>, lines: Vec<Vec<Pair>>, findings: &mut Findings) -> Config {
    let mut lines = Lines::sort(lines);
    if scope == Scope::Globals {
        lines = Lines { globals: lines.globals, ..Lines::default() };
    }
    let mut sister = |name: &str, findings: &mut Findings| match scope {
        Scope::Everything => library.read_sister(name, findings),
        Scope::Globals => Vec::new(),
    };
    let top = Place { file: 0, line: 1, column: 1 };
    let globals = globals::Globals::read(&lines.globals, top, findings);
    let gres_types = globals.list("GresTypes");
    let slurmd_port = u16::try_from(globals.number("SlurmdPort")).unwrap_or_default();
    let around = Surroundings { slurmd_port, gres_types: &gres_types };
    let mut nodes = Nodes::default();
    lines.nodes.iter().for_each(|pairs| nodes.read(pairs, &around, findings));
    lines.down.iter().for_each(|pairs| nodes.read_down(pairs, findings));
    let mut node_sets = Vec::new();
    for pairs in &lines.node_sets {
        node_sets.extend(node_sets::read(pairs, &nodes, &node_sets, findings));
    }
    let mut partitions = Partitions::default();
    let members = Members { nodes: &nodes, sets: &node_sets };
    let root_barred = globals.is_on("DisableRootJobs");
    lines.partitions.iter().for_each(|pairs| partitions.read(pairs, &members, root_barred, findings));
    lines.report_unused(findings);
    let gres = gres::read(&sister("gres.conf", findings), &nodes, &gres_types, findings);
    let cgroup = cgroup::read(&sister("cgroup.conf", findings), findings);
    let topology = topology::read(&sister("topology.conf", findings), &nodes, findings);
    let slurmd_timeout_s = globals.number("SlurmdTimeout");
    let fence = fence::read(&sister("fence.conf", findings), &nodes, slurmd_timeout_s, findings);
    let places = check::Places::of(&globals, partitions.places.clone(), top);
    let parts = assemble::Parts { globals, nodes, node_sets, partitions, gres, cgroup, topology, fence };
    let mut config = parts.assemble(findings);
    check::check(&mut config, &places, findings);
    config
}

/// Lines by what they describe: each kind is read when all that it refers to is known.
#[derive(Default)]
struct Lines {
    globals: Vec<Pair>,
    nodes: Vec<Vec<Pair>>,
    down: Vec<Vec<Pair>>,
    node_sets: Vec<Vec<Pair>>,
    partitions: Vec<Vec<Pair>>,
    frontends: Vec<Vec<Pair>>,
    power_actions: Vec<Vec<Pair>>,
}

impl Lines {
    fn sort(lines: Vec<Vec<Pair>>) -> Lines {
        let mut sorted = Lines::default();
        for pairs in lines {
            let named = |name: &str| pairs.iter().any(|pair| pair.key.eq_ignore_ascii_case(name));
            match keys::LINES.into_iter().map(|(name, _)| name).find(|name| named(name)) {
                Some("NodeName") => sorted.nodes.push(pairs),
                Some("PartitionName") => sorted.partitions.push(pairs),
                Some("NodeSet") => sorted.node_sets.push(pairs),
                Some("DownNodes") => sorted.down.push(pairs),
                Some("FrontendName") => sorted.frontends.push(pairs),
                Some(_) => sorted.power_actions.push(pairs),
                None => sorted.globals.extend(pairs),
            }
        }
        sorted
    }

    /// Lines that are read for their faults only.
    fn report_unused(&self, findings: &mut Findings) {
        for pairs in &self.frontends {
            let at = pairs.first().map(|pair| pair.key_at).unwrap_or_default();
            findings.warn(at, "FrontendName is obsolete: the line is ignored, every node runs a daemon of its own");
        }
        for pairs in &self.power_actions {
            fields::Fields::read("PowerAction", pairs, keys::POWER_ACTION, findings);
        }
    }
}

//! `fence.conf`: how a node is switched off from outside, and when that may be done. A file of Muster's own.
//!
//! ```text
//! MaxFences=3 FenceWindow=600
//! ProofOfDeath=lease LeaseSec=120
//! NodeName=n[1-99] Level=1 Agent=fence_ipmilan Parameters="ip=bmc-%n username=fence lanplus=1" PasswordFile=/etc/slurm/bmc.key
//! NodeName=n[1-99] Level=2 Agent=fence_apc Parameters="ip=pdu1 plug=%n" PasswordFile=/etc/slurm/pdu.key Timeout=30
//! ```
//!
//! Levels are tried in their order. Lines of the same level for the same node are used together: a node with two power
//! supplies is off when both outlets say so. Secrets never stand here, since the file is part of the replicated
//! configuration: they are read by the leader from files of its own host.

use std::collections::BTreeMap;

use super::diagnostics::Findings;
use super::fields::Fields;
use super::hosts;
use super::keys::{Key, Support};
use super::lexer::Pair;
use super::nodes::Nodes;
use super::proof::{self, Proof};
use super::value::Kind::{self, Bool, Choice, Count, Text};

/// Levels that one node may have.
pub const FENCE_LEVELS_MAX: u32 = 9;
/// Longest call of one agent, seconds.
const TIMEOUT_S_MAX: u64 = 600;
/// Longest of the other times, seconds: a week.
const TIME_S_MAX: u64 = 7 * 24 * 3_600;
/// Devices of one node on one level.
const DEVICES_MAX: usize = 8;
/// Parameters of one agent.
const PARAMETERS_MAX: usize = 64;

/// What fence.conf says; without one, no node is ever fenced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceConf {
    /// `FenceAuto`: lost nodes are fenced without an operator.
    pub auto: bool,
    /// `FenceDelay`: a lost node has so long to come back by itself.
    pub delay_s: u32,
    /// `MaxFences`: the storm guard. Beyond it nothing is fenced without an operator.
    pub max_fences: u32,
    /// `FenceWindow`: … in so many seconds.
    pub window_s: u32,
    /// `FenceRetry`: pause after all levels failed once; doubled each time.
    pub retry_s: u32,
    /// `FenceRetryMax`: longest pause.
    pub retry_max_s: u32,
    /// `AgentDir`: where agents are that are named without a path.
    pub agent_dir: String,
    /// `ProofOfDeath`: what else counts as proof that a lost node's work is over.
    pub proof: Proof,
    /// `LeaseSec`: so long a node keeps its work without hearing from a leader; counts with `ProofOfDeath=lease`.
    pub lease_s: u32,
    /// In the order of the file.
    pub devices: Vec<FenceDevice>,
    /// By node: places in `devices`, by level, then in the order of the file.
    of_node: BTreeMap<String, Vec<usize>>,
}

/// One line: an agent that switches nodes off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceDevice {
    /// `Level`, from 1.
    pub level: u32,
    /// Absolute path of the agent.
    pub agent: String,
    /// For its standard input; `%n` stands for the node's name.
    pub parameters: Vec<(String, String)>,
    /// A file on the controllers' hosts whose first line is the password.
    pub password_file: Option<String>,
    /// Longest call.
    pub timeout_s: u32,
    /// `Action=reboot`: switched on again once it is known to be off.
    pub power_on: bool,
}

impl Default for FenceConf {
    fn default() -> Self {
        Self {
            auto: true,
            delay_s: 30,
            max_fences: 3,
            window_s: 600,
            retry_s: 60,
            retry_max_s: 3_600,
            agent_dir: "/usr/sbin".to_owned(),
            proof: Proof::Certain,
            lease_s: 0,
            devices: Vec::new(),
            of_node: BTreeMap::new(),
        }
    }
}

impl FenceConf {
    /// The levels that a node has, ascending; empty: it cannot be fenced.
    pub fn levels(&self, node: &str) -> Vec<u32> {
        let mut levels: Vec<u32> = self.all_of(node).map(|device| device.level).collect();
        levels.dedup();
        levels
    }

    /// What switches `node` off on `level`: all of them together.
    pub fn devices_of(&self, node: &str, level: u32) -> impl Iterator<Item = &FenceDevice> {
        self.all_of(node).filter(move |device| device.level == level)
    }

    fn add(&mut self, names: Vec<String>, device: FenceDevice) {
        let place = self.devices.len();
        self.devices.push(device);
        for name in names {
            let places = self.of_node.entry(name).or_default();
            places.push(place);
            places.sort_by_key(|place| (self.devices.get(*place).map_or(0, |device| device.level), *place));
        }
    }

    fn all_of(&self, node: &str) -> impl Iterator<Item = &FenceDevice> {
        self.of_node.get(node).into_iter().flatten().filter_map(|place| self.devices.get(*place))
    }
}

const fn key(name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key { name, kind, default, support: Support::Acted }
}

const GLOBAL: &[Key] = &[
    key("FenceAuto", Bool, "yes"),
    key("FenceDelay", Count(TIME_S_MAX), "30"),
    key("MaxFences", Count(1_000_000), "3"),
    key("FenceWindow", Count(TIME_S_MAX), "600"),
    key("FenceRetry", Count(TIME_S_MAX), "60"),
    key("FenceRetryMax", Count(TIME_S_MAX), "3600"),
    key("AgentDir", Text, "/usr/sbin"),
    key("ProofOfDeath", Choice(&proof::NAMES), "certain"),
    key("LeaseSec", Count(TIME_S_MAX), ""),
];

const NODE: &[Key] = &[
    key("NodeName", Text, ""),
    key("Level", Count(FENCE_LEVELS_MAX as u64), "1"),
    key("Agent", Text, ""),
    key("Parameters", Text, ""),
    key("PasswordFile", Text, ""),
    key("Timeout", Count(TIMEOUT_S_MAX), "20"),
    key("Action", Choice(&["off", "reboot"]), "off"),
];

/// Reads all lines of fence.conf. Nodes that slurm.conf does not know give a warning. `slurmd_timeout_s`: of slurm.conf.
pub(super) fn read(lines: &[Vec<Pair>], known: &Nodes, slurmd_timeout_s: u32, findings: &mut Findings) -> FenceConf {
    let is_device = |pairs: &&Vec<Pair>| pairs.iter().any(|pair| pair.key.eq_ignore_ascii_case("NodeName"));
    let global: Vec<Pair> = lines.iter().filter(|pairs| !is_device(pairs)).flatten().cloned().collect();
    let mut conf = read_global(&global, slurmd_timeout_s, findings);
    for pairs in lines.iter().filter(is_device) {
        let fields = Fields::read("fence.conf", pairs, NODE, findings);
        let names = fields.text("NodeName").and_then(|text| hosts::expand(text, fields.place("NodeName"), findings));
        let names = names.unwrap_or_default();
        known.warn_of_unknown(&names, fields.place("NodeName"), findings);
        let Some(device) = read_device(&fields, &conf.agent_dir, findings) else { continue };
        if let Some(name) = names.iter().find(|name| conf.devices_of(name, device.level).count() >= DEVICES_MAX) {
            let why = format!("{name} has more than {DEVICES_MAX} agents on level {}", device.level);
            findings.error(fields.place("NodeName"), why);
            continue;
        }
        conf.add(names, device);
    }
    conf
}

fn read_global(pairs: &[Pair], slurmd_timeout_s: u32, findings: &mut Findings) -> FenceConf {
    let fields = Fields::read("fence.conf", pairs, GLOBAL, findings);
    let defaults = FenceConf::default();
    let number = |key: &str, default: u32| fields.number_u32(key).unwrap_or(default);
    let (proof, lease_s) = proof::read(&fields, slurmd_timeout_s, findings);
    let conf = FenceConf {
        proof,
        lease_s,
        auto: fields.boolean("FenceAuto").unwrap_or(defaults.auto),
        delay_s: number("FenceDelay", defaults.delay_s),
        max_fences: number("MaxFences", defaults.max_fences),
        window_s: number("FenceWindow", defaults.window_s).max(1),
        retry_s: number("FenceRetry", defaults.retry_s).max(1),
        retry_max_s: number("FenceRetryMax", defaults.retry_max_s).max(1),
        agent_dir: fields.text("AgentDir").map_or(defaults.agent_dir, str::to_owned),
        ..FenceConf::default()
    };
    if !conf.agent_dir.starts_with('/') {
        findings.error(fields.place("AgentDir"), "AgentDir is not an absolute path");
    }
    conf
}

fn read_device(fields: &Fields, agent_dir: &str, findings: &mut Findings) -> Option<FenceDevice> {
    let Some(agent) = fields.text("Agent") else {
        findings.error(fields.place("NodeName"), "a line of fence.conf needs an Agent");
        return None;
    };
    if agent.contains('/') && !agent.starts_with('/') {
        findings.error(fields.place("Agent"), "Agent is a name in AgentDir, or an absolute path");
        return None;
    }
    let password_file = fields.text("PasswordFile").map(str::to_owned);
    if password_file.as_ref().is_some_and(|path| !path.starts_with('/')) {
        findings.error(fields.place("PasswordFile"), "PasswordFile is not an absolute path");
    }
    let level = fields.number_u32("Level").unwrap_or(1);
    if level == 0 {
        findings.error(fields.place("Level"), "Level begins at 1");
    }
    Some(FenceDevice {
        level,
        agent: if agent.starts_with('/') { agent.to_owned() } else { format!("{agent_dir}/{agent}") },
        parameters: read_parameters(fields, findings),
        password_file,
        timeout_s: fields.number_u32("Timeout").unwrap_or(20).max(1),
        power_on: fields.text("Action").is_some_and(|action| action.eq_ignore_ascii_case("reboot")),
    })
}

/// `"ip=bmc-%n username=fence"`: words that the agent reads, one a line.
fn read_parameters(fields: &Fields, findings: &mut Findings) -> Vec<(String, String)> {
    let at = fields.place("Parameters");
    let mut parameters = Vec::new();
    for word in fields.text("Parameters").unwrap_or_default().split_whitespace() {
        let Some((name, value)) = word.split_once('=') else {
            findings.error(at, format!("Parameters: expected name=value, found \"{word}\""));
            continue;
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(plain) {
            findings.error(at, format!("Parameters: \"{name}\" is not the name of a parameter"));
        } else if matches!(name, "action" | "option" | "nodename") {
            findings.error(at, format!("Parameters: Muster says {name} by itself"));
        } else if name.starts_with("passw") && !name.ends_with("_script") {
            let why = "all who may read the configuration could read it; use PasswordFile";
            findings.error(at, format!("Parameters: {name} does not belong here: {why}"));
        } else {
            parameters.push((name.to_owned(), value.to_owned()));
        }
    }
    if parameters.len() > PARAMETERS_MAX {
        findings.error(at, format!("Parameters: more than {PARAMETERS_MAX}"));
    }
    parameters
}

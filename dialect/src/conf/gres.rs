//! `gres.conf`: which devices stand behind a node's generic resources.

use super::diagnostics::Findings;
use super::fields::Fields;
use super::hosts;
use super::keys::{Key, Support};
use super::lexer::Pair;
use super::node_gres;
use super::nodes::Nodes;
use super::spelling;
use super::value::Kind::{self, Choice, List, Text};
use crate::hostlist;

/// One line of gres.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GresConf {
    /// The nodes it holds for; empty for all.
    pub nodes: Vec<String>,
    /// `None` on a line that only sets `AutoDetect`.
    pub name: Option<String>,
    pub kind: Option<String>,
    /// How many there are: as given, else one for each file, else one.
    pub count: u64,
    /// Device files, `File=/dev/nvidia[0-3]` written out.
    pub files: Vec<String>,
    /// The files that together make one device (`MultipleFiles`).
    pub multiple_files: Vec<String>,
    /// Cores close to the device, as written (`0-3,8`).
    pub cores: Option<String>,
    /// `Links`, as written.
    pub links: Option<String>,
    pub flags: Vec<String>,
    /// off, nvml, rsmi …
    pub auto_detect: Option<String>,
}

/// A line describes at most this many device files.
const FILES_MAX: usize = 1_024;

const fn key(name: &'static str, kind: Kind, support: Support) -> Key {
    Key { name, kind, default: "", support }
}

const AUTO_DETECT: &[&str] = &["off", "nvml", "nvidia", "rsmi", "oneapi", "nrt", "full"];

const GRES: &[Key] = &[
    key("NodeName", Text, Support::Acted),
    key("Name", Text, Support::Acted),
    key("Type", Text, Support::Acted),
    key("Count", Text, Support::Acted),
    key("File", Text, Support::Acted),
    key("MultipleFiles", Text, Support::Acted),
    key("Cores", Text, Support::Acted),
    // The old name of Cores.
    key("CPUs", Text, Support::Acted),
    key("Links", Text, Support::Inert),
    key("Flags", List, Support::Acted),
    key("AutoDetect", Choice(AUTO_DETECT), Support::Acted),
];

/// Reads all lines of gres.conf. Nodes and names that slurm.conf does not know give a warning.
pub(super) fn read(lines: &[Vec<Pair>], nodes: &Nodes, types: &[String], findings: &mut Findings) -> Vec<GresConf> {
    let mut list = Vec::new();
    for pairs in lines {
        let fields = Fields::read("gres.conf", pairs, GRES, findings);
        let line = read_line(&fields, pairs, findings);
        nodes.warn_of_unknown(&line.nodes, fields.place("NodeName"), findings);
        if let Some(name) = line.name.as_ref().filter(|name| !types.contains(name)) {
            let hint = spelling::hint(name, types.iter().map(String::as_str));
            findings.warn(fields.place("Name"), format!("GresTypes of slurm.conf does not name \"{name}\"{hint}"));
        }
        list.push(line);
    }
    list
}

fn read_line(fields: &Fields, pairs: &[Pair], findings: &mut Findings) -> GresConf {
    let nodes = fields.text("NodeName").and_then(|text| hosts::expand(text, fields.place("NodeName"), findings));
    let files = paths(fields, "File", findings);
    let multiple_files = paths(fields, "MultipleFiles", findings);
    let place = pairs.first().map(|pair| pair.key_at).unwrap_or_default();
    if fields.has("File") && fields.has("MultipleFiles") {
        findings.error(fields.place("MultipleFiles"), "File and MultipleFiles are mutually exclusive");
    }
    if !fields.has("Name") && !fields.has("AutoDetect") {
        findings.error(place, "a line of gres.conf needs a Name");
    }
    let listed = u64::try_from(files.len()).unwrap_or(u64::MAX).max(1);
    let count = match fields.text("Count") {
        Some(text) => node_gres::count(text).unwrap_or_else(|| {
            findings.error(fields.place("Count"), format!("Count value ({text}) is not a valid number"));
            listed
        }),
        None => listed,
    };
    let text = |key: &str| fields.text(key).map(str::to_string);
    GresConf {
        nodes: nodes.unwrap_or_default(),
        name: text("Name"),
        kind: text("Type"),
        count,
        files,
        multiple_files,
        cores: text("Cores").or(text("CPUs")),
        links: text("Links"),
        flags: fields.list("Flags").unwrap_or_default(),
        auto_detect: text("AutoDetect"),
    }
}

fn paths(fields: &Fields, key: &str, findings: &mut Findings) -> Vec<String> {
    let Some(text) = fields.text(key) else { return Vec::new() };
    match hostlist::parse(text) {
        Ok(paths) if paths.len() <= FILES_MAX => paths,
        Ok(_) => {
            findings.error(fields.place(key), format!("{key} names more than {FILES_MAX} files"));
            Vec::new()
        }
        Err(why) => {
            findings.error(fields.place(key), format!("{key} \"{text}\" cannot be read: {why}"));
            Vec::new()
        }
    }
}

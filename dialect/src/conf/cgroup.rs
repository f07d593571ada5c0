//! `cgroup.conf`: how noded confines jobs.

use std::collections::BTreeMap;

use super::diagnostics::Findings;
use super::fields::Fields;
use super::keys::{Key, Support};
use super::lexer::Pair;
use super::value::Kind::{self, Bool, Choice, List, Number, Text};
use super::value::Value;

/// What cgroup.conf says; everything is off unless it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupConf {
    pub constrain_cores: bool,
    pub constrain_devices: bool,
    pub constrain_ram_space: bool,
    pub constrain_swap_space: bool,
    /// autodetect, cgroup/v1, cgroup/v2 or disabled.
    pub plugin: String,
    pub mountpoint: String,
    pub ignore_systemd: bool,
    /// Percent of the memory asked for; `AllowedRAMSpace`, as written.
    pub allowed_ram_space: String,
    pub allowed_swap_space: String,
    /// The keys that were set, understood.
    pub settings: BTreeMap<&'static str, Value>,
}

const fn key(name: &'static str, kind: Kind, default: &'static str, support: Support) -> Key {
    Key { name, kind, default, support }
}

/// What [`CgroupConf::constrain_ram_space`] and its like hold when absent, and how each key reads.
pub(super) const CGROUP: &[Key] = &[
    key("AllowedRAMSpace", Text, "100", Support::Acted),
    key("AllowedSwapSpace", Text, "0", Support::Acted),
    key("CgroupJobIdPaths", Bool, "no", Support::Inert),
    key("CgroupMountpoint", Text, "/sys/fs/cgroup", Support::Acted),
    key("CgroupPlugin", Choice(&["autodetect", "cgroup/v1", "cgroup/v2", "disabled"]), "autodetect", Support::Acted),
    key("CgroupSlice", Text, "system.slice", Support::Inert),
    key("ConstrainCores", Bool, "no", Support::Acted),
    key("ConstrainDevices", Bool, "no", Support::Acted),
    key("ConstrainRAMSpace", Bool, "no", Support::Acted),
    key("ConstrainSwapSpace", Bool, "no", Support::Acted),
    key("EnableControllers", Bool, "no", Support::Inert),
    key("EnableExtraControllers", List, "", Support::Inert),
    key("IgnoreSystemd", Bool, "no", Support::Acted),
    key("IgnoreSystemdOnFailure", Bool, "no", Support::Inert),
    key("MaxRAMPercent", Text, "100", Support::Inert),
    key("MaxSwapPercent", Text, "100", Support::Inert),
    key("MemorySwappiness", Number(100), "", Support::Inert),
    key("MinRAMSpace", Number(u32::MAX as u64), "30", Support::Inert),
    key("SignalChildrenProcesses", Bool, "no", Support::Inert),
    key("SystemdTimeout", Number(u32::MAX as u64), "1000", Support::Inert),
];

/// Keys that cgroup.conf once had.
const OBSOLETE: &[(&str, &str)] = &[
    ("CgroupAutomount", "controllers are never mounted by Muster"),
    ("CgroupReleaseAgentDir", "no release agent is used"),
    ("AllowedDevicesFile", "devices that are no GRES are always allowed"),
    ("TaskAffinity", "use TaskPlugin=task/affinity"),
    ("AllowedKmemSpace", "kernel memory is part of the memory limit"),
    ("ConstrainKmemSpace", "kernel memory is part of the memory limit"),
    ("MaxKmemPercent", "kernel memory is part of the memory limit"),
    ("MinKmemSpace", "kernel memory is part of the memory limit"),
];

/// Reads all lines of cgroup.conf.
pub(super) fn read(lines: &[Vec<Pair>], findings: &mut Findings) -> CgroupConf {
    let mut current = Vec::new();
    for pair in lines.iter().flatten() {
        match OBSOLETE.iter().find(|(name, _)| name.eq_ignore_ascii_case(&pair.key)) {
            Some((name, instead)) => findings.warn(pair.key_at, format!("{name} is obsolete: ignored, {instead}")),
            None => current.push(pair.clone()),
        }
    }
    let fields = Fields::read("cgroup.conf", &current, CGROUP, findings);
    let yes = |key: &str| fields.boolean(key).unwrap_or(false);
    let text = |key: &str, default: &str| fields.text(key).unwrap_or(default).to_string();
    CgroupConf {
        constrain_cores: yes("ConstrainCores"),
        constrain_devices: yes("ConstrainDevices"),
        constrain_ram_space: yes("ConstrainRAMSpace"),
        constrain_swap_space: yes("ConstrainSwapSpace"),
        plugin: text("CgroupPlugin", "autodetect"),
        mountpoint: text("CgroupMountpoint", "/sys/fs/cgroup"),
        ignore_systemd: yes("IgnoreSystemd"),
        allowed_ram_space: text("AllowedRAMSpace", "100"),
        allowed_swap_space: text("AllowedSwapSpace", "0"),
        settings: fields.values(),
    }
}

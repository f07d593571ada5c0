//! The section of cgroup.conf.

use super::super::cgroup::CGROUP;
use super::super::config::Config;
use super::super::value::Value;
use super::null;

/// How a row of the section is printed.
enum Row {
    YesNo(&'static str),
    Text(&'static str),
    Percent(&'static str),
    Megabytes(&'static str),
    Fixed(&'static str, &'static str),
}

const ROWS: &[Row] = &[
    Row::Fixed("AllowedKmemSpace", "(null)"),
    Row::Percent("AllowedRAMSpace"),
    Row::Percent("AllowedSwapSpace"),
    Row::Fixed("CgroupAutomount", "no"),
    Row::Text("CgroupMountpoint"),
    Row::Text("CgroupPlugin"),
    Row::YesNo("ConstrainCores"),
    Row::YesNo("ConstrainDevices"),
    Row::Fixed("ConstrainKmemSpace", "no"),
    Row::YesNo("ConstrainRAMSpace"),
    Row::YesNo("ConstrainSwapSpace"),
    Row::YesNo("IgnoreSystemd"),
    Row::YesNo("IgnoreSystemdOnFailure"),
    Row::Fixed("MaxKmemPercent", "100.0%"),
    Row::Percent("MaxRAMPercent"),
    Row::Percent("MaxSwapPercent"),
    Row::Text("MemorySwappiness"),
    Row::Fixed("MinKmemSpace", "30 MB"),
    Row::Megabytes("MinRAMSpace"),
];

/// The section, where cgroups are used at all.
pub(super) fn show(config: &Config) -> Option<Vec<(String, String)>> {
    let tasks = config.task_plugins.iter().any(|plugin| plugin == "task/cgroup");
    let used = tasks || config.proctrack_type == "proctrack/cgroup";
    used.then(|| ROWS.iter().map(|row| shown(config, row)).collect())
}

fn shown(config: &Config, row: &Row) -> (String, String) {
    let (name, value) = match row {
        Row::YesNo(key) => {
            (key, if effective(config, key) == Some(Value::Bool(true)) { "yes" } else { "no" }.to_string())
        }
        // A plugin that was not chosen shows as nothing.
        Row::Text("CgroupPlugin") => {
            (&"CgroupPlugin", config.cgroup.settings.get("CgroupPlugin").map_or_else(null, ToString::to_string))
        }
        Row::Text(key) => (key, effective(config, key).map_or_else(null, |value| value.to_string())),
        Row::Percent(key) => (key, percent(effective(config, key))),
        Row::Megabytes(key) => (key, effective(config, key).map_or_else(null, |value| format!("{value} MB"))),
        Row::Fixed(name, value) => (name, (*value).to_string()),
    };
    ((*name).to_string(), value)
}

fn effective(config: &Config, key: &str) -> Option<Value> {
    let set = config.cgroup.settings.get(key).cloned();
    let row = CGROUP.iter().find(|row| row.name == key && !row.default.is_empty());
    set.or_else(|| row.and_then(|row| row.kind.parse(row.name, row.default).0))
}

/// `100` as `100.0%`
fn percent(value: Option<Value>) -> String {
    match value.map(|value| value.to_string()) {
        Some(text) if text.contains('.') => format!("{text}%"),
        Some(text) => format!("{text}.0%"),
        None => null(),
    }
}

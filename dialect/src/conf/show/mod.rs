//! `scontrol show config`: every key with its effective value, in the order and the form of Slurm 22.05.
//!
//! Keys that came later are shown only when set. Passwords (`AccountingStoragePass`, `JobCompPass`) are never shown.

mod cgroup;
mod rows;
mod special;

use super::config::Config;
use super::globals;
use super::value::Value;
use crate::time::TimeLimit;
use rows::{ROWS, Row};

/// What `scontrol show config` says that is not in the configuration. Times and user ids are the caller's to find out.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    /// Now, as `2026-11-21T22:33:10`.
    pub now: String,
    /// When the controller that answers started, in the same form.
    pub boot_time: String,
    /// Path of the root file.
    pub conf_path: String,
    /// What SLURM_VERSION shows.
    pub version: String,
    /// What HASH_VAL shows: "Match", or how the asker's configuration differs.
    pub hash: String,
    pub next_job_id: u32,
    /// The uid of SlurmUser and of SlurmdUser, where the name is known.
    pub slurm_user_uid: Option<u32>,
    pub slurmd_user_uid: Option<u32>,
    /// Name of each controller in order, and whether it answers.
    pub controllers: Vec<(String, bool)>,
    /// The PMIx plugin is there: its section is shown.
    pub pmix: bool,
}

/// All rows of the main section: key and value.
pub fn show(config: &Config, runtime: &Runtime) -> Vec<(String, String)> {
    let view = View { config, runtime };
    ROWS.iter().flat_map(|row| view.rows(row)).collect()
}

/// The whole answer of `scontrol show config`, as it is printed.
pub fn page(config: &Config, runtime: &Runtime) -> String {
    let mut page = format!("Configuration data as of {}\n", runtime.now);
    page.push_str(&lines(&show(config, runtime)));
    if let Some(rows) = cgroup::show(config) {
        page.push_str("\nCgroup Support Configuration:\n");
        page.push_str(&lines(&rows));
    }
    if runtime.pmix {
        page.push_str("\nMPI Plugins Configuration:\n");
        let rows = rows::PMIX.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string()));
        page.push_str(&lines(&rows.collect::<Vec<_>>()));
    }
    page.push('\n');
    page.push_str(&ping(&runtime.controllers));
    page
}

/// What follows when a controller does not answer.
const RESTORE: &str = "\
*****************************************
** RESTORE SLURMCTLD DAEMON TO SERVICE **
*****************************************
";

/// The lines of `scontrol ping`: `Slurmctld(primary) at ctl1 is UP`.
pub fn ping(controllers: &[(String, bool)]) -> String {
    let line = |(index, (name, up)): (usize, &(String, bool))| {
        let role = match (index, controllers.len()) {
            (0, _) => "primary".to_string(),
            (_, 2) => "backup".to_string(),
            (index, _) => format!("backup{index}"),
        };
        format!("Slurmctld({role}) at {name} is {}\n", if *up { "UP" } else { "DOWN" })
    };
    let mut page: String = controllers.iter().enumerate().map(line).collect();
    if controllers.iter().any(|(_, up)| !up) {
        page.push_str(RESTORE);
    }
    page
}

/// Rows as Slurm prints them.
fn lines(rows: &[(String, String)]) -> String {
    rows.iter().map(|(name, value)| format!("{name:<23} = {value}\n")).collect()
}

/// A configuration and what is true while it is shown.
struct View<'a> {
    config: &'a Config,
    runtime: &'a Runtime,
}

impl View<'_> {
    fn rows(&self, row: &Row) -> Vec<(String, String)> {
        let one = |name: &str, value: String| vec![(name.to_string(), value)];
        match row {
            Row::Key(key) => one(key, self.value(key)),
            Row::Named(name, key) => one(name, self.value(key)),
            Row::Unit(key, unit) => one(key, self.with_unit(key, unit)),
            Row::IfSet(key) if self.config.settings.contains_key(key) => one(key, self.value(key)),
            Row::IfSet(_) => Vec::new(),
            Row::Fixed(name, value) => one(name, (*value).to_string()),
            Row::Worked(name, value) => one(name, value(self)),
            Row::Several(rows) => rows(self),
        }
    }

    fn effective(&self, key: &str) -> Option<Value> {
        self.config.effective(key)
    }

    fn value(&self, key: &str) -> String {
        match self.effective(key) {
            Some(value) => Some(value.to_string()).filter(|text| !text.is_empty()).unwrap_or_else(null),
            None => null(),
        }
    }

    fn number(&self, key: &str) -> u64 {
        match self.effective(key) {
            Some(Value::Number(number)) => number,
            Some(Value::Unlimited) => u64::from(globals::unlimited(key)),
            _ => 0,
        }
    }

    fn with_unit(&self, key: &str, unit: &str) -> String {
        format!("{} {unit}", self.number(key))
    }

    fn span(&self, key: &str) -> TimeLimit {
        match self.effective(key) {
            Some(Value::Span(limit)) => limit,
            _ => TimeLimit::Unlimited,
        }
    }
}

/// How Slurm shows what is not set.
fn null() -> String {
    "(null)".to_string()
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    #[test]
    fn every_known_key_is_shown_except_passwords() {
        let secrets = ["AccountingStoragePass", "JobCompPass"];
        let several = [
            "SlurmctldHost",
            "DefMemPerCPU",
            "DefMemPerNode",
            "MaxMemPerCPU",
            "MaxMemPerNode",
            "DefCpuPerGPU",
            "DefMemPerGPU",
        ];
        for key in keys::GLOBAL.iter().map(|key| key.name) {
            let shown = rows::names().any(|name| name.eq_ignore_ascii_case(key));
            let elsewhere = several.contains(&key) || secrets.contains(&key);
            assert!(shown != elsewhere, "{key}");
        }
    }

    #[test]
    fn controllers_are_numbered_when_there_are_more_than_two() {
        let two = [("a".to_string(), true), ("b".to_string(), false)];
        assert_eq!(ping(&two), format!("Slurmctld(primary) at a is UP\nSlurmctld(backup) at b is DOWN\n{RESTORE}"));
        let three = ["a", "b", "c"].map(|name| (name.to_string(), true));
        assert!(ping(&three).ends_with("Slurmctld(backup1) at b is UP\nSlurmctld(backup2) at c is UP\n"));
    }
}

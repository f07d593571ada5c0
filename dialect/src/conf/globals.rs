//! The keys that stand on lines of their own: read, completed, and turned into the typed fields of [`Config`].

use std::collections::BTreeMap;

use super::choices::{
    AccountingEnforce, AccountingStorage, ControlHost, EnforcePartLimits, HealthCheck, License, Priority, PriorityType,
    PrologFlags, Scripts,
};
use super::controllers::Controllers;
use super::diagnostics::{Findings, Place};
use super::fields::{self, Fields};
use super::implied;
use super::keys;
use super::lexer::Pair;
use super::obsolete::{self, Fate};
use super::partitions;
use super::value::{Kind, Value};
use crate::time::TimeLimit;

/// Understood global keys.
pub(super) struct Globals {
    pub(super) fields: Fields,
    pub(super) hosts: Vec<ControlHost>,
    pub(super) cluster_name: String,
}

impl Globals {
    /// Reads all global pairs of all files. `top` is where a key that is missing would stand.
    pub(super) fn read(pairs: &[Pair], top: Place, findings: &mut Findings) -> Globals {
        let mut fields = Fields::default();
        let mut controllers = Controllers::default();
        for pair in pairs {
            if let Some(row) = obsolete::find(&pair.key) {
                fields::report_obsolete(row, pair, findings);
                controllers.read_obsolete(row.fate, pair);
                if let Fate::Renamed(name) = row.fate {
                    read_known(name, pair, &mut fields, findings);
                }
            } else if pair.key.eq_ignore_ascii_case("SlurmctldHost") {
                controllers.read(pair, findings);
            } else if !read_known(&pair.key, pair, &mut fields, findings) {
                fields::report_unknown_global(pair, findings);
            }
        }
        implied::complete(&mut fields);
        let cluster_name = cluster_name(&fields, top, findings);
        let hosts = controllers.finish(top, findings);
        Globals { fields, hosts, cluster_name }
    }

    /// The value in force: what was set, or the default of the table.
    fn value(&self, name: &str) -> Option<Value> {
        self.fields.get(name).cloned().or_else(|| default_of(name))
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.value(name).map(|value| value.to_string()).unwrap_or_default()
    }

    /// A path or name that may be absent.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("none"))
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::List(list)) => list,
            _ => Vec::new(),
        }
    }

    pub(super) fn is_on(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Bool(true)))
    }

    pub(super) fn number(&self, name: &str) -> u32 {
        match self.value(name) {
            Some(Value::Number(number)) => u32::try_from(number).unwrap_or(u32::MAX),
            Some(Value::Unlimited) => unlimited(name),
            _ => 0,
        }
    }

    /// A number that may be unlimited or absent.
    pub(super) fn limit(&self, name: &str) -> Option<u32> {
        match self.value(name) {
            Some(Value::Number(number)) => u32::try_from(number).ok(),
            _ => None,
        }
    }

    pub(super) fn span(&self, name: &str) -> TimeLimit {
        match self.value(name) {
            Some(Value::Span(limit)) => limit,
            _ => TimeLimit::Unlimited,
        }
    }

    pub(super) fn ports(&self, name: &str) -> (u16, u16) {
        match self.value(name) {
            Some(Value::Ports(low, high)) => (low, high),
            _ => (0, 0),
        }
    }

    /// The words of a list as a map: `bf_interval=60,defer` → {bf_interval: 60, defer: ""}.
    pub(super) fn words(&self, name: &str) -> BTreeMap<String, String> {
        let items = self.list(name).into_iter();
        let pairs = items.map(|item| match item.split_once('=') {
            Some((word, value)) => (word.to_ascii_lowercase(), value.to_string()),
            None => (item.to_ascii_lowercase(), String::new()),
        });
        pairs.collect()
    }

    pub(super) fn scripts(&self) -> Scripts {
        let any_timeout = self.limit("PrologEpilogTimeout");
        Scripts {
            prolog: self.programs("Prolog"),
            epilog: self.programs("Epilog"),
            prolog_slurmctld: self.programs("PrologSlurmctld"),
            epilog_slurmctld: self.programs("EpilogSlurmctld"),
            task_prolog: self.optional("TaskProlog"),
            task_epilog: self.optional("TaskEpilog"),
            srun_prolog: self.optional("SrunProlog"),
            srun_epilog: self.optional("SrunEpilog"),
            prolog_timeout_s: self.limit("PrologTimeout").or(any_timeout),
            epilog_timeout_s: self.limit("EpilogTimeout").or(any_timeout),
            prolog_flags: self.prolog_flags(),
        }
    }

    /// Programs or patterns of them, in the order of their lines; `none` names none.
    fn programs(&self, name: &str) -> Vec<String> {
        self.list(name).into_iter().filter(|program| !program.eq_ignore_ascii_case("none")).collect()
    }

    fn prolog_flags(&self) -> PrologFlags {
        let words = self.list("PrologFlags");
        let has = |word: &str| words.iter().any(|own| own == word);
        PrologFlags {
            alloc: has("Alloc"),
            contain: has("Contain"),
            defer_batch: has("DeferBatch"),
            force_requeue_on_fail: has("ForceRequeueOnFail"),
            no_hold: has("NoHold"),
            run_in_job: has("RunInJob"),
            serial: has("Serial"),
            x11: has("X11"),
        }
    }

    pub(super) fn health_check(&self) -> HealthCheck {
        HealthCheck {
            program: self.optional("HealthCheckProgram"),
            interval_s: self.number("HealthCheckInterval"),
            timeout_s: self.number("HealthCheckTimeout"),
            node_states: self.list("HealthCheckNodeState"),
        }
    }

    pub(super) fn priority(&self) -> Priority {
        let basic = self.text("PriorityType") == "priority/basic";
        Priority {
            priority_type: if basic { PriorityType::Basic } else { PriorityType::Multifactor },
            weight_age: self.number("PriorityWeightAge"),
            weight_assoc: self.number("PriorityWeightAssoc"),
            weight_fairshare: self.number("PriorityWeightFairshare"),
            weight_job_size: self.number("PriorityWeightJobSize"),
            weight_partition: self.number("PriorityWeightPartition"),
            weight_qos: self.number("PriorityWeightQOS"),
            weight_tres: partitions::weights(&self.list("PriorityWeightTRES")),
            max_age: self.span("PriorityMaxAge"),
            decay_half_life: self.span("PriorityDecayHalfLife"),
            calc_period: self.span("PriorityCalcPeriod"),
            favor_small: self.is_on("PriorityFavorSmall"),
            flags: self.list("PriorityFlags"),
        }
    }

    pub(super) fn accounting_storage(&self) -> AccountingStorage {
        match self.text("AccountingStorageType").as_str() {
            "accounting_storage/slurmdbd" => AccountingStorage::Slurmdbd,
            _ => AccountingStorage::None,
        }
    }

    pub(super) fn accounting_enforce(&self) -> AccountingEnforce {
        let words = self.list("AccountingStorageEnforce");
        let has = |word: &str| words.iter().any(|own| own == word);
        AccountingEnforce {
            associations: has("associations"),
            limits: has("limits"),
            no_jobs: has("nojobs"),
            no_steps: has("nosteps"),
            qos: has("qos"),
            safe: has("safe"),
            wckeys: has("wckeys"),
        }
    }

    pub(super) fn enforce_part_limits(&self) -> EnforcePartLimits {
        match self.text("EnforcePartLimits").as_str() {
            "ALL" => EnforcePartLimits::All,
            "ANY" => EnforcePartLimits::Any,
            _ => EnforcePartLimits::No,
        }
    }

    pub(super) fn licenses(&self, findings: &mut Findings) -> Vec<License> {
        let mut licenses: Vec<License> = Vec::new();
        for item in self.list("Licenses") {
            let at = self.fields.place("Licenses");
            // The star is how counts were written before 14.03.
            let (name, count) = item.split_once([':', '*']).unwrap_or((&item, "1"));
            match count.parse() {
                Ok(_) if licenses.iter().any(|license| license.name == name) => {
                    findings.error(at, format!("license {name} is given twice"));
                }
                Ok(count) if !name.is_empty() => licenses.push(License { name: name.to_string(), count }),
                _ => findings.error(at, format!("Invalid license: {item} (expected name or name:count)")),
            }
        }
        licenses
    }

    /// `PropagateResourceLimits` less what `PropagateResourceLimitsExcept` names.
    pub(super) fn propagate_rlimits(&self) -> Vec<String> {
        const ALL: [&str; 10] = ["AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "RSS", "STACK"];
        if let Some(except) = self.fields.list("PropagateResourceLimitsExcept") {
            let kept = ALL.into_iter().filter(|limit| !except.iter().any(|word| word == limit));
            return kept.map(str::to_string).collect();
        }
        let listed = self.list("PropagateResourceLimits");
        if listed.is_empty() { vec!["ALL".to_string()] } else { listed }
    }
}

/// The default of the table, understood.
pub(super) fn default_of(name: &str) -> Option<Value> {
    let key = keys::global(name)?;
    match (key.default, key.kind) {
        ("", Kind::List | Kind::Programs | Kind::Options(_) | Kind::Flags(_) | Kind::Words(_) | Kind::Plugins(..)) => {
            Some(Value::List(Vec::new()))
        }
        ("", _) => None,
        (default, kind) => kind.parse(name, default).0,
    }
}

/// The number that Slurm keeps for "unlimited", and shows: the largest of 16 or 32 bits.
pub(super) fn unlimited(name: &str) -> u32 {
    match keys::global(name).map(|key| key.kind) {
        Some(Kind::Number(max)) if max > u64::from(u16::MAX) => u32::MAX,
        _ => u32::from(u16::MAX),
    }
}

fn read_known(name: &str, pair: &Pair, fields: &mut Fields, findings: &mut Findings) -> bool {
    match keys::global(name) {
        Some(key) => fields.accept(key, pair, findings),
        None => return false,
    }
    true
}

/// Slurm keeps cluster names in lower case.
fn cluster_name(fields: &Fields, top: Place, findings: &mut Findings) -> String {
    const NAME_CHARS_MAX: usize = 40;
    let Some(name) = fields.text("ClusterName") else {
        if !fields.has("ClusterName") {
            findings.error(top, "ClusterName is missing: it must be given");
        }
        return String::new();
    };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.len() > NAME_CHARS_MAX || !name.chars().all(good) || name.starts_with(['.', '-']) {
        let message = format!("ClusterName \"{name}\" must be 1 to {NAME_CHARS_MAX} letters, digits, - _ or .");
        findings.error(fields.place("ClusterName"), message);
    }
    name.to_ascii_lowercase()
}

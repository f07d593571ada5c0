//! Words that imply others: after this, a list says all that holds.

use super::fields::Fields;
use super::value::Value;

/// Completes the lists of the global keys.
pub(super) fn complete(fields: &mut Fields) {
    rewrite(fields, "AccountingStorageEnforce", enforce);
    rewrite(fields, "PrivateData", private_data);
    rewrite(fields, "PrologFlags", prolog_flags);
    rewrite(fields, "PreemptMode", preempt_mode);
    if fields.text("EnforcePartLimits") == Some("YES") {
        fields.set("EnforcePartLimits", Value::Text("ANY".to_string()));
    }
    if fields.list("AccountingStorageEnforce").is_some_and(|words| words.iter().any(|word| word == "wckeys")) {
        fields.set("TrackWCKey", Value::Bool(true));
    }
}

fn rewrite(fields: &mut Fields, key: &'static str, rule: fn(&[String]) -> Vec<&'static str>) {
    if let Some(words) = fields.list(key) {
        let completed = rule(&words).into_iter().map(str::to_string).collect();
        fields.set(key, Value::List(completed));
    }
}

fn chosen(rows: &[(&'static str, bool)]) -> Vec<&'static str> {
    rows.iter().filter(|(_, on)| *on).map(|(word, _)| *word).collect()
}

/// slurm.conf(5): limits, qos and wckeys imply associations; safe implies limits; nojobs implies nosteps; all is
/// everything but nojobs and nosteps.
fn enforce(words: &[String]) -> Vec<&'static str> {
    let has = |word: &str| words.iter().any(|own| own == word);
    let all = has("all");
    let safe = all || has("safe");
    let limits = safe || has("limits");
    let qos = all || has("qos");
    let wckeys = all || has("wckeys");
    let no_jobs = has("nojobs");
    chosen(&[
        ("associations", has("associations") || limits || qos || wckeys),
        ("limits", limits),
        ("nojobs", no_jobs),
        ("nosteps", no_jobs || has("nosteps")),
        ("qos", qos),
        ("safe", safe),
        ("wckeys", wckeys),
    ])
}

fn private_data(words: &[String]) -> Vec<&'static str> {
    const KINDS: [&str; 9] =
        ["accounts", "cloud", "events", "jobs", "nodes", "partitions", "reservations", "usage", "users"];
    let all = words.iter().any(|word| word == "all");
    KINDS.into_iter().filter(|kind| all || words.iter().any(|word| word == kind)).collect()
}

/// slurm.conf(5): X11 and RunInJob imply Contain; every flag implies Alloc.
fn prolog_flags(words: &[String]) -> Vec<&'static str> {
    let has = |word: &str| words.iter().any(|own| own == word);
    chosen(&[
        ("Alloc", !words.is_empty()),
        ("Contain", has("Contain") || has("X11") || has("RunInJob")),
        ("DeferBatch", has("DeferBatch")),
        ("ForceRequeueOnFail", has("ForceRequeueOnFail")),
        ("NoHold", has("NoHold")),
        ("RunInJob", has("RunInJob")),
        ("Serial", has("Serial")),
        ("X11", has("X11")),
    ])
}

fn preempt_mode(words: &[String]) -> Vec<&'static str> {
    let modes = ["GANG", "CANCEL", "PRIORITY", "REQUEUE", "SUSPEND", "WITHIN"];
    let on: Vec<&str> = modes.into_iter().filter(|mode| words.iter().any(|word| word == mode)).collect();
    if on.is_empty() { vec!["OFF"] } else { on }
}

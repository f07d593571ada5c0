//! Values of keys that Slurm knows and this version of Muster has no counterpart for.

use super::diagnostics::{Findings, Place, Severity};
use super::value::Value;

/// Key, value, how grave it is, and what holds instead.
type Row = (&'static str, &'static str, Severity, &'static str);

const UNSUPPORTED: &[Row] = &[
    // Falling back to another way of telling who asks would be a hole: refuse.
    ("AuthType", "auth/slurm", Severity::Error, "use auth/munge"),
    ("CredType", "cred/slurm", Severity::Warning, "credentials are signed by the controllers themselves"),
    ("MpiDefault", "cray_shasta", Severity::Warning, "none is used"),
    ("ProctrackType", "proctrack/cray_aries", Severity::Warning, "process groups are tracked"),
    ("TaskPlugin", "cray_aries", Severity::Warning, "it is left out"),
    ("TLSParameters", "load_system_certificates", Severity::Warning, "ca_cert_file alone says whom to believe"),
    ("TopologyPlugin", "topology/3d_torus", Severity::Warning, "nodes are taken in the order of the file"),
    ("TopologyPlugin", "topology/tree", Severity::Warning, "nodes are taken in the order of the file"),
    ("TopologyPlugin", "topology/block", Severity::Warning, "nodes are taken in the order of the file"),
];

/// Reports a value that has no counterpart.
pub(super) fn report(key: &str, value: &Value, at: Place, findings: &mut Findings) {
    let holds = |wanted: &str| match value {
        Value::Text(text) => text == wanted,
        Value::List(list) => list.iter().any(|item| item == wanted || item.ends_with(&format!("/{wanted}"))),
        _ => false,
    };
    for (_, unsupported, severity, instead) in UNSUPPORTED.iter().filter(|row| row.0 == key && holds(row.1)) {
        let message = format!("{key}={unsupported} is not supported by this version: {instead}");
        match severity {
            Severity::Error => findings.error(at, message),
            Severity::Warning | Severity::Note => findings.warn(at, message),
        }
    }
}

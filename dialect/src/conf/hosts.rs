//! Host and port expressions of configuration lines.

use super::diagnostics::{Findings, Place};
use crate::hostlist;

/// A cluster has at most this many nodes.
pub const NODES_MAX: usize = 65_536;

/// The names of a host expression; `None`, with an error, if it cannot be read, is empty or is too long.
pub(super) fn expand(text: &str, at: Place, findings: &mut Findings) -> Option<Vec<String>> {
    match hostlist::parse(text) {
        Ok(names) if names.is_empty() => {
            findings.error(at, "the list of hosts is empty");
            None
        }
        Ok(names) if names.len() > NODES_MAX => {
            findings.error(at, format!("\"{text}\" names more than {NODES_MAX} hosts"));
            None
        }
        Ok(names) => Some(names),
        Err(why) => {
            findings.error(at, format!("Invalid hostlist: {text} ({why})"));
            None
        }
    }
}

/// `6818`, `7001-7004` or `[7001-7004]`: one port, or one for each of `count` nodes; empty, with an error, otherwise.
pub(super) fn ports(text: &str, count: usize, at: Place, findings: &mut Findings) -> Vec<u16> {
    let bracketed = if text.starts_with('[') { text.to_string() } else { format!("[{text}]") };
    let ports: Option<Vec<u16>> =
        hostlist::parse(&bracketed).ok().and_then(|names| names.iter().map(|name| name.parse().ok()).collect());
    match ports {
        Some(ports) if ports.len() == 1 || ports.len() == count => ports,
        Some(ports) => {
            findings.error(at, format!("Port gives {} ports for {count} nodes", ports.len()));
            Vec::new()
        }
        None => {
            findings.error(at, format!("Port value ({text}) is not a port or a list of ports"));
            Vec::new()
        }
    }
}

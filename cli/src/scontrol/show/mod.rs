//! `scontrol show ENTITY [ID]`.

mod config;
mod job;
mod node;
mod partition;
mod step;

use super::{Control, hosts};

/// Runs it with the words after `show`.
pub(super) fn run(control: &Control, words: &[String]) -> u8 {
    let Some(word) = words.first() else { return control.fail("too few arguments for keyword:show") };
    // `show node=n1` is `show node n1`.
    let (entity, id) = match word.split_once('=') {
        Some((entity, id)) => (entity.to_ascii_lowercase(), Some(id)),
        None => (word.to_ascii_lowercase(), words.get(1).map(String::as_str)),
    };
    match entity.as_str() {
        "job" | "jobs" | "jobid" => job::run(control, id),
        "node" | "nodes" | "nodename" => node::run(control, id),
        "partition" | "partitions" | "part" | "partitionname" => partition::run(control, id),
        "step" | "steps" | "stepid" => step::run(control, id),
        "config" | "configuration" | "conf" => config::run(control),
        "hostnames" | "hostname" => hosts::names(control, id),
        "hostlist" => hosts::folded(control, id, false),
        "hostlistsorted" => hosts::folded(control, id, true),
        "daemons" => control.print(&daemons(control)),
        // What this version cannot have any of.
        "reservation" | "reservations" if id.is_none() => control.print("No reservations in the system\n"),
        "frontend" => control.print("No nodes in the system\n"),
        "burstbuffer" | "bbstat" | "dwstat" => 0,
        "federation" => control.print("There are no federations.\n"),
        "licenses" | "license" | "topology" | "assoc_mgr" | "aliases" | "slurmd" | "reservation" | "reservations"
        | "topoconf" => control.fail(&format!("show {entity}: not supported by this version")),
        _ => control.fail(&format!("invalid entity:{word} for keyword:show ")),
    }
}

/// Which daemons this host runs, as the configuration says.
fn daemons(control: &Control) -> String {
    let Ok(site) = control.site() else { return String::new() };
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy().into_owned();
    let short = host.split('.').next().unwrap_or(&host).to_owned();
    let is_here = |name: &str| name == host || name == short;
    let mut daemons = Vec::new();
    if site.config.slurmctld_hosts.iter().any(|controller| is_here(&controller.name)) {
        daemons.push("slurmctld");
    }
    if site.config.nodes.iter().any(|node| is_here(&node.hostname)) {
        daemons.push("slurmd");
    }
    daemons.join(" ") + "\n"
}

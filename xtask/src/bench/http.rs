//! What a controller says on its plain page: figures, and whether it serves.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use muster_dialect::conf::Config;

const PATIENCE: Duration = Duration::from_secs(5);

/// `host:port` of each controller's client door.
pub(super) fn doors(config: &Config) -> Vec<String> {
    config.slurmctld_hosts.iter().map(|host| format!("{}:{}", host.addr, config.slurmctld_ports.0)).collect()
}

/// A page, head and body.
pub(super) fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).with_context(|| address.to_owned())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    ensure!(!page.is_empty(), "an empty page");
    Ok(page)
}

/// Whether it answers a linearizable read now.
pub(super) fn serves(address: &str) -> bool {
    get(address, "/readyz").is_ok_and(|page| page.starts_with("HTTP/1.1 200"))
}

/// One figure of `/metrics`.
pub(super) fn figure(page: &str, name: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The buckets of a histogram: how many took at most so long.
pub(super) fn buckets(page: &str, name: &str) -> String {
    let prefix = format!("{name}_bucket{{le=\"");
    let rows = page.lines().filter_map(|line| line.strip_prefix(&prefix)?.split_once("\"} "));
    rows.map(|(bound, count)| format!("<{bound}s: {count}")).collect::<Vec<_>>().join(", ")
}

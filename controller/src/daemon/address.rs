//! Where the doors are.

use std::net::{IpAddr, ToSocketAddrs};

use muster_dialect::conf::{Config, ControlHost};

/// The replica door stands this far above the client door, unless the configuration says otherwise.
const REPLICA_PORT_OFFSET: u16 = 3;
const REPLICA_PORT_KEY: &str = "muster_replica_port";

/// `host:port`, an IPv6 address in brackets.
pub(super) fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The client door of a controller.
pub(super) fn client(config: &Config, host: &ControlHost) -> String {
    join(&host.addr, config.slurmctld_ports.0)
}

/// The replica door of a controller.
pub(super) fn replica(config: &Config, host: &ControlHost) -> Result<String, String> {
    let port = match config.slurmctld_parameters.get(REPLICA_PORT_KEY) {
        Some(text) => {
            text.parse().map_err(|_| format!("SlurmctldParameters={REPLICA_PORT_KEY}={text} is not a port"))?
        }
        None => config.slurmctld_ports.0.saturating_add(REPLICA_PORT_OFFSET),
    };
    Ok(join(&host.addr, port))
}

/// Whether everything that `host` stands for is this machine's loopback.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse::<IpAddr>() {
        return ip.is_loopback();
    }
    let found = (host, 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    !found.is_empty() && found.iter().all(|address| address.ip().is_loopback())
}

/// The host of `host:port`.
pub(super) fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_everything_else() {
        for yes in ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in ["0.0.0.0", "10.1.2.3", "::", "no-such-host.invalid"] {
            assert!(!is_loopback(no), "{no}");
        }
        assert_eq!(host_of("[::1]:6817"), "[::1]");
        assert_eq!(join("fd00::1", 1), "[fd00::1]:1");
    }
}

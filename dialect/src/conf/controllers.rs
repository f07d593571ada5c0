//! Who the controllers are: `SlurmctldHost=`, or the four keys that said so before 18.08.

use super::choices::ControlHost;
use super::diagnostics::{Findings, Place};
use super::lexer::Pair;
use super::obsolete::Fate;

/// What the lines say, before the old keys are weighed against the new one.
#[derive(Debug, Default)]
pub(super) struct Controllers {
    hosts: Vec<ControlHost>,
    first: Option<(String, Place)>,
    first_addr: Option<String>,
    second: Option<(String, Place)>,
    second_addr: Option<String>,
}

impl Controllers {
    /// Reads `SlurmctldHost=name` or `name(addr)`.
    pub(super) fn read(&mut self, pair: &Pair, findings: &mut Findings) {
        match control_host(&pair.value) {
            None => {
                let message = format!("SlurmctldHost value ({}) is not a host or host(address)", pair.value);
                findings.error(pair.value_at, message);
            }
            Some(host) if self.hosts.iter().any(|other| other.name == host.name) => {
                findings.error(pair.value_at, format!("SlurmctldHost {} is given twice", host.name));
            }
            Some(host) => self.hosts.push(host),
        }
    }

    /// Takes the value of an obsolete key that named a controller.
    pub(super) fn read_obsolete(&mut self, fate: Fate, pair: &Pair) {
        let host = Some((pair.value.clone(), pair.key_at));
        match fate {
            Fate::FirstController => self.first = host,
            Fate::SecondController => self.second = host,
            Fate::FirstAddress => self.first_addr = Some(pair.value.clone()),
            Fate::SecondAddress => self.second_addr = Some(pair.value.clone()),
            Fate::Renamed(_) | Fate::Ignored => {}
        }
    }

    /// The controllers in order. `SlurmctldHost` outweighs the old keys.
    pub(super) fn finish(self, at: Place, findings: &mut Findings) -> Vec<ControlHost> {
        if !self.hosts.is_empty() {
            for (_, at) in self.first.iter().chain(&self.second) {
                findings.warn(*at, "ignored, since SlurmctldHost is set");
            }
            return self.hosts;
        }
        let old = [(self.first, self.first_addr), (self.second, self.second_addr)];
        let mut hosts = Vec::new();
        for (host, addr) in old {
            let Some((written, at)) = host else { continue };
            match control_host(&written) {
                Some(host) => hosts.push(ControlHost { addr: addr.unwrap_or(host.addr), name: host.name }),
                None => findings.error(at, format!("\"{written}\" is not the name of a host")),
            }
        }
        if hosts.is_empty() {
            findings.error(at, "SlurmctldHost is missing: no controller is named");
        }
        hosts
    }
}

fn control_host(text: &str) -> Option<ControlHost> {
    let (name, addr) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')')?),
        None => (text, text),
    };
    let good = |part: &str| !part.is_empty() && !part.contains(['(', ')', ',', '[', ']', '/', ' ']);
    // An address may be an IPv6 one in brackets.
    let addr = addr.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(addr);
    (good(name) && good(addr)).then(|| ControlHost { name: name.to_string(), addr: addr.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_may_carry_an_address() {
        let read = |text| control_host(text).map(|host| (host.name, host.addr));
        assert_eq!(read("vm(127.0.0.1)"), Some(("vm".into(), "127.0.0.1".into())));
        assert_eq!(read("vm"), Some(("vm".into(), "vm".into())));
        assert_eq!(read("vm(fd00::1)"), Some(("vm".into(), "fd00::1".into())));
        for bad in ["", "vm(", "vm()", "(1.2.3.4)", "a,b", "a(b)c"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}

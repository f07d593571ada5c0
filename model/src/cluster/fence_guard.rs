//! What keeps fencing from doing harm: the storm guard, the quorum of controllers, and what fence.conf says of a node.
//!
//! Checked where a call is committed, by the newest state: no leader can fence more than the site allows, whatever it saw.

use std::collections::BTreeSet;

use muster_dialect::conf::FenceConf;
use muster_proto::durable::{BeginFenceCall, FenceRow, FenceState, NodeBase};

use super::node::Node;
use super::state::Cluster;

/// Pauses are doubled so often at most.
const DOUBLED_MAX: u32 = 16;

impl Cluster {
    /// fence.conf of the configuration in force.
    pub fn fence_conf(&self) -> Option<&FenceConf> {
        self.config().map(|config| &config.conf.fence)
    }

    pub(super) fn fence_levels(&self, name: &str) -> Vec<u32> {
        self.fence_conf().map_or_else(Vec::new, |conf| conf.levels(name))
    }

    /// Replicas whose host is `node`: what goes with it when it is switched off.
    pub fn replicas_on(&self, node: &Node) -> BTreeSet<u64> {
        let names = [node.name(), &node.line.hostname, &node.line.address];
        let addr_of = |name: &str| {
            let hosts = self.config().into_iter().flat_map(|config| &config.conf.slurmctld_hosts);
            hosts.into_iter().find(|host| host.name == name).map(|host| host.addr.clone()).unwrap_or_default()
        };
        let is_here = |host: &str| !host.is_empty() && names.iter().any(|name| is_same_host(name, host));
        let here = self.replicas().filter(|row| {
            !row.retired
                && (is_here(&row.name)
                    || is_here(&addr_of(&row.name))
                    || is_here(host_of(&row.address))
                    || is_here(host_of(&row.client_address)))
        });
        here.map(|row| row.replica).collect()
    }

    pub(super) fn check_fence_guards(&self, row: &FenceRow, command: &BeginFenceCall) -> Result<(), String> {
        if row.started_ms == 0 && !row.force {
            self.check_storm(row)?;
        }
        self.check_quorum(row, command)
    }

    /// Why an operator's fence of `name` would not start now; `None`: it would. For a dry run.
    pub fn fence_obstacle(
        &self,
        name: &str,
        force: bool,
        leader: u64,
        voters: &[u64],
        answering: &[u64],
    ) -> Option<String> {
        let node = self.node_by_name(name)?;
        if self.fence_levels(name).is_empty() {
            return Some(format!("fence.conf has no agent for {name}"));
        }
        if node.row.base() != NodeBase::Down {
            return Some(format!("{name} is not DOWN: set it DOWN first"));
        }
        let row = FenceRow { node: node.index(), by_operator: true, force, ..FenceRow::default() };
        let (voters, answering) = (voters.to_vec(), answering.to_vec());
        let command = BeginFenceCall { leader, voters, answering, ..BeginFenceCall::default() };
        self.check_fence_guards(&row, &command).err()
    }

    /// Not more than `MaxFences` in `FenceWindow`. And when more nodes than that are lost at once, none is fenced by itself:
    /// rather the network of the controllers has failed than all of them.
    fn check_storm(&self, row: &FenceRow) -> Result<(), String> {
        let Some(conf) = self.fence_conf() else { return Err("no configuration".to_owned()) };
        let started = self.fences_started();
        let waiting =
            self.open_fences().filter(|other| other.state() == FenceState::Requested && !other.by_operator).count();
        let wanted = if row.by_operator { 1 } else { waiting };
        if started + wanted <= conf.max_fences as usize {
            return Ok(());
        }
        let (max, window) = (conf.max_fences, conf.window_s);
        Err(format!(
            "storm guard: {started} fences in {window} s and {wanted} more wanted, MaxFences={max}; an operator may use --force"
        ))
    }

    /// Operations that were started within `FenceWindow`.
    pub fn fences_started(&self) -> usize {
        let since_ms = self.now_ms().saturating_sub(self.fence_window_ms());
        self.fences.values().filter(|row| row.started_ms > since_ms).count()
    }

    /// What is left of the controllers that answer must be a majority of all that vote, and not miss its leader.
    fn check_quorum(&self, row: &FenceRow, command: &BeginFenceCall) -> Result<(), String> {
        let Some(node) = self.node(row.node) else { return Err("no such node".to_owned()) };
        let here = self.replicas_on(node);
        let voters: BTreeSet<u64> = command.voters.iter().copied().collect();
        let left = command.answering.iter().filter(|id| voters.contains(id) && !here.contains(id));
        let left = left.collect::<BTreeSet<_>>().len();
        let majority = voters.len() / 2 + 1;
        if left < majority {
            return Err(format!(
                "it would cost the quorum of controllers: {left} would be left, {majority} are needed"
            ));
        }
        if here.contains(&command.leader) {
            return Err("the leading controller runs there: leadership moves first".to_owned());
        }
        Ok(())
    }

    pub(super) fn fence_window_ms(&self) -> u64 {
        self.fence_conf().map_or(0, |conf| u64::from(conf.window_s) * 1_000)
    }

    /// How long to wait after all levels failed for the `rounds`th time.
    pub(super) fn fence_retry_ms(&self, rounds: u32) -> u64 {
        let Some(conf) = self.fence_conf() else { return 0 };
        let doubled = u64::from(conf.retry_s) << rounds.saturating_sub(1).min(DOUBLED_MAX);
        doubled.min(u64::from(conf.retry_max_s)) * 1_000
    }

    /// The level of the next call: again the one of a call that nobody saw end, else the one behind one that failed.
    pub(super) fn next_fence_level(&self, row: &FenceRow) -> Option<u32> {
        let levels = self.fence_levels(&row.node_name);
        let from = if row.calling { row.level } else { row.level + 1 };
        levels.iter().copied().find(|level| *level >= from).or_else(|| levels.first().copied())
    }

    /// Every device of a level is called twice: to switch off, and to ask.
    pub(super) fn fence_deadline_ms(&self, name: &str, level: u32) -> u64 {
        let Some(conf) = self.fence_conf() else { return 0 };
        conf.devices_of(name, level).map(|device| 2_000 * u64::from(device.timeout_s)).sum()
    }

    pub(super) fn fence_powers_on(&self, name: &str, level: u32) -> bool {
        self.fence_conf().is_some_and(|conf| conf.devices_of(name, level).any(|device| device.power_on))
    }
}

fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// Names may be given with or without their domain.
fn is_same_host(one: &str, other: &str) -> bool {
    let short = |name: &str| -> String {
        let is_address = name.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ':' | '[' | ']'));
        let cut = if is_address { name } else { name.split('.').next().unwrap_or(name) };
        cut.to_ascii_lowercase()
    };
    short(one) == short(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_its_short_name_too_and_addresses_are_not_cut() {
        assert!(is_same_host("Ctl1", "ctl1.example.org"));
        assert!(!is_same_host("10.0.0.1", "10.0.0.2"));
        assert!(is_same_host("127.0.0.1", "127.0.0.1"));
        assert_eq!((host_of("c1:6819"), host_of("[::1]:6819")), ("c1", "[::1]"));
    }
}

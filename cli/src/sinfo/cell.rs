//! The text of each field of a line.

use jiff::tz::TimeZone;
use muster_dialect::date::TimeFormat;
use muster_dialect::hostlist;
use muster_dialect::state::NodeBase;
use muster_dialect::time::TimeLimit;
use muster_proto::durable::NodeRow;
use muster_proto::wire::{NodeInfo, PartitionInfo};

use super::wanted::Wanted;
use crate::list::zone;
use crate::show::node_state;

/// Nodes of a partition that share a line; none where the partition has no such node.
#[derive(Clone)]
pub(super) struct Line<'a> {
    pub(super) partition: &'a PartitionInfo,
    pub(super) nodes: Vec<&'a NodeInfo>,
}

/// What the texts depend on besides the line.
pub(super) struct Teller {
    now_ms: u64,
    zone: TimeZone,
    format: TimeFormat,
    cluster: String,
    exact: bool,
}

impl Teller {
    pub(super) fn new(now_ms: u64, wanted: &Wanted, cluster: &str) -> Self {
        let format = TimeFormat::from_variable(wanted.time_format.as_deref());
        Self { now_ms, zone: zone(), format, cluster: cluster.to_owned(), exact: wanted.exact }
    }

    /// The text of the field `name`.
    pub(super) fn cell(&self, line: &Line<'_>, name: &str) -> String {
        let text =
            of_partition(line.partition, name).or_else(|| of_all(line, name)).or_else(|| self.of_sizes(line, name));
        text.unwrap_or_else(|| match line.nodes.first() {
            Some(node) => self.of_node(node, name),
            None if matches!(name, "StateCompact" | "StateLong" | "StateComplete") => "n/a".to_owned(),
            None => String::new(),
        })
    }

    fn of_sizes(&self, line: &Line<'_>, name: &str) -> Option<String> {
        let size = |of: fn(&NodeInfo) -> u64| {
            let sizes = line.nodes.iter().map(|node| of(node));
            let least = sizes.clone().min().unwrap_or(0);
            let more = !self.exact && sizes.max().unwrap_or(0) > least;
            format!("{least}{}", if more { "+" } else { "" })
        };
        Some(match name {
            "CPUs" => size(|node| u64::from(node.cpus)),
            "Memory" => size(|node| node.real_memory_mib),
            "AllocMem" => size(|node| node.alloc_mem_mib),
            "Disk" => size(|node| node.tmp_disk_mib),
            "Weight" => size(|node| u64::from(node.weight)),
            "Sockets" => size(|node| u64::from(node.sockets)),
            "Cores" => size(|node| u64::from(node.cores_per_socket)),
            "Threads" => size(|node| u64::from(node.threads_per_core)),
            "SocketCoreThread" => {
                let parts: [fn(&NodeInfo) -> u64; 3] =
                    [|n| u64::from(n.sockets), |n| u64::from(n.cores_per_socket), |n| u64::from(n.threads_per_core)];
                parts.map(size).join(":")
            }
            _ => return None,
        })
    }

    fn of_node(&self, node: &NodeInfo, name: &str) -> String {
        let row = node.row.clone().unwrap_or_default();
        let state = node_state(node);
        match name {
            "StateCompact" => state.compact(),
            "StateLong" => state.long(),
            "StateComplete" => state.complete(),
            "Features" => or(&node.features, "(null)"),
            "features_act" => or(&node.active_features, "(null)"),
            "Gres" => or(&node.gres, "(null)"),
            "GresUsed" => or(&node.alloc_gres, "gpu:0"),
            "NodeAddr" => node.address.rsplit_once(':').map_or(node.address.as_str(), |(host, _)| host).to_owned(),
            "NodeHost" => node.host_name.clone(),
            "Port" => node.port.to_string(),
            "Version" => or(&row.version, "N/A"),
            "Comment" => row.comment.unwrap_or_default(),
            "Extra" => row.extra.unwrap_or_default(),
            "Cluster" => self.cluster.clone(),
            _ => self.of_reason(node, &row, name),
        }
    }

    fn of_reason(&self, node: &NodeInfo, row: &NodeRow, name: &str) -> String {
        let given = !row.reason.is_empty();
        match name {
            "Reason" => or(&row.reason, "none"),
            "TimeStamp" if given => {
                let (at, now) = ((row.reason_ms / 1000) as i64, (self.now_ms / 1000) as i64);
                self.format.print(at, now, &self.zone)
            }
            "User" if given => node.reason_user.clone(),
            "UserLong" if given => format!("{}({})", node.reason_user, row.reason_uid),
            "TimeStamp" | "User" | "UserLong" => "Unknown".to_owned(),
            _ => "N/A".to_owned(),
        }
    }
}

fn or(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
}

fn of_partition(partition: &PartitionInfo, name: &str) -> Option<String> {
    let key = |name: &str, absent: &str| or(partition.keys.get(name).map_or("", String::as_str), absent);
    let small = |text: String| text.to_ascii_lowercase();
    Some(match name {
        "Partition" => format!("{}{}", partition.name, if partition.is_default { "*" } else { "" }),
        "PartitionName" => partition.name.clone(),
        "Available" => match partition.state.as_str() {
            "INACTIVE" => "inact".to_owned(),
            state => state.to_ascii_lowercase(),
        },
        "Time" => limit(partition.max_time_s).short_for_sinfo(),
        "DefaultTime" => partition.default_time_s.map_or_else(|| "n/a".to_owned(), |s| limit(s).short_for_sinfo()),
        "Size" => size(&key("MinNodes", "0"), &key("MaxNodes", "UNLIMITED")),
        "Root" => small(key("RootOnly", "NO")),
        "OverSubscribe" => key("OverSubscribe", "NO"),
        "Groups" => match key("AllowGroups", "ALL") {
            all if all.eq_ignore_ascii_case("all") => "all".to_owned(),
            groups => groups,
        },
        "AllocNodes" => small(key("AllocNodes", "ALL")),
        "MaxCPUsPerNode" => key("MaxCPUsPerNode", "UNLIMITED"),
        "PreemptMode" => key("PreemptMode", "OFF"),
        "PriorityJobFactor" => key("PriorityJobFactor", "1"),
        "PriorityTier" => key("PriorityTier", "1"),
        _ => return None,
    })
}

fn limit(seconds: u32) -> TimeLimit {
    if seconds == u32::MAX { TimeLimit::Unlimited } else { TimeLimit::Minutes(seconds / 60) }
}

/// `1-infinite`, `2-4`, `1`
fn size(least: &str, most: &str) -> String {
    let least = if least == "0" { "1" } else { least };
    match most {
        "UNLIMITED" => format!("{least}-infinite"),
        most if most == least => least.to_owned(),
        most => format!("{least}-{most}"),
    }
}

fn of_all(line: &Line<'_>, name: &str) -> Option<String> {
    let count = |what: &dyn Fn(&NodeInfo) -> u32| line.nodes.iter().map(|node| what(node)).sum::<u32>();
    let (allocated, idle) =
        (&|node: &NodeInfo| u32::from(is_allocated(node)), &|node: &NodeInfo| u32::from(is_idle(node)));
    let all = u32::try_from(line.nodes.len()).unwrap_or(u32::MAX);
    let other = || all - count(allocated) - count(idle);
    Some(match name {
        "Nodes" => all.to_string(),
        "NodeList" => {
            let names: Vec<&str> =
                line.nodes.iter().filter_map(|node| node.row.as_ref()).map(|row| row.name.as_str()).collect();
            hostlist::fold(&names)
        }
        "NodeAI" => format!("{}/{}", count(allocated), count(idle)),
        "NodeAIOT" => format!("{}/{}/{}/{all}", count(allocated), count(idle), other()),
        "CPUsState" => {
            let total = count(&|node| node.cpus);
            let used = count(&|node| node.alloc_cpus);
            let out = count(&|node| if is_usable(node) { 0 } else { node.cpus - node.alloc_cpus.min(node.cpus) });
            format!("{used}/{}/{out}/{total}", total.saturating_sub(used + out))
        }
        "CPUsLoad" => range(line, |node| {
            (node.load_hundredths != u32::MAX)
                .then(|| (u64::from(node.load_hundredths), hundredths(node.load_hundredths)))
        }),
        "FreeMem" => range(line, |node| {
            (node.free_mem_mib != u64::MAX).then(|| (node.free_mem_mib, node.free_mem_mib.to_string()))
        }),
        _ => return None,
    })
}

fn hundredths(load: u32) -> String {
    format!("{}.{:02}", load / 100, load % 100)
}

/// `least-most`, one where they are equal, `N/A` where a node did not say.
fn range(line: &Line<'_>, of: impl Fn(&NodeInfo) -> Option<(u64, String)>) -> String {
    let known: Option<Vec<_>> = line.nodes.iter().map(|node| of(node)).collect();
    let Some(known) = known.filter(|known| !known.is_empty()) else { return "N/A".to_owned() };
    let least = known.iter().min().map_or_else(String::new, |(_, text)| text.clone());
    let most = known.iter().max().map_or_else(String::new, |(_, text)| text.clone());
    if least == most { least } else { format!("{least}-{most}") }
}

fn is_usable(node: &NodeInfo) -> bool {
    let row = node.row.as_ref();
    let up = !matches!(node_state(node).base, NodeBase::Down | NodeBase::Unknown | NodeBase::Future);
    up && row.is_some_and(|row| !row.drain && !row.fail && !row.not_responding)
}

fn is_allocated(node: &NodeInfo) -> bool {
    matches!(node_state(node).base, NodeBase::Allocated | NodeBase::Mixed) || node.completing
}

fn is_idle(node: &NodeInfo) -> bool {
    is_usable(node) && !is_allocated(node)
}

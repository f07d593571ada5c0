//! One node as the configuration describes it.

use std::collections::BTreeMap;

use muster_dialect::conf::{ConfiguredState, NodeConf, NodeGres};

use crate::cluster::resources::{GresFree, GresKind, NodeTotal};

/// Cores of one node that bitmaps may speak of.
pub(super) const CORES_MAX: u32 = 65_536;
/// Devices of one kind on one node that are told apart by number.
const DEVICES_MAX: u32 = 4_096;

/// Of a `NodeName=` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeLine {
    /// Its name.
    pub name: String,
    /// `NodeAddr`, else `NodeHostname`, else the name.
    pub address: String,
    /// `NodeHostname`, else the name.
    pub hostname: String,
    /// `Port`, else `SlurmdPort`.
    pub port: u16,
    /// Resources.
    pub total: NodeTotal,
    /// `Boards`
    pub boards: u32,
    /// `Features`, as written.
    pub features: String,
    /// `Gres`, as written.
    pub gres: String,
    /// `Weight`
    pub weight: u32,
    /// `State=`; `None` before the configuration was read.
    pub state: Option<ConfiguredState>,
    /// `Reason=`
    pub reason: String,
    /// `CoreSpecCount`: cores kept from jobs. The highest ones of the node, so that low bitmaps stay dense.
    pub spec_cores: u32,
    /// `MemSpecLimit` in MiB.
    pub spec_mem_mib: u64,
}

impl NodeLine {
    /// Of a parsed line.
    pub(super) fn of(conf: &NodeConf) -> Self {
        Self {
            name: conf.name.clone(),
            address: conf.addr.clone(),
            hostname: conf.hostname.clone(),
            port: conf.port,
            total: total(conf),
            boards: conf.boards,
            features: conf.features.join(","),
            gres: conf.gres.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            weight: conf.weight,
            state: Some(conf.state),
            reason: conf.reason.clone().unwrap_or_default(),
            spec_cores: conf.core_spec_count,
            spec_mem_mib: conf.mem_spec_limit_mib,
        }
    }
}

fn total(conf: &NodeConf) -> NodeTotal {
    let cores = conf.sockets.saturating_mul(conf.cores_per_socket).clamp(1, CORES_MAX);
    NodeTotal {
        sockets: conf.sockets,
        cores_per_socket: conf.cores_per_socket,
        threads_per_core: conf.threads_per_core,
        cores,
        cpus: conf.cpus,
        mem_mib: conf.real_memory_mib.saturating_sub(conf.mem_spec_limit_mib),
        tmp_disk_mib: conf.tmp_disk_mib,
        gres: devices(&conf.gres),
    }
}

/// Device numbers of one name run on over its types. Devices that are never used up are left out: nothing counts them.
fn devices(list: &[NodeGres]) -> BTreeMap<GresKind, GresFree> {
    let mut all: BTreeMap<GresKind, GresFree> = BTreeMap::new();
    let mut next: BTreeMap<&str, u32> = BTreeMap::new();
    for gres in list.iter().filter(|gres| !gres.no_consume) {
        let kind = GresKind { name: gres.name.clone(), kind: gres.kind.clone().unwrap_or_default() };
        let free = all.entry(kind).or_default();
        free.count += gres.count;
        free.numbered = gres.name != "mps" && gres.name != "shard" && gres.count <= u64::from(DEVICES_MAX);
        if free.numbered {
            let first = next.entry(&gres.name).or_default();
            let last = *first + gres.count as u32;
            (*first..last).for_each(|index| free.indices.insert(index));
            *first = last;
        }
    }
    all
}

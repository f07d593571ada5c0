//! `scontrol show node`.

use muster_proto::durable::{NodeBase, NodeRow};
use muster_proto::wire::NodeInfo;

use super::record::{Form, Record, or_null};
use super::status::node_state;

const UNKNOWN_LOAD: u32 = u32::MAX;
const UNKNOWN_MEMORY: u64 = u64::MAX;

/// The record of `node`.
pub(crate) fn node(node: &NodeInfo, form: &Form) -> String {
    let row = node.row.clone().unwrap_or_default();
    let mut record = Record::default();
    hardware(&mut record, node, &row, form);
    record.line(state(node, &row));
    record.line_if(!node.partitions.is_empty(), || format!("Partitions={} ", node.partitions.join(",")));
    let (boot, start) = (form.date(row.boot_ms, "None"), form.date(row.start_ms, "None"));
    record.line(format!("BootTime={boot} SlurmdStartTime={start}"));
    record.line(format!("LastBusyTime={}", form.date(row.last_busy_ms, "Unknown")));
    record.line(format!("CfgTRES={}", tres(node.cpus, node.real_memory_mib, Some(node.cpus), &node.gres)));
    record.line(format!("AllocTRES={}", tres(node.alloc_cpus, node.alloc_mem_mib, None, &node.alloc_gres)));
    for line in
        ["CapWatts=n/a", "CurrentWatts=0 AveWatts=0", "ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s"]
    {
        record.line(line);
    }
    record.line_if(!row.reason.is_empty(), || {
        let when = form.date(row.reason_ms, "Unknown");
        format!("Reason={} [{}@{when}]", row.reason, node.reason_user)
    });
    let comment = row.comment.clone().unwrap_or_default();
    record.line_if(!comment.is_empty(), || format!("Comment={comment}"));
    record.print(form)
}

fn hardware(record: &mut Record, node: &NodeInfo, row: &NodeRow, form: &Form) {
    let found = row.hardware.clone().unwrap_or_default();
    let cores = node.cores_per_socket;
    // Slurm leaves the architecture out before the node has registered.
    match found.arch.as_str() {
        "" => record.line(format!("NodeName={} CoresPerSocket={cores} ", row.name)),
        arch => record.line(format!("NodeName={} Arch={arch} CoresPerSocket={cores} ", row.name)),
    }
    let load = match node.load_hundredths {
        UNKNOWN_LOAD => "N/A".to_owned(),
        load => format!("{}.{:02}", load / 100, load % 100),
    };
    let (used, all) = (node.alloc_cpus, node.cpus);
    let effective = all.saturating_sub(node.core_spec * node.threads_per_core.max(1));
    record.line(format!("CPUAlloc={used} CPUEfctv={effective} CPUTot={all} CPULoad={load}"));
    record.line(format!("AvailableFeatures={}", or_null(&node.features)));
    record.line(format!("ActiveFeatures={}", or_null(&node.active_features)));
    record.line(format!("Gres={}", or_null(&node.gres)));
    if form.details {
        record.line("GresDrain=N/A");
        record.line(format!("GresUsed={}", if node.alloc_gres.is_empty() { "gpu:0" } else { &node.alloc_gres }));
    }
    let host = &node.host_name;
    let address = node.address.rsplit_once(':').map_or(node.address.as_str(), |(host, _)| host);
    match row.version.as_str() {
        "" => record.line(format!("NodeAddr={address} NodeHostName={host} Port={}", node.port)),
        version => record.line(format!("NodeAddr={address} NodeHostName={host} Port={} Version={version}", node.port)),
    }
    record.line_if(!found.os.is_empty(), || format!("OS={} ", found.os));
    let free = match node.free_mem_mib {
        UNKNOWN_MEMORY => "N/A".to_owned(),
        mib => mib.to_string(),
    };
    let (real, used) = (node.real_memory_mib, node.alloc_mem_mib);
    let (sockets, boards) = (node.sockets, node.boards);
    record.line(format!("RealMemory={real} AllocMem={used} FreeMem={free} Sockets={sockets} Boards={boards}"));
}

fn state(node: &NodeInfo, row: &NodeRow) -> String {
    // A node that never came has no threads to tell of beyond the configured ones.
    let threads = if row.base() == NodeBase::Unknown { node.threads_per_core.max(1) } else { node.threads_per_core };
    let (disk, weight) = (node.tmp_disk_mib, node.weight);
    let state = node_state(node);
    format!("State={state} ThreadsPerCore={threads} TmpDisk={disk} Weight={weight} Owner=N/A MCS_label=N/A")
}

/// `cpu=4,mem=4000M,billing=4,gres/gpu=2`; empty where nothing is used.
fn tres(cpus: u32, mem_mib: u64, billing: Option<u32>, gres: &str) -> String {
    let mut parts = Vec::new();
    if cpus > 0 {
        parts.push(format!("cpu={cpus}"));
    }
    if mem_mib > 0 {
        parts.push(format!("mem={}", muster_dialect::memory::print_mib(mem_mib)));
    }
    parts.extend(billing.filter(|billing| *billing > 0).map(|billing| format!("billing={billing}")));
    for (name, count) in gres_counts(gres) {
        parts.push(format!("gres/{name}={count}"));
    }
    parts.join(",")
}

/// Name and total of each kind in `gpu:a100:2(S:0),gpu:1`.
fn gres_counts(gres: &str) -> std::collections::BTreeMap<String, u64> {
    let mut counts = std::collections::BTreeMap::new();
    let items = muster_dialect::tres::NodeGres::parse_list(gres).unwrap_or_default();
    for item in items {
        *counts.entry(item.name).or_default() += item.count;
    }
    counts.retain(|_, count| *count > 0);
    counts
}

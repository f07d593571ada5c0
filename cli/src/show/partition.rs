//! `scontrol show partition`.

use muster_dialect::time::long;
use muster_proto::wire::PartitionInfo;

use super::record::{Form, Record, or_null, yes_no};

const UNLIMITED: u32 = u32::MAX;

/// The record of `partition`.
pub(crate) fn partition(partition: &PartitionInfo, form: &Form) -> String {
    let key = |name: &str, absent: &'static str| {
        let value = partition.keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        value.filter(|value| !value.is_empty()).cloned().unwrap_or_else(|| absent.to_owned())
    };
    let allowed = |deny: &str, allow: &str| match key(deny, "") {
        none if none.is_empty() => format!("{allow}={}", key(allow, "ALL")),
        denied => format!("{deny}={denied}"),
    };
    let mut record = Record::default();
    record.line(format!("PartitionName={}", partition.name));
    let (accounts, qos) = (allowed("DenyAccounts", "AllowAccounts"), allowed("DenyQos", "AllowQos"));
    record.line(format!("AllowGroups={} {accounts} {qos}", key("AllowGroups", "ALL")));
    let alternate = key("Alternate", "");
    record.line_if(!alternate.is_empty(), || format!("Alternate={alternate}"));
    let is_default = yes_no(partition.is_default);
    record.line(format!("AllocNodes={} Default={is_default} QoS={}", key("AllocNodes", "ALL"), key("QOS", "N/A")));
    let default_time = match partition.default_time_s {
        None => "NONE".to_owned(),
        Some(UNLIMITED) => "UNLIMITED".to_owned(),
        Some(seconds) => long(u64::from(seconds)),
    };
    let (root, user) = (key("DisableRootJobs", "NO"), key("ExclusiveUser", "NO"));
    let (grace, hidden) = (key("GraceTime", "0"), key("Hidden", "NO"));
    record.line(format!(
        "DefaultTime={default_time} DisableRootJobs={root} ExclusiveUser={user} GraceTime={grace} Hidden={hidden}"
    ));
    let max_time = match partition.max_time_s {
        UNLIMITED => "UNLIMITED".to_owned(),
        seconds => long(u64::from(seconds)),
    };
    let (most, least) = (key("MaxNodes", "UNLIMITED"), key("MinNodes", "0"));
    let (loaded, cpus) = (key("LLN", "NO"), key("MaxCPUsPerNode", "UNLIMITED"));
    record.line(format!("MaxNodes={most} MaxTime={max_time} MinNodes={least} LLN={loaded} MaxCPUsPerNode={cpus}"));
    record.line(format!("Nodes={}", or_null(&partition.nodes)));
    let (factor, tier) = (key("PriorityJobFactor", "1"), key("PriorityTier", "1"));
    let (root_only, reserved) = (key("RootOnly", "NO"), key("ReqResv", "NO"));
    let share = key("OverSubscribe", "NO");
    record.line(format!(
        "PriorityJobFactor={factor} PriorityTier={tier} RootOnly={root_only} ReqResv={reserved} OverSubscribe={share}"
    ));
    record.line(format!("OverTimeLimit={} PreemptMode={}", key("OverTimeLimit", "NONE"), key("PreemptMode", "OFF")));
    let (cpus, nodes) = (partition.total_cpus, partition.total_nodes);
    let select = key("SelectTypeParameters", "NONE");
    let state = &partition.state;
    record.line(format!("State={state} TotalCPUs={cpus} TotalNodes={nodes} SelectTypeParameters={select}"));
    record.line(format!("JobDefaults={}", key("JobDefaults", "(null)")));
    record.line(memory(&key));
    record.line_if(!partition.tres.is_empty(), || format!("TRES={}", partition.tres));
    let weights = key("TRESBillingWeights", "");
    record.line_if(!weights.is_empty(), || format!("TRESBillingWeights={weights}"));
    record.print(form)
}

fn memory(key: &dyn Fn(&str, &'static str) -> String) -> String {
    let one = |per_cpu: &str, per_node: &str| match key(per_cpu, "") {
        none if none.is_empty() => format!("{per_node}={}", key(per_node, "UNLIMITED")),
        mib => format!("{per_cpu}={mib}"),
    };
    format!("{} {}", one("DefMemPerCPU", "DefMemPerNode"), one("MaxMemPerCPU", "MaxMemPerNode"))
}

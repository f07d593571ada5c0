//! The keys of the lines that describe nodes, partitions, node sets and the like.
//!
//! No defaults stand here: an absent key is filled in where the line is understood (`nodes`, `partitions`).

use super::super::value::Kind::{Bool, Choice, Count, Flags, List, Number, Span, Text};
use super::{Key, acted, inert, inert_guard, words};

const U16: u64 = u16::MAX as u64;
const U32: u64 = u32::MAX as u64;
/// Memory and disk sizes in MiB, as in `memory::MIB_MAX`.
const MIB: u64 = crate::memory::MIB_MAX;

const CPU_BIND: &[&str] = &["none", "off", "socket", "ldom", "core", "thread"];

pub(in crate::conf) const NODE: &[Key] = &[
    acted("NodeName", Text, ""),
    acted("NodeHostname", Text, ""),
    acted("NodeAddr", Text, ""),
    inert("BcastAddr", Text, ""),
    acted("Boards", Count(U16), ""),
    acted("CoreSpecCount", Count(U16), ""),
    acted("CoresPerSocket", Count(U16), ""),
    inert("CpuBind", Choice(CPU_BIND), ""),
    acted("CPUs", Count(U16), ""),
    inert("CpuSpecList", Text, ""),
    acted("Feature", List, ""),
    acted("Features", List, ""),
    acted("Gres", List, ""),
    acted("MemSpecLimit", Count(MIB), ""),
    inert("Parameters", List, ""),
    acted("Port", Text, ""),
    acted("Procs", Count(U16), ""),
    acted("RealMemory", Count(MIB), ""),
    acted("Reason", Text, ""),
    inert("RestrictedCoresPerGPU", Count(U16), ""),
    acted("Sockets", Count(U16), ""),
    acted("SocketsPerBoard", Count(U16), ""),
    acted("State", Choice(NODE_STATES), ""),
    inert("SuspendTime", Number(U32), ""),
    acted("ThreadsPerCore", Count(U16), ""),
    acted("TmpDisk", Count(MIB), ""),
    inert("Topology", List, ""),
    acted("Weight", Count(U32), ""),
];

/// The documented states, and those that Slurm also takes (`nodes` says what becomes of them).
const NODE_STATES: &[&str] =
    &["UNKNOWN", "CLOUD", "DOWN", "DRAIN", "FAIL", "FUTURE", "FAILING", "DRAINED", "DRAINING", "IDLE", "BUSY"];

pub(in crate::conf) const DOWN: &[Key] =
    &[acted("DownNodes", Text, ""), acted("Reason", Text, ""), acted("State", Choice(NODE_STATES), "")];

/// Front-end nodes left Slurm in 24.05; their lines are read and put aside.
pub(in crate::conf) const FRONTEND: &[Key] = &[
    inert("FrontendName", Text, ""),
    inert("FrontendAddr", Text, ""),
    inert("AllowGroups", List, ""),
    inert("AllowUsers", List, ""),
    inert("DenyGroups", List, ""),
    inert("DenyUsers", List, ""),
    inert("Port", Text, ""),
    inert("Reason", Text, ""),
    inert("State", Text, ""),
];

pub(in crate::conf) const NODE_SET: &[Key] =
    &[acted("NodeSet", Text, ""), acted("Feature", Text, ""), acted("Nodes", Text, "")];

pub(in crate::conf) const POWER_ACTION: &[Key] =
    &[inert("PowerAction", Text, ""), inert("Location", Text, ""), inert("Program", Text, "")];

pub(in crate::conf) const PARTITION: &[Key] = &[
    acted("PartitionName", Text, ""),
    inert_guard("AllocNodes", Text, ""),
    acted("AllowAccounts", List, ""),
    acted("AllowGroups", List, ""),
    acted("AllowQos", List, ""),
    inert("Alternate", Text, ""),
    inert("CpuBind", Choice(CPU_BIND), ""),
    acted("Default", Bool, ""),
    acted("DefaultTime", Span, ""),
    inert("DefCpuPerGPU", Count(MIB), ""),
    acted("DefMemPerCPU", Number(MIB), ""),
    inert("DefMemPerGPU", Number(MIB), ""),
    acted("DefMemPerNode", Number(MIB), ""),
    acted("DenyAccounts", List, ""),
    acted("DenyQos", List, ""),
    acted("DisableRootJobs", Bool, ""),
    acted("Exclusive", Choice(&["NO", "NODE", "USER", "TOPO"]), ""),
    inert_guard("ExclusiveUser", Bool, ""),
    inert("GraceTime", Count(U32), ""),
    acted("Hidden", Bool, ""),
    acted("LLN", Bool, ""),
    acted("MaxCPUsPerNode", Number(U32), ""),
    inert("MaxCPUsPerSocket", Number(U32), ""),
    acted("MaxMemPerCPU", Number(MIB), ""),
    acted("MaxMemPerNode", Number(MIB), ""),
    acted("MaxNodes", Number(U32), ""),
    acted("MaxTime", Span, ""),
    acted("MinNodes", Count(U32), ""),
    acted("Nodes", Text, ""),
    acted("OverSubscribe", Text, ""),
    acted("OverTimeLimit", Number(U16), ""),
    inert("PowerDownOnIdle", Bool, ""),
    inert("PreemptMode", Flags(words::PREEMPT_MODE), ""),
    // Before 15.08 one key stood for both of the next two.
    acted("Priority", Count(PRIORITY_MAX), ""),
    acted("PriorityJobFactor", Count(PRIORITY_MAX), ""),
    acted("PriorityTier", Count(PRIORITY_MAX), ""),
    inert_guard("QOS", Text, ""),
    acted("ReqResv", Bool, ""),
    inert("ResumeTimeout", Number(U16), ""),
    acted("RootOnly", Bool, ""),
    inert("SelectTypeParameters", Flags(words::SELECT_PARAMETERS), ""),
    acted("Shared", Text, ""),
    acted("State", Choice(&["UP", "DOWN", "DRAIN", "INACTIVE"]), ""),
    inert("SuspendTime", Number(U32), ""),
    inert("SuspendTimeout", Number(U16), ""),
    inert("Topology", Text, ""),
    inert("TRESBillingWeights", List, ""),
];

/// slurm.conf(5): "The value may not exceed 65533".
const PRIORITY_MAX: u64 = 65_533;

//! Columns of sinfo.

use super::super::Tier::{A, B, C};
use super::super::{Field, FieldTable};

/// Letters and names.
pub const SINFO: FieldTable = FieldTable { command: "sinfo", what: "node", fields: FIELDS, aliases: &[], all: ALL };

const ALL: &str = "%a|%b|%c|%d|%e|%f|%g|%h|%l|%m|%n|%o|%p|%r|%s|%t|%u|%v|%w|%z|%A |%B |%C |%D |%E |%F |%G |%H |%I |%L |\
                   %M |%N |%O |%P |%R |%S |%T |%U |%V |%X |%Y |%Z ";

const FIELDS: &[Field] = &[
    Field::name("AllocMem", "ALLOCMEM", A),
    Field::letter('S', "AllocNodes", "ALLOCNODES", B),
    Field::letter('a', "Available", "AVAIL", A),
    Field::letter('V', "Cluster", "CLUSTER", B),
    Field::name("Comment", "COMMENT", C),
    Field::letter('Y', "Cores", "CORES", A),
    Field::letter('c', "CPUs", "CPUS", A),
    Field::letter('O', "CPUsLoad", "CPU_LOAD", A),
    Field::letter('C', "CPUsState", "CPUS(A/I/O/T)", A),
    Field::letter('L', "DefaultTime", "DEFAULTTIME", A),
    Field::letter('d', "Disk", "TMP_DISK", A),
    Field::name("Extra", "EXTRA", C),
    Field::letter('f', "Features", "AVAIL_FEATURES", A),
    Field::letter('b', "features_act", "ACTIVE_FEATURES", A),
    Field::letter('e', "FreeMem", "FREE_MEM", A),
    Field::letter('G', "Gres", "GRES", A),
    Field::name("GresUsed", "GRES_USED", A),
    Field::letter('g', "Groups", "GROUPS", A),
    Field::letter('B', "MaxCPUsPerNode", "MAX_CPUS_PER_NODE", B),
    Field::letter('m', "Memory", "MEMORY", A),
    Field::letter('o', "NodeAddr", "NODE_ADDR", A),
    Field::letter('A', "NodeAI", "NODES(A/I)", A),
    Field::letter('F', "NodeAIOT", "NODES(A/I/O/T)", A),
    Field::letter('n', "NodeHost", "HOSTNAMES", A),
    Field::letter('N', "NodeList", "NODELIST", A),
    Field::letter('D', "Nodes", "NODES", A),
    Field::letter('h', "OverSubscribe", "OVERSUBSCRIBE", B),
    Field::letter('P', "Partition", "PARTITION", A),
    Field::letter('R', "PartitionName", "PARTITION", A),
    Field::name("Port", "PORT", C),
    Field::letter('M', "PreemptMode", "PREEMPT_MODE", B),
    Field::letter('I', "PriorityJobFactor", "PRIO_JOB_FACTOR", B),
    Field::letter('p', "PriorityTier", "PRIO_TIER", B),
    Field::letter('E', "Reason", "REASON", A),
    Field::letter('i', "Reservation", "RESERVATION", B),
    Field::letter('r', "Root", "ROOT", C),
    Field::letter('s', "Size", "JOB_SIZE", A),
    Field::letter('z', "SocketCoreThread", "S:C:T", A),
    Field::letter('X', "Sockets", "SOCKETS", A),
    Field::letter('t', "StateCompact", "STATE", A),
    Field::name("StateComplete", "STATECOMPLETE", A),
    Field::letter('T', "StateLong", "STATE", A),
    Field::letter('Z', "Threads", "THREADS", A),
    Field::letter('l', "Time", "TIMELIMIT", A),
    Field::letter('H', "TimeStamp", "TIMESTAMP", A),
    Field::letter('u', "User", "USER", A),
    Field::letter('U', "UserLong", "USER", B),
    Field::letter('v', "Version", "VERSION", A),
    Field::letter('w', "Weight", "WEIGHT", A),
];

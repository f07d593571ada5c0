//! Whole configurations.

mod faults;
mod fence;
mod includes;
mod random;
mod show;

use super::*;
use crate::time::TimeLimit;

const OLD: &str = include_str!("slurm-2012.conf");
const MODERN: &str = include_str!("modern.conf");
const MODERN_NODES: &str = include_str!("nodes-lumen.conf");

/// Files by path, for a source without a disk.
fn files(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(path, text)| ((*path).to_string(), (*text).to_string())).collect()
}

fn read(list: &[(&str, &str)]) -> Parsed {
    parse(&Stored(&files(list)), list[0].0)
}

fn modern() -> Config {
    let gres = "Name=gpu Type=a100 File=/dev/nvidia[0-3] NodeName=node[17-20] Cores=0-31\nAutoDetect=off\n";
    let cgroup = "ConstrainCores=yes\nConstrainRAMSpace=yes\nCgroupAutomount=yes\n";
    let parsed = read(&[
        ("/etc/slurm/slurm.conf", MODERN),
        ("/etc/slurm/nodes-lumen.conf", MODERN_NODES),
        ("/etc/slurm/gres.conf", gres),
        ("/etc/slurm/cgroup.conf", cgroup),
    ]);
    assert_eq!(
        shown(&parsed),
        [
            "/etc/slurm/slurm.conf:16:1: note: PriorityWeightAge is accepted, but this version does not act on it",
            "/etc/slurm/slurm.conf:17:1: note: PriorityDecayHalfLife is accepted, but this version does not act on it",
            "/etc/slurm/slurm.conf:19:1: warning: AccountingStorageEnforce is accepted, but this version does not enforce it",
            "/etc/slurm/slurm.conf:30:70: warning: OverSubscribe=FORCE:2 is not supported by this version: jobs share no cores",
            "/etc/slurm/slurm.conf:31:21: note: TRESBillingWeights is accepted, but this version does not act on it",
            "/etc/slurm/slurm.conf:33:15: note: partition empty has no nodes",
            "/etc/slurm/cgroup.conf:3:1: warning: CgroupAutomount is obsolete: ignored, controllers are never mounted by Muster",
        ]
    );
    assert_eq!(parsed.files.len(), 4);
    parsed.config.expect("no errors")
}

fn shown(parsed: &Parsed) -> Vec<String> {
    parsed.diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn the_configuration_of_2012_reads_with_one_line_for_each_obsolete_key() {
    let parsed = read(&[("/etc/slurm.conf", OLD)]);
    assert_eq!(
        shown(&parsed),
        [
            "/etc/slurm.conf:5:1: warning: ControlMachine is obsolete: read as the first SlurmctldHost",
            "/etc/slurm.conf:8:1: warning: CacheGroups is obsolete: ignored: groups are always looked up and cached as GroupUpdateTime says",
            "/etc/slurm.conf:9:1: warning: CryptoType is obsolete: ignored: credentials are signed as CredType says",
            "/etc/slurm.conf:32:1: warning: FastSchedule is obsolete: ignored: nodes are scheduled as configured; SlurmdParameters=config_overrides replaces FastSchedule=2",
            "/etc/slurm.conf:34:1: warning: SchedulerPort is obsolete: ignored: the scheduler is part of the controller and listens on no port",
            "/etc/slurm.conf:41:1: warning: JobCredentialPrivateKey is obsolete: ignored: credentials are signed as CredType says, without key files",
            "/etc/slurm.conf:42:1: warning: JobCredentialPublicCertificate is obsolete: ignored: credentials are checked as CredType says, without key files",
        ]
    );
    let config = parsed.config.expect("no errors");
    assert_eq!(config.cluster_name, "cluster");
    assert_eq!(config.slurmctld_hosts[0].name, "mtj-VirtualBox");
    assert_eq!((config.auth_type.as_str(), config.select_type), ("auth/none", SelectType::Linear));
    assert_eq!(config.state_save_location, "/tmp");
    assert!(config.task_plugins.is_empty());
    let node = config.node("mtj-VirtualBox").expect("the only node");
    assert_eq!((node.cpus, node.real_memory_mib, node.port), (1, 1, 6818));
    let partition = config.default_partition().expect("debug");
    assert_eq!((partition.name.as_str(), partition.max_time), ("debug", TimeLimit::Unlimited));
    assert_eq!(config.nodes_of(partition).count(), 1);
}

#[test]
fn a_modern_configuration_becomes_typed_values() {
    let config = modern();
    assert_eq!(config.cluster_name, "lumen");
    let hosts: Vec<_> = config.slurmctld_hosts.iter().map(|host| (host.name.as_str(), host.addr.as_str())).collect();
    assert_eq!(hosts, [("ctl1", "10.0.0.1"), ("ctl2", "10.0.0.2"), ("ctl3", "ctl3")]);
    assert_eq!(config.slurmctld_ports, (6817, 6819));
    assert_eq!(config.auth_info["socket"], "/run/munge/munge.socket.2");
    assert_eq!(config.scheduler_parameters["bf_interval"], "60");
    assert!(config.scheduler_parameters.contains_key("defer") && config.config_overrides());
    assert!(config.select_parameters.memory && config.select_parameters.least_loaded_nodes);
    assert!(config.scripts.prolog_flags.contain && config.scripts.prolog_flags.alloc);
    assert!(config.accounting_enforce.associations && !config.accounting_enforce.safe);
    assert_eq!(config.task_plugins, ["task/affinity", "task/cgroup"]);
    assert_eq!(config.def_mem, Some(MemoryPer::Cpu(2000)));
    assert_eq!((config.kill_wait_s, config.return_to_service), (30, 2));
    assert_eq!(config.priority.decay_half_life, TimeLimit::Minutes(14 * 1440));
    assert_eq!(config.licenses[1], License { name: "ansys".to_string(), count: 1 });
    assert!(config.cgroup.constrain_cores && !config.cgroup.constrain_devices);
    assert_eq!((config.gres[0].count, config.gres[0].files[3].as_str()), (4, "/dev/nvidia3"));
}

#[test]
fn nodes_take_defaults_addresses_ports_and_down_lines() {
    let config = modern();
    assert_eq!(config.nodes.len(), 20);
    let node = config.node("node18").expect("configured");
    assert_eq!((node.addr.as_str(), node.hostname.as_str(), node.port), ("10.1.0.18", "node18", 7002));
    assert_eq!((node.cpus, node.sockets, node.cores_per_socket, node.threads_per_core), (128, 2, 32, 2));
    assert_eq!(node.gres[0].to_string(), "gpu:a100:4");
    let node = config.node("node02").expect("configured");
    assert_eq!((node.state, node.weight, node.port), (ConfiguredState::Drain, 10, 6818));
    assert_eq!(node.reason.as_deref(), Some("no power, ETA=Dec25"));
}

#[test]
fn partitions_resolve_node_sets_all_and_defaults() {
    let config = modern();
    let gpu = config.partition("gpu").expect("configured");
    assert_eq!(gpu.nodes, [0, 16, 17, 18, 19]);
    assert_eq!(gpu.node_sets, ["accelerated"]);
    assert_eq!((gpu.max_time, gpu.default_time), (TimeLimit::Minutes(7 * 1440), Some(TimeLimit::Minutes(60))));
    assert_eq!(gpu.over_subscribe, OverSubscribe::Force(2));
    assert_eq!(gpu.allow_groups, Allow::Only(vec!["ml".to_string(), "phys".to_string()]));
    assert_eq!((gpu.priority_tier, gpu.priority_job_factor), (10, 1));
    assert_eq!(gpu.tres_billing_weights[2], ("gres/gpu".to_string(), "10".to_string()));
    let all = config.partition("all").expect("configured");
    assert_eq!((all.nodes.len(), all.hidden, all.max_nodes), (20, true, Some(4)));
    assert_eq!(all.def_mem, Some(MemoryPer::Node(100)));
    assert_eq!(config.default_partition().map(|partition| partition.name.as_str()), Some("cpu"));
    assert_eq!(config.partition("empty").map(|partition| partition.state), Some(PartitionState::Inactive));
}

#[test]
fn stored_files_parse_to_the_same_configuration_on_every_replica() {
    let first = read(&[("/etc/slurm/slurm.conf", MODERN), ("/etc/slurm/nodes-lumen.conf", MODERN_NODES)]);
    let again = parse(&Stored(&first.files), "/etc/slurm/slurm.conf");
    assert_eq!(first, again);
}

#[test]
fn the_mapping_of_topology_and_boards_matches_what_slurm_showed() {
    let text = "ClusterName=c\nSlurmctldHost=h\nNodeName=DEFAULT CPUs=4\nNodeName=n1\nNodeName=n4 Sockets=2 CoresPerSocket=4 \
        ThreadsPerCore=2 CPUs=8\nNodeName=n5 Boards=2 SocketsPerBoard=2 CoresPerSocket=4 ThreadsPerCore=1 CPUs=16\n\
        PartitionName=p Nodes=n1 Shared=YES\n";
    let config = read(&[("slurm.conf", text)]).config.expect("no errors");
    let counts: Vec<_> = config.nodes.iter().map(|node| (node.cpus, node.boards, node.sockets)).collect();
    assert_eq!(counts, [(4, 1, 4), (8, 1, 2), (16, 2, 4)]);
    assert_eq!(config.partitions[0].over_subscribe, OverSubscribe::Yes(4));
}

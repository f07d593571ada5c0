//! Configuration files as sites have them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::places::free_ports;
use crate::site::{Site, eventually, own_user};

/// A real one from the literature; a generated file without an author's note.
const OLD: &str = include_str!("../../../dialect/src/conf/tests/slurm-2012.conf");
const MODERN: &str = include_str!("modern.conf");
/// Who wrote it called the machine so.
const OLD_HOST: &str = "mtj-VirtualBox";
/// Keys that Slurm no longer has.
const OBSOLETE: [&str; 7] = [
    "ControlMachine",
    "CacheGroups",
    "CryptoType",
    "FastSchedule",
    "SchedulerPort",
    "JobCredentialPrivateKey",
    "JobCredentialPublicCertificate",
];

/// With the host name replaced, and SlurmUser where this machine has no such user or we may not become it.
fn old_file() -> String {
    let root = nix::unistd::geteuid().is_root();
    let known = nix::unistd::User::from_name("slurm").is_ok_and(|user| user.is_some());
    let text = OLD.replace(OLD_HOST, "localhost");
    if root && known { text } else { text.replace("SlurmUser=slurm", &format!("SlurmUser={}", own_user())) }
}

#[test]
fn the_file_of_2012_starts_a_cluster_of_one_node_with_whole_nodes_and_without_accounting() {
    let mut site = Site::empty();
    site.write("old.conf", &old_file());
    let (port, node_port) = (free_ports(1), free_ports(1));
    // Commands have no flag for a port: theirs is the same file with another one.
    site.write("slurm.conf", &old_file().replace("SlurmctldPort=6817", &format!("SlurmctldPort={port}")));
    fs::set_permissions(site.path("state"), fs::Permissions::from_mode(0o777)).expect("it is ours");
    fs::set_permissions(site.path("log"), fs::Permissions::from_mode(0o777)).expect("it is ours");
    let at = |name: &str| site.path(name).display().to_string();
    let (conf, state, spool, pid) = (at("old.conf"), at("state/one"), at("spool/one"), at("log/node.pid"));
    let (door, replicas) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", port + 1));
    let flags = ["-f", &conf, "--listen", &door, "--replica-listen", &replicas, "--state-dir", &state];
    site.start_controller_with("localhost", &flags);
    site.found(1);
    let said = site.daemon("localhost").said();
    for key in OBSOLETE {
        let lines = said.lines().filter(|line| line.contains(&format!("warning: {key} is obsolete"))).count();
        assert_eq!(lines, 1, "{key}: {said}");
    }
    let listen = format!("127.0.0.1:{node_port}");
    let flags = ["-f", &conf, "--listen", &listen, "--spool", &spool, "--pidfile", &pid, "--controllers", &door];
    site.start_node_as("localhost-node", "localhost", &flags);
    eventually("the node is idle", || site.run("sinfo", &["-h", "-o", "%t"]).trim() == "idle");

    let may_end = site.path("may_end");
    nix::unistd::mkfifo(&may_end, nix::sys::stat::Mode::S_IRWXU).expect("the temporary directory is ours");
    let wrap = format!("read line <{}", may_end.display());
    let first = site.run("sbatch", &["--parsable", "-n1", "-o", "/dev/null", "--wrap", &wrap]);
    eventually("it runs", || site.run("squeue", &["-h", "-o", "%t"]).trim() == "R");
    assert_eq!(site.run("sinfo", &["-h", "-o", "%t"]).trim(), "alloc", "one task has the whole node");
    let shown = site.run("scontrol", &["show", "job", first.trim()]);
    assert!(shown.contains("NumNodes=1") && shown.contains("NodeList=localhost"), "{shown}");
    fs::write(&may_end, "now\n").expect("the script reads it");
    eventually("it ended", || site.run("squeue", &["-h"]).is_empty());
    let said = site.fails("sacct", &[]);
    assert_eq!(said.trim(), "Slurm accounting storage is disabled");
}

#[test]
fn a_slurm_user_that_does_not_exist_is_an_error_that_names_useradd() {
    let site = Site::empty();
    site.write("slurm.conf", &OLD.replace(OLD_HOST, "localhost").replace("=slurm\n", "=no-such-user\n"));
    let said = site.fails("muster-controller", &["-D", "--name", "localhost"]);
    assert!(said.contains("SlurmUser=no-such-user does not exist") && said.contains("useradd"), "{said}");
}

#[test]
fn a_file_of_today_starts_a_replicated_cluster_with_ports_and_directories_from_flags() {
    let mut site = Site::empty();
    let port = free_ports(3);
    let parameters = format!("SlurmctldPort={port}\nSlurmctldParameters=muster_replica_port={}\n", port + 1);
    let text = parameters + &MODERN.replace("SlurmUser=root", &format!("SlurmUser={0}\nSlurmdUser={0}", own_user()));
    site.write("slurm.conf", &text);
    for number in 1..=3 {
        let state = site.path(&format!("state/{number}")).display().to_string();
        site.start_controller_with(&format!("ctl{number}"), &["--state-dir", &state]);
    }
    site.found(3);
    for name in ["node01", "node17"] {
        let listen = format!("127.0.0.1:{}", free_ports(1));
        let [spool, pid] =
            ["spool", "pid"].map(|what| site.path(&format!("spool/{name}.{what}")).display().to_string());
        site.start_node_with(name, &["--listen", &listen, "--spool", &spool, "--pidfile", &pid]);
    }
    let idle = |site: &Site| {
        site.run("sinfo", &["-h", "-N", "-o", "%N %t %P"]).lines().filter(|line| line.contains("idle")).count()
    };
    eventually("two nodes of two partitions are idle", || idle(&site) == 2);
    let nodes = site.run("sinfo", &["-h", "-o", "%P %D"]);
    let of = |name: &str| -> u32 {
        let counts = nodes.lines().filter_map(|line| line.split_once(' ')).filter(|(partition, _)| *partition == name);
        counts.filter_map(|(_, count)| count.trim().parse::<u32>().ok()).sum()
    };
    assert_eq!((of("cpu*"), of("gpu")), (16, 4), "node sets are read: {nodes}");
    let ran = site.run("srun", &["-p", "gpu", "--gres=gpu:a100:1", "sh", "-c", "echo on $SLURMD_NODENAME"]);
    assert_eq!(ran, "on node17\n");
    let shown = site.run("scontrol", &["show", "config"]);
    for (key, value) in [
        ("ClusterName", "lumen".to_owned()),
        ("SlurmctldPort", port.to_string()),
        ("GresTypes", "gpu".to_owned()),
        ("SelectTypeParameters", "CR_CORE_MEMORY".to_owned()),
        ("KillWait", "30 sec".to_owned()),
        ("MinJobAge", "300 sec".to_owned()),
    ] {
        let line = shown.lines().find(|line| line.split_once('=').is_some_and(|(name, _)| name.trim() == key));
        let shown_value = line.and_then(|line| line.split_once("= ")).map(|(_, value)| value.trim());
        assert_eq!(shown_value, Some(value.as_str()), "{key}");
    }
    for host in ["SlurmctldHost[0]", "SlurmctldHost[1]", "SlurmctldHost[2]"] {
        assert!(shown.contains(host), "{host}: {shown}");
    }
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once_and_nothing_starts() {
    let site = Site::empty();
    let more = "NoSuchKey=1\nKillWait=soon\nPartitionName=cpu Nodes=node01\nMessageTimeout=9\nMessageTimeout=9\n";
    site.write("slurm.conf", &(MODERN.to_owned() + more));
    let first = MODERN.lines().count() + 1;
    let state = site.path("state/x").display().to_string();
    let arguments = ["-D", "--name", "ctl1", "--state-dir", &state];
    let said = site.fails("muster-controller", &arguments);
    let conf = site.path("slurm.conf").display().to_string();
    for (line, word) in [(0, "NoSuchKey"), (1, "KillWait"), (2, "cpu"), (4, "Duplicated key MessageTimeout")] {
        let place = format!("{conf}:{}:", first + line);
        let told = said.lines().find(|told| told.contains(&place));
        assert!(told.is_some_and(|told| told.contains(word)), "{place} {word}: {said}");
    }
    assert!(!site.path("state/x").exists(), "no directory was made");
}

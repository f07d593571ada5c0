//! fence.conf.

use super::*;

const SLURM: &str = "ClusterName=c\nSlurmctldHost=h\nNodeName=n[1-4]\nPartitionName=p Nodes=n[1-4]\n";

fn fenced(text: &str) -> Parsed {
    read(&[("/e/slurm.conf", SLURM), ("/e/fence.conf", text)])
}

fn findings(text: &str) -> Vec<String> {
    let all = fenced(text).diagnostics.into_iter().map(|found| found.to_string());
    all.filter_map(|line| line.strip_prefix("/e/fence.conf:").map(str::to_owned)).collect()
}

#[test]
fn levels_agents_and_the_storm_guard_are_read() {
    let text = "MaxFences=5 FenceWindow=60\nFenceDelay=0\n\
                NodeName=n[1-2] Level=2 Agent=/opt/pdu Parameters=\"plug=%n\" Timeout=30\n\
                NodeName=n[1-4] Agent=fence_ipmilan Parameters=\"ip=bmc-%n lanplus=1\" PasswordFile=/k Action=reboot\n\
                NodeName=n1 Level=2 Agent=/opt/pdu Parameters=\"plug=%n-b\"\n";
    assert_eq!(findings(text), Vec::<String>::new());
    let conf = fenced(text).config.expect("it has no faults").fence;
    assert_eq!((conf.max_fences, conf.window_s, conf.delay_s, conf.retry_s), (5, 60, 0, 60));
    assert_eq!((conf.levels("n1"), conf.levels("n3"), conf.levels("n9")), (vec![1, 2], vec![1], vec![]));
    let bmc: Vec<&FenceDevice> = conf.devices_of("n1", 1).collect();
    assert_eq!(bmc[0].agent, "/usr/sbin/fence_ipmilan");
    assert_eq!(bmc[0].parameters[0], ("ip".to_owned(), "bmc-%n".to_owned()));
    assert_eq!((bmc[0].password_file.as_deref(), bmc[0].power_on, bmc[0].timeout_s), (Some("/k"), true, 20));
    assert_eq!(conf.devices_of("n1", 2).count(), 2, "both power supplies");
    assert_eq!(conf.devices_of("n2", 2).count(), 1);
}

#[test]
fn without_the_file_no_node_can_be_fenced() {
    let conf = read(&[("/e/slurm.conf", SLURM)]).config.expect("it has no faults").fence;
    assert_eq!(conf, FenceConf::default());
    assert!(conf.levels("n1").is_empty());
}

#[test]
fn faults_are_told_where_they_stand() {
    assert_eq!(findings("NodeName=n[3-5] Agent=a"), ["1:10: warning: slurm.conf has no such nodes: n5"]);
    assert_eq!(findings("NodeName=n1"), ["1:10: error: a line of fence.conf needs an Agent"]);
    assert_eq!(findings("NodeName=n1 Agent=./a"), ["1:19: error: Agent is a name in AgentDir, or an absolute path"]);
    assert_eq!(
        findings("\nNodeName=n1 Agent=a Parameters=\"ip=b passwd=x\""),
        ["2:32: error: Parameters: passwd does not belong here: all who may read the configuration could read it; \
             use PasswordFile"]
    );
    assert_eq!(
        findings("NodeName=n1 Agent=a Parameters=action=on"),
        ["1:32: error: Parameters: Muster says action by itself"]
    );
    assert_eq!(
        findings("NodeName=n1 Agent=a Timeut=2"),
        ["1:21: error: Parsing error at unrecognized key: Timeut, on a fence.conf line; did you mean \"Timeout\"?"]
    );
    assert_eq!(findings("NodeName=n1 Agent=a Level=0"), ["1:27: error: Level begins at 1"]);
    let crowd = "NodeName=n1 Agent=a\n".repeat(9);
    assert_eq!(findings(&crowd), ["9:10: error: n1 has more than 8 agents on level 1"]);
}

#[test]
fn a_lease_is_read_and_shown_and_timeout_is_called_unsafe() {
    let shown = |text: &str| {
        let config = fenced(text).config.expect("it has no errors");
        let rows = crate::conf::show::show(&config, &crate::conf::show::Runtime::default());
        rows.into_iter().filter(|(key, _)| ["ProofOfDeath", "LeaseSec"].contains(&key.as_str())).collect::<Vec<_>>()
    };
    let row = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let text = "ProofOfDeath=lease LeaseSec=120\nNodeName=n1 Agent=a\n";
    assert_eq!(findings(text), Vec::<String>::new());
    let conf = fenced(text).config.expect("it has no errors").fence;
    assert_eq!((conf.proof, conf.lease_s, conf.levels("n1")), (Proof::Lease, 120, vec![1]));
    assert_eq!(shown(text), [row("LeaseSec", "120 sec"), row("ProofOfDeath", "lease")]);
    assert_eq!(shown("ProofOfDeath=timeout"), [row("ProofOfDeath", "timeout (UNSAFE: a job may run twice)")]);
    assert_eq!(shown("ProofOfDeath=certain"), [], "as Slurm prints it");
    let unsafe_words = "1:14: warning: ProofOfDeath=timeout is unsafe: a node that is only cut off runs its job beside \
                        the repeat of it elsewhere";
    assert_eq!(findings("ProofOfDeath=timeout"), [unsafe_words]);
}

#[test]
fn a_lease_without_a_length_or_too_short_is_refused_where_it_stands() {
    assert_eq!(findings("ProofOfDeath=lease"), ["1:14: error: ProofOfDeath=lease needs LeaseSec"]);
    assert_eq!(
        findings("MaxFences=1\nProofOfDeath=lease LeaseSec=19"),
        ["2:29: error: LeaseSec=19 is too short: nodes speak every 5000 ms, and 4 times in a lease: 20 at least"]
    );
    assert_eq!(findings("ProofOfDeath=lease LeaseSec=20"), Vec::<String>::new());
    assert_eq!(findings("LeaseSec=60"), ["1:10: warning: LeaseSec counts with ProofOfDeath=lease alone"]);
    assert_eq!(findings("ProofOfDeath=leas").len(), 1);
    let quick = |slurmd_timeout: u32, text: &str| {
        let slurm = format!("{SLURM}SlurmdTimeout={slurmd_timeout}\n");
        let read = read(&[("/e/slurm.conf", &slurm), ("/e/fence.conf", text)]);
        read.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(quick(2, "ProofOfDeath=lease LeaseSec=2"), Vec::<String>::new());
    assert_eq!(quick(2, "ProofOfDeath=lease LeaseSec=1").len(), 1);
    let never = quick(0, "ProofOfDeath=lease LeaseSec=60");
    assert!(never[0].contains("with SlurmdTimeout=0 no node is ever lost"), "{never:?}");
}

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

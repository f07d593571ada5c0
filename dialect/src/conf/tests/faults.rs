//! Every fault is reported at once, at its place.

use super::*;

const HEAD: &str = "ClusterName=c\nSlurmctldHost=h\nNodeName=n[1-3]\n";

/// Findings of `text` after three good lines; places without the file name.
fn findings(text: &str) -> Vec<String> {
    let whole = format!("{HEAD}{text}\nPartitionName=p0 Nodes=n1\n");
    let parsed = read(&[("f", &whole)]);
    let errors = parsed.diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(parsed.config.is_none(), errors, "a configuration comes of it unless there is an error");
    shown(&parsed).iter().map(|line| line.trim_start_matches("f:").to_string()).collect()
}

fn one(text: &str) -> String {
    let all = findings(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn all_faults_of_a_file_are_reported_in_one_pass() {
    let text = "KilWait=30\nMinJobAge=x ReturnToService=7\n  NodeName=n9 CPU=4 Sate=UP\nPartitionName=p Nodes=n[1-4] MaxTime=1h";
    assert_eq!(
        findings(text),
        [
            "4:1: error: Parsing error at unrecognized key: KilWait; did you mean \"KillWait\"?",
            "5:11: error: MinJobAge value (x) is not a valid number",
            "5:29: error: ReturnToService value (7) is greater than 2",
            "6:15: error: Parsing error at unrecognized key: CPU, on a NodeName line; did you mean \"CPUs\"?",
            "6:21: error: Parsing error at unrecognized key: Sate, on a NodeName line; did you mean \"State\"?",
            "7:23: error: Nodes of partition names what is neither a node nor a node set: n4",
            "7:38: error: Bad value \"1h\" for MaxTime (expected a time such as 30, 12:00:00 or 7-0)",
        ]
    );
}

#[test]
fn a_key_given_twice_is_an_error_that_names_both_places() {
    assert_eq!(
        findings("KillWait=30 MinJobAge=x\n killwait=30\nMinJobAge=3\nNodeName=n9 CPUs=1 CPUs=2\nKillWait=1"),
        [
            "4:23: error: MinJobAge value (x) is not a valid number",
            "5:2: error: Duplicated key KillWait: it is given first at f:4:1",
            "6:1: error: Duplicated key MinJobAge: it is given first at f:4:13",
            "7:20: error: Duplicated key CPUs: it is given first at f:7:13",
            "8:1: error: Duplicated key KillWait: it is given first at f:4:1",
        ]
    );
    assert!(one("NodeName=n[3-4]").ends_with("error: Duplicated NodeName n3 in the config file"));
    assert!(one("PartitionName=p0 Nodes=n2").contains("partition p0 is configured twice"));
    assert!(one("SlurmctldHost=h").ends_with("error: SlurmctldHost h is given twice"));
}

#[test]
fn the_first_of_two_may_stand_in_another_file() {
    let main = format!("{HEAD}PartitionName=p Nodes=n1\nInclude more\nKillWait=3\n");
    let parsed = read(&[("f", &main), ("more", "\nKillWait=2\n")]);
    let all = shown(&parsed);
    assert_eq!(all, ["f:6:1: error: Duplicated key KillWait: it is given first at more:2:1"]);
}

#[test]
fn keys_that_make_a_list_line_by_line_may_stand_again() {
    let text = "Prolog=/a\nEpilog=/z\nProlog=/b/*\nSlurmctldHost=h2\nDownNodes=n1\nDownNodes=n2\nNodeSet=s Nodes=n1\nNodeSet=t Nodes=n2";
    assert_eq!(findings(text), Vec::<String>::new());
    let whole = format!("{HEAD}{text}\nPartitionName=p0 Nodes=n1\n");
    let scripts = read(&[("f", &whole)]).config.expect("no error").scripts;
    assert_eq!((scripts.prolog, scripts.epilog), (vec!["/a".to_owned(), "/b/*".into()], vec!["/z".to_owned()]));
}

#[test]
fn keys_on_the_wrong_line_are_told_where_they_belong() {
    assert!(one("MaxTime=3").ends_with("unrecognized key: MaxTime; it belongs on a PartitionName line"));
    assert!(one("NodeName=n9 KillWait=3").ends_with("on a NodeName line; KillWait stands on a line of its own"));
}

#[test]
fn old_controller_keys_yield_to_slurmctld_host() {
    let all = findings("ControlMachine=x");
    assert_eq!(all[1], "4:1: warning: ignored, since SlurmctldHost is set");
    let parsed = read(&[(
        "f",
        "ClusterName=c\nControlMachine=a\nControlAddr=1.2.3.4\nBackupController=b\nNodeName=n\nPartitionName=p",
    )]);
    let hosts = parsed.config.expect("warnings only").slurmctld_hosts;
    assert_eq!((hosts[0].addr.as_str(), hosts[1].name.as_str()), ("1.2.3.4", "b"));
}

#[test]
fn what_is_missing_is_reported_at_the_top() {
    assert_eq!(
        shown(&read(&[("f", "")])),
        [
            "f:1:1: error: ClusterName is missing: it must be given",
            "f:1:1: error: SlurmctldHost is missing: no controller is named",
            "f:1:1: warning: no NodeName line: the cluster has no nodes",
            "f:1:1: warning: no PartitionName line: no job can be submitted",
        ]
    );
    assert_eq!(
        shown(&parse(&Stored(&[]), "f")),
        ["f:0:0: error: cannot read f: not part of this configuration version"]
    );
}

#[test]
fn values_are_checked_by_kind() {
    assert!(one("SelectType=select/foo").contains("error: SelectType cannot be \"select/foo\""));
    assert!(one("DisableRootJobs=maybe").contains("\"maybe\" is not a valid option for \"DisableRootJobs\""));
    assert!(one("PrologFlags=Allok").ends_with("cannot be \"Allok\"; did you mean \"Alloc\"? (expected Alloc, Contain, DeferBatch, ForceRequeueOnFail, NoHold, RunInJob, Serial, X11)"));
    assert!(one("KillWait=").ends_with("error: KillWait has no value"));
    assert!(
        one("SchedulerParameters=bf_intervall=3")
            .contains("warning: SchedulerParameters has no option \"bf_intervall\"")
    );
    assert!(one("SelectTypeParameters=CR_CPU,CR_Core").contains("cannot be CR_CPU and CR_CORE at once"));
    assert!(one("PartitionName=q Nodes=n1 OverSubscribe=FORCE:x").contains("OverSubscribe cannot be \"FORCE:x\""));
    assert!(one("NodeName=m CPUs=UNLIMITED").contains("CPUs value (UNLIMITED) is not a valid number"));
    assert!(one("Licenses=a:b").contains("Invalid license: a:b"));
    assert!(findings("ClusterName=x/y")[1].contains("ClusterName \"x/y\" must be"));
}

#[test]
fn node_lists_of_other_length_are_refused() {
    assert!(one("NodeName=m[1-3] NodeAddr=a[1-2]").ends_with("error: NodeAddr gives 2 names for 3 nodes"));
    assert!(one("NodeName=m[1-3] Port=[1-2]").ends_with("error: Port gives 2 ports for 3 nodes"));
    assert!(one("NodeName=DEFAULT NodeAddr=a").ends_with("NodeAddr not allowed with NodeName=DEFAULT"));
    assert!(one("NodeName=ALL").ends_with("'ALL' is a reserved word disallowed for use with NodeName"));
    assert!(one("DownNodes=n[3-4]").ends_with("DownNodes names an unknown node: n4"));
    assert!(one("NodeName=a[0-65535]").ends_with("error: more than 65536 nodes"));
}

#[test]
fn keys_that_nothing_follows_from_give_a_note_unless_they_ask_for_nothing() {
    assert_eq!(
        one("JobCompType=jobcomp/filetxt"),
        "4:1: note: JobCompType is accepted, but this version does not act on it"
    );
    assert_eq!(findings("JobCompType=jobcomp/none\nSwitchType=switch/none\nTreeWidth=50"), Vec::<String>::new());
}

#[test]
fn of_debug_flags_only_those_that_nothing_follows_from_are_noted() {
    assert_eq!(findings("DebugFlags=no_conf_hash"), Vec::<String>::new());
    assert_eq!(
        one("DebugFlags=steps,NO_CONF_HASH,Backfill"),
        "4:1: note: DebugFlags=Backfill,Steps is accepted, but this version does not act on it"
    );
}

#[test]
fn what_the_scheduler_does_not_know_is_named_and_not_ignored() {
    // (line, whether it would keep something out)
    for (line, is_guard) in [
        ("PreemptType=preempt/partition_prio", false),
        ("RequeueExit=3", false),
        ("InactiveLimit=30", false),
        ("HealthCheckProgram=/bin/true", false),
        ("PriorityWeightAge=1000", false),
        ("AccountingStorageEnforce=limits", true),
        ("MaxTasksPerNode=4", true),
        ("PartitionName=q Nodes=n1 AllocNodes=login1", true),
        ("PartitionName=q Nodes=n1 ExclusiveUser=YES", true),
        ("PartitionName=q Nodes=n1 Exclusive=USER", true),
        ("PartitionName=q Nodes=n1 TRESBillingWeights=CPU=1.0", false),
    ] {
        let said = findings(line);
        let (grave, words) = match is_guard {
            true => ("warning", "does not enforce it"),
            false => ("note", "does not act on it"),
        };
        assert!(said.iter().any(|it| it.contains(grave) && it.ends_with(words)), "{line}: {said:?}");
    }
    let shared = one("PartitionName=q Nodes=n1 OverSubscribe=FORCE:2");
    assert!(
        shared.ends_with("OverSubscribe=FORCE:2 is not supported by this version: jobs share no cores"),
        "{shared}"
    );
    assert_eq!(findings("PartitionName=q Nodes=n1 OverSubscribe=EXCLUSIVE"), Vec::<String>::new());
}

#[test]
fn partitions_are_checked_against_each_other() {
    assert!(
        one("PartitionName=a Nodes=n1 Default=YES\nPartitionName=b Nodes=n1 Default=YES")
            .contains("default partition changes from a to b")
    );
    assert!(findings("PartitionName=a Nodes=n1 Alternate=zz")[0].contains("names no partition: zz"));
    assert!(
        one("PartitionName=a Nodes=n1 MaxNodes=1 MinNodes=2").contains("MaxNodes of partition a is below its MinNodes")
    );
    assert!(
        findings("PartitionName=a Nodes=n1 MaxMemPerCPU=1 MaxMemPerNode=2")[0]
            .contains("MaxMemPerCPU ignored, since it's mutually exclusive with MaxMemPerNode")
    );
}

#[test]
fn rules_that_are_not_enforced_and_values_without_counterpart_warn() {
    let message = "4:1: warning: JobSubmitPlugins is accepted, but this version does not enforce it";
    assert_eq!(one("JobSubmitPlugins=lua"), message);
    assert!(
        one("AuthType=auth/slurm")
            .contains("error: AuthType=auth/slurm is not supported by this version: use auth/munge")
    );
    assert!(one("TaskPlugin=affinity,cray_aries").contains("warning: TaskPlugin=cray_aries is not supported"));
    assert!(
        one("SchedulerParameters=bf_interval=often")
            .ends_with("bf_interval=often is not a number: the default is used")
    );
    assert!(one("PartitionName=q Nodes=n1 Shared=NO").ends_with("warning: Shared is obsolete: read as OverSubscribe"));
    assert!(
        one("SelectType=select/cons_res")
            .contains("warning: SelectType=select/cons_res is obsolete: select/cons_tres is used")
    );
    assert!(one("FrontendName=fe").contains("warning: FrontendName is obsolete"));
}

#[test]
fn sister_files_are_checked_against_slurm_conf() {
    let slurm = format!("{HEAD}GresTypes=gpu\nPartitionName=p Nodes=n1\n");
    let gres = "NodeName=n[3-4] Name=gpu File=/dev/nvidia[0-1]\nName=gpi\nName=gpu Count=x\nFile=/dev/a\n";
    let topology = "SwitchName=s0 Nodes=n[1-4]\nSwitches=s0\n";
    assert_eq!(
        shown(&read(&[
            ("f", &slurm),
            ("gres.conf", gres),
            ("topology.conf", topology),
            ("cgroup.conf", "Constraincores=1 Foo=2")
        ])),
        [
            "gres.conf:1:10: warning: slurm.conf has no such nodes: n4",
            "gres.conf:2:6: warning: GresTypes of slurm.conf does not name \"gpi\"; did you mean \"gpu\"?",
            "gres.conf:3:16: error: Count value (x) is not a valid number",
            "gres.conf:4:1: error: a line of gres.conf needs a Name",
            "cgroup.conf:1:18: error: Parsing error at unrecognized key: Foo, on a cgroup.conf line",
            "topology.conf:1:21: warning: slurm.conf has no such nodes: n4",
            "topology.conf:2:1: error: a line of topology.conf needs a SwitchName or a BlockName",
        ]
    );
}

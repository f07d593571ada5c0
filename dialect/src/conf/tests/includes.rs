//! Includes: where they are looked up and what bounds them.

use super::*;

const ROOT: &str = "ClusterName=Lin\nSlurmctldHost=h\nNodeName=n\nPartitionName=p Nodes=n\n";

fn findings(list: &[(&str, &str)]) -> Vec<String> {
    shown(&read(list))
}

#[test]
fn relative_includes_stand_beside_the_root_file_and_know_the_cluster() {
    let root = format!("{ROOT}include sub/%c.conf\n");
    let parsed = read(&[
        ("/etc/s/slurm.conf", &root),
        ("/etc/s/sub/lin.conf", "Include deeper.conf\nKillWait=7"),
        ("/etc/s/deeper.conf", "MinJobAge=9"),
    ]);
    let config = parsed.config.expect("no errors");
    assert_eq!((config.kill_wait_s, config.min_job_age_s), (7, 9));
}

#[test]
fn faults_in_an_include_name_its_file() {
    let root = format!("{ROOT}include a.conf\n");
    let list = findings(&[("/e/slurm.conf", &root), ("/e/a.conf", "\n Foo=1")]);
    assert_eq!(list, ["/e/a.conf:2:2: error: Parsing error at unrecognized key: Foo"]);
    let list = findings(&[("/e/slurm.conf", &root)]);
    assert_eq!(list, ["/e/slurm.conf:5:9: error: cannot read /e/a.conf: not part of this configuration version"]);
}

#[test]
fn loops_and_multiplying_includes_end() {
    let list = findings(&[("/e/slurm.conf", &format!("{ROOT}include slurm.conf"))]);
    assert_eq!(list, ["/e/slurm.conf:5:9: error: /e/slurm.conf includes itself"]);
    let many = "include b\n".repeat(100);
    let more = "include c\n".repeat(100);
    let list = findings(&[("slurm.conf", &format!("{ROOT}{many}")), ("b", &more), ("c", "")]);
    assert!(list.iter().any(|line| line.ends_with("error: more than 256 includes")));
    assert!(
        findings(&[("f", "include %c")])
            .contains(&"f:1:9: error: %c in an Include needs a ClusterName above it".to_string())
    );
}

#[test]
fn a_closure_is_a_source() {
    let source = |path: &str| if path == "f" { Ok(ROOT.to_string()) } else { Err("No such file".to_string()) };
    assert!(parse(&source, "f").config.is_some());
}

#[test]
fn a_client_reads_keys_alone_and_still_hears_of_their_faults() {
    let globals = |text: &str| parse_globals(&Stored(&files(&[("/s", text), ("/gres.conf", "nonsense")])), "/s");
    let parsed = globals("ClusterName=c\nSlurmctldHost=a\nMaxArraySize=7\nNodeName=n[1-\nPartitionName=\n");
    let config = parsed.config.expect("lines of nodes and partitions are not read");
    assert_eq!((config.max_array_size, config.nodes.len(), parsed.files.len()), (7, 0, 1));
    let faulty = "ClusterName=c\nSlurmctldHost=a\nMaxArraySize=x\nNoSuchKey=1\n";
    let errors = |parsed: &Parsed| {
        let errors = parsed.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        errors.map(ToString::to_string).collect::<Vec<_>>()
    };
    let parsed = globals(faulty);
    assert_eq!(parsed.config, None);
    assert_eq!(errors(&parsed), errors(&read(&[("/s", faulty)])));
}

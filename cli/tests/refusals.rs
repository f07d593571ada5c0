//! Command lines that are refused before a cluster is asked: exit code, output and errors, to the letter.

use std::path::Path;
use std::process::{Command, Stdio};

const CASES: &str = include_str!("refusals.tsv");
const CONFIGURATION: &str = "ClusterName=c\nSlurmctldHost=ctl(127.0.0.1)\nSlurmctldPort=1\nAuthType=auth/none\n\
                             NodeName=n[1-4] CPUs=4\nPartitionName=debug Nodes=ALL Default=YES\n";

fn write_files(directory: &Path) {
    let huge = format!("#!/bin/sh\n{}", "#".repeat(5_000_000));
    for (name, text) in [
        ("slurm.conf", CONFIGURATION),
        ("ok.sh", "#!/bin/sh\ntrue\n"),
        ("blank.sh", "  \n\n"),
        ("plain.sh", "true\n"),
        ("dos.sh", "#!/bin/sh\r\ntrue\r\n"),
        ("nul.sh", "#!/bin/sh\n\0\n"),
        ("huge.sh", &huge),
        ("directive.sh", "#!/bin/sh\n#SBATCH --nosuch=1\n"),
        ("words.sh", "#!/bin/sh\n#SBATCH -t 5 extra\n"),
        ("value.sh", "#!/bin/sh\n#SBATCH -n xyz\n"),
    ] {
        std::fs::write(directory.join(name), text).expect("the directory is ours");
    }
}

fn run(directory: &Path, line: &str) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_muster"))
        .args(line.split_whitespace())
        .current_dir(directory)
        .env_clear()
        .env("SLURM_CONF", directory.join("slurm.conf"))
        .stdin(Stdio::null())
        .output()
        .expect("the program was built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[test]
fn command_lines_are_refused_as_slurm_refuses_them() {
    let directory = tempfile::tempdir().expect("a directory");
    write_files(directory.path());
    let mut wrong = Vec::new();
    for case in CASES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let fields: Vec<&str> = case.split('\t').collect();
        let [line, code, stdout, stderr] = fields[..] else { panic!("four fields: {case}") };
        let unfold = |text: &str| text.replace('~', "\n");
        let expected = (code.parse().expect("a number"), unfold(stdout), unfold(stderr));
        let found = run(directory.path(), line);
        if found != expected {
            wrong.push(format!("{line}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_a_configuration_nothing_is_done() {
    let directory = tempfile::tempdir().expect("a directory");
    let (code, stdout, stderr) = run(directory.path(), "scancel 1");
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.ends_with("scancel: fatal: Could not establish a configuration source\n"), "{stderr}");
}

#[test]
fn the_version_needs_no_configuration() {
    let directory = tempfile::tempdir().expect("a directory");
    assert_eq!(run(directory.path(), "sbatch --version").1, "slurm 26.05.0\n");
    assert!(run(directory.path(), "--version").1.starts_with("slurm 26.05.0 (muster "));
}

/// In a container the session may belong to a process outside, whose id the kernel gives as 0.
#[test]
fn a_session_of_another_pid_namespace_is_no_hindrance() {
    let directory = tempfile::tempdir().expect("a directory");
    write_files(directory.path());
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child"])
        .arg(env!("CARGO_BIN_EXE_muster"))
        .args(["sbatch", "--array=1-", "ok.sh"])
        .current_dir(directory.path())
        .env("SLURM_CONF", directory.path().join("slurm.conf"))
        .stdin(Stdio::null())
        .output()
        .expect("unshare(1) of util-linux");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text, "sbatch: error: Batch job submission failed: Invalid job array specification\n");
}

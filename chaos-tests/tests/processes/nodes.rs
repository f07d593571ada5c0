//! Node daemons that die, and some that are not who they say.

use std::io::{Read, Write};
use std::process::Stdio;

use crate::site::Site;

#[test]
fn a_step_goes_on_while_its_node_daemon_is_killed_and_started_again() {
    let mut site = Site::start(1, 1);
    let (proof, began, may_end) = (site.path("proof"), site.path("began"), site.path("may_end"));
    for fifo in [&began, &may_end] {
        nix::unistd::mkfifo(fifo, nix::sys::stat::Mode::S_IRWXU).expect("the temporary directory is ours");
    }
    let text = "echo >{began}; read line <{may_end}; echo done >>{proof}";
    let script = ["began", "may_end", "proof"].iter().fold(text.to_owned(), |text, name| {
        text.replace(&format!("{{{name}}}"), &site.path(name).display().to_string())
    });
    let id = site.run("sbatch", &["--parsable", "-o", "/dev/null", "--wrap", &script]);
    let id = id.trim();
    // Opening a pipe waits for the other end: the script runs.
    std::fs::read(&began).expect("the script writes it");
    site.kill("n1");
    site.start_node("n1");
    std::fs::write(&may_end, "now\n").expect("the script reads it");
    crate::site::eventually("it ended", || site.run("scontrol", &["show", "job", id]).contains("JobState=COMPLETED"));
    assert_eq!(std::fs::read_to_string(proof).expect("the script wrote it"), "done\n");
    assert!(site.run("scontrol", &["show", "job", id]).contains("Restarts=0"));
}

#[test]
fn work_ends_with_its_lease_although_its_node_daemon_was_killed_and_is_requeued_then() {
    let mut site = Site::empty();
    site.configure("slurm.conf", 1, "spool", "AuthType=auth/none\nCredType=cred/none\nSlurmdTimeout=2\n");
    site.write("fence.conf", "ProofOfDeath=lease LeaseSec=2\n");
    site.bring_up(1, 1);
    assert!(site.run("scontrol", &["show", "config"]).contains("ProofOfDeath            = lease\n"));
    let began = site.path("began");
    nix::unistd::mkfifo(&began, nix::sys::stat::Mode::S_IRWXU).expect("the temporary directory is ours");
    let script = format!("trap '' TERM; echo $$ >{}; while :; do sleep 1; done", began.display());
    let id = site.run("sbatch", &["--parsable", "-o", "/dev/null", "--wrap", &script]);
    let id = id.trim();
    // Opening a pipe waits for the other end: the script runs.
    let pid = std::fs::read_to_string(&began).expect("the script writes it");
    let process = std::path::Path::new("/proc").join(pid.trim());
    site.kill("n1");
    assert!(process.exists(), "it outlives the daemon");
    crate::site::eventually("its supervisor ended it", || !process.exists());
    crate::site::eventually("it is requeued", || site.run("scontrol", &["show", "job", id]).contains("Restarts=1"));
    site.daemon("c1").says("what ran on a lost node is over, by time");
    site.start_node("n1");
    crate::site::eventually("the same boot serves", || site.run("sinfo", &["-h", "-o", "%t"]).contains("idle"));
}

#[test]
fn another_machine_under_a_pinned_name_is_refused() {
    let mut site = Site::start(1, 1);
    site.start_impostor("n1");
    site.daemon("impostor").says("another machine");
    assert!(site.run("sinfo", &["-h", "-o", "%t"]).contains("idle"), "the real one serves on");
}

#[test]
fn a_node_of_another_cluster_is_refused() {
    let mut site = Site::start(1, 0);
    let text = std::fs::read_to_string(site.path("slurm.conf")).expect("it was written");
    site.write("other.conf", &text.replace("ClusterName=proc", "ClusterName=other"));
    let conf = site.path("other.conf").display().to_string();
    site.start_node_with("n1", &["-f", &conf]);
    site.daemon("n1").says("another cluster");
    assert!(!site.run("sinfo", &["-h", "-o", "%t"]).contains("idle"));
    site.kill("n1");
}

#[test]
fn a_node_daemon_takes_on_a_changed_slurm_conf_by_a_signal_and_the_controller_says_that_it_differs() {
    let mut site = Site::start(1, 0);
    let conf = std::fs::read_to_string(site.path("slurm.conf")).expect("it was written");
    site.write("node.conf", &format!("# a copy\n{conf}"));
    let own = site.path("node.conf").display().to_string();
    site.start_node_with("n1", &["-v", "-f", &own]);
    crate::site::eventually("it is idle", || site.run("sinfo", &["-h", "-o", "%t"]).contains("idle"));
    assert!(!site.daemon("c1").said().contains("different slurm.conf"));

    let proof = site.path("prolog-ran").display().to_string();
    site.write("prolog", &format!("#!/bin/sh\necho yes >{proof}\n"));
    let prolog = site.path("prolog").display().to_string();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&prolog, mode).expect("it is ours");
    site.write("node.conf", &format!("{conf}Prolog={prolog}\nSlurmdDebug=debug\n"));
    hang_up(&mut site);
    site.daemon("n1").says("when this daemon is started again, steps go on meanwhile: SlurmdDebug");
    site.daemon("c1").says("Node n1 appears to have a different slurm.conf than the slurmctld.");
    site.run("timeout", &["60", "srun", "true"]);
    assert_eq!(std::fs::read_to_string(&proof).expect("the new prolog ran"), "yes\n");

    site.write("node.conf", &format!("{conf}NoSuchKey=1\n"));
    hang_up(&mut site);
    site.daemon("n1").says("nothing is changed");
    site.run("timeout", &["60", "srun", "true"]);
}

/// SIGHUP to n1.
fn hang_up(site: &mut Site) {
    let process = nix::unistd::Pid::from_raw(site.daemon("n1").child.id() as i32);
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGHUP).expect("it is ours");
}

#[test]
fn no_input_of_a_step_is_lost_or_doubled_while_its_node_daemon_is_killed_and_started_again() {
    let mut site = Site::start(1, 1);
    let sent: String = (0..200_000).map(|line| format!("{line}\n")).collect();
    let (first, rest) = sent.split_at(sent.len() / 2);
    let mut command = site.command("timeout");
    command.args(["100", "srun", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut srun = command.spawn().expect("timeout is installed");
    let (mut input, mut output) = (srun.stdin.take().expect("piped"), srun.stdout.take().expect("piped"));
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).map(|_| text)
    });
    input.write_all(first.as_bytes()).expect("srun reads");
    site.kill("n1");
    site.start_node("n1");
    input.write_all(rest.as_bytes()).expect("srun reads on");
    drop(input);
    assert!(srun.wait().expect("it is ours").success());
    let heard = reader.join().expect("it does not panic").expect("srun writes text");
    assert!(heard == sent, "{} bytes of {} came back", heard.len(), sent.len());
}

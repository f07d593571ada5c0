//! The same promises against real processes: the daemons as built, RocksDB, loopback, `kill -9`.
//!
//! The binaries are those of `cargo build` (or of `MUSTER_BIN_DIR`); without them there is nothing to try, and the tests
//! say so. Credentials are `auth/none`, which daemons allow on loopback only.

mod site;

use site::{Site, eventually};

/// Submits around a killed leader.
const SUBMITS: usize = 24;

#[test]
fn killing_the_leader_while_jobs_are_submitted_loses_and_doubles_none() {
    let Some(mut site) = Site::start(3, 0) else { return };
    let mut told = Vec::new();
    for number in 0..SUBMITS {
        if number == SUBMITS / 3 {
            let leader = site.leader();
            site.kill(&leader);
        }
        let said = site.run("sbatch", &["--parsable", "-H", "-J", &format!("job{number}"), "--wrap", "true"]);
        told.push(format!("{} job{number}", said.trim()));
    }
    let mut listed: Vec<String> =
        site.run("squeue", &["-h", "-o", "%i %j"]).lines().map(|line| line.trim().to_owned()).collect();
    listed.sort();
    told.sort();
    assert_eq!(listed, told);
}

#[test]
fn a_power_cut_of_every_controller_loses_no_job() {
    let Some(mut site) = Site::start(3, 0) else { return };
    let told = site.run("sbatch", &["--parsable", "-H", "--wrap", "true"]);
    for name in ["c1", "c2", "c3"] {
        site.kill(name);
    }
    for name in ["c1", "c2", "c3"] {
        site.start_controller(name);
    }
    eventually("the job is listed again", || {
        site.try_run("squeue", &["-h", "-o", "%i"]).is_ok_and(|listed| listed == told)
    });
}

#[test]
fn a_step_goes_on_while_its_node_daemon_is_killed_and_started_again() {
    let Some(mut site) = Site::start(1, 1) else { return };
    let proof = site.path("proof");
    let script = format!("sleep 2; echo done >> {}", proof.display());
    let id = site.run("sbatch", &["--parsable", "-o", "/dev/null", "--wrap", &script]);
    let id = id.trim();
    eventually("it runs", || site.run("squeue", &["-h", "-o", "%t"]).trim() == "R");
    site.kill("n1");
    site.start_node("n1");
    eventually("it ended", || site.run("scontrol", &["show", "job", id]).contains("JobState=COMPLETED"));
    assert_eq!(std::fs::read_to_string(proof).expect("the script wrote it"), "done\n");
    assert!(site.run("scontrol", &["show", "job", id]).contains("Restarts=0"));
}

#[test]
fn a_controller_refuses_the_store_of_another() {
    let Some(mut site) = Site::start(3, 0) else { return };
    site.kill("c1");
    site.kill("c2");
    let foreign = site.path("state/proc/c2");
    let said = site.fails("muster-controller", &["-D", "--name", "c1", "--state-dir", &foreign.display().to_string()]);
    assert!(said.contains("the store belongs to replica c2, this controller is c1"), "{said}");
}

#[test]
fn another_machine_under_a_pinned_name_is_refused() {
    let Some(mut site) = Site::start(1, 1) else { return };
    site.start_impostor("n1");
    eventually("it is told", || site.log("impostor").contains("another machine"));
    assert!(site.run("sinfo", &["-h", "-o", "%t"]).contains("idle"), "the real one serves on");
}

#[test]
fn a_full_disk_ends_the_controller_naming_file_and_cause() {
    let Some(mut site) = Site::with_state_of(1, 0, Some("24m")) else { return };
    let script = site.path("large.sh");
    let noise: String =
        (0..350_000u64).map(|at| char::from(b'a' + (at.wrapping_mul(at ^ 0x9e37_79b9) >> 7) as u8 % 26)).collect();
    for number in 0..200 {
        std::fs::write(&script, format!("#!/bin/sh\n# {number}{noise}{number}\n"))
            .expect("the temporary directory has room");
        if site.has_ended("c1") {
            break;
        }
        let _ = site.try_run("timeout", &["5", "sbatch", "-H", &script.display().to_string()]);
    }
    eventually("it ended", || site.has_ended("c1"));
    let said = site.log("c1");
    assert!(said.contains("No space left on device") && said.contains(".log"), "{said}");
}

//! Controllers that die or stand still.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::site::{Site, eventually};

/// Submits around a killed leader.
const SUBMITS: usize = 24;

#[test]
fn killing_the_leader_while_jobs_are_submitted_loses_and_doubles_none() {
    let mut site = Site::start(3, 0);
    let mut told = Vec::new();
    for number in 0..SUBMITS {
        if number == SUBMITS / 3 {
            let leader = site.leader();
            site.kill(&leader);
        }
        told.push(submit(&site, &format!("job{number}")));
    }
    assert_eq!(listed(&site), sorted(told));
}

#[test]
fn a_power_cut_of_every_controller_loses_no_job() {
    let mut site = Site::start(3, 0);
    let told = submit(&site, "a");
    for name in ["c1", "c2", "c3"] {
        site.kill(name);
    }
    for name in ["c1", "c2", "c3"] {
        site.start_controller(name);
    }
    eventually("the job is listed again", || {
        site.try_run("squeue", &["-h", "-o", "%i %j"]).is_ok_and(|said| said.trim() == told)
    });
}

#[test]
fn a_leader_that_stood_still_comes_back_as_a_follower_and_shows_nothing_old() {
    let mut site = Site::start(3, 0);
    let first = submit(&site, "first");
    let zombie = site.leader();
    let process = Pid::from_raw(i32::try_from(site.daemon(&zombie).child.id()).expect("a pid is small"));
    kill(process, Signal::SIGSTOP).expect("it is ours");
    let second = submit(&site, "second");
    kill(process, Signal::SIGCONT).expect("it is ours");
    // Asked of the zombie by itself: a configuration that knows no other controller.
    let text = std::fs::read_to_string(site.path("slurm.conf")).expect("it was written");
    let alone: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("SlurmctldHost=") || line.contains(&format!("={zombie}(")))
        .collect();
    site.write("alone.conf", &(alone.join("\n") + "\n"));
    let mut said = String::new();
    eventually("it answers again", || {
        let mut command = site.command("squeue");
        command.args(["-h", "-o", "%i %j"]).env("SLURM_CONF", site.path("alone.conf"));
        said = crate::site::finish(&mut command).unwrap_or_default();
        !said.is_empty()
    });
    let mut shown: Vec<String> = said.lines().map(|line| line.trim().to_owned()).collect();
    shown.sort();
    assert_eq!(shown, sorted(vec![first, second]), "its first answer is of the newest state");
    assert_ne!(site.leader(), zombie);
    eventually("it follows", || site.voters() == 3);
}

/// "ID NAME"
fn submit(site: &Site, name: &str) -> String {
    let said = site.run("sbatch", &["--parsable", "-H", "-J", name, "--wrap", "true"]);
    format!("{} {name}", said.trim())
}

fn listed(site: &Site) -> Vec<String> {
    sorted(site.run("squeue", &["-h", "-o", "%i %j"]).lines().map(|line| line.trim().to_owned()).collect())
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

//! What only whole commands show: big submissions, questions asked of the user, steps ended by hand, terminals.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::site::{Site, eventually};

/// More than goes inside of a request: the text is sent ahead, in parts.
const SCRIPT_BYTES: usize = 1_300_000;
const VARIABLE_BYTES: usize = 100_000;

fn states(site: &Site, job: &str) -> String {
    site.run("squeue", &["-h", "-t", "all", "-j", job, "-o", "%T"]).trim().to_owned()
}

#[test]
fn a_script_and_an_environment_larger_than_a_request_arrive_whole() {
    let site = Site::start(1, 1);
    let filler = "# a line that says nothing, and takes room\n".repeat(SCRIPT_BYTES / 43);
    let script = format!("#!/bin/sh\n{filler}echo ${{#BIG_7}} >told\n");
    site.write("big.sh", &script);
    let mut submit = site.command("sbatch");
    submit.args(["--parsable", "-W", "-o", "/dev/null", "big.sh"]);
    for number in 0..8 {
        submit.env(format!("BIG_{number}"), "x".repeat(VARIABLE_BYTES));
    }
    let output = submit.output().expect("it was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let job = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let told = std::fs::read_to_string(site.path("told")).expect("the script ran to its end");
    assert_eq!(told.trim(), VARIABLE_BYTES.to_string());
    assert!(site.run("scontrol", &["write", "batch_script", &job, "-"]) == script, "it reads back as it was");
}

#[test]
fn scancel_i_asks_for_each_job_and_does_what_is_answered() {
    let site = Site::start(1, 1);
    let held = || site.run("sbatch", &["--parsable", "-H", "-J", "wait", "--wrap", "true"]).trim().to_owned();
    let (kept, ended) = (held(), held());
    let mut cancel = site.command("scancel");
    cancel.args(["-i", &kept, &ended]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut cancel = cancel.spawn().expect("it was built");
    cancel.stdin.take().expect("it is a pipe").write_all(b"no\nY\n").expect("it reads");
    let output = cancel.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let asked = |job: &str| format!("Cancel job_id={job} name=wait partition=debug [y/n]? ");
    assert_eq!(String::from_utf8_lossy(&output.stdout), asked(&kept) + &asked(&ended));
    assert_eq!((states(&site, &kept).as_str(), states(&site, &ended).as_str()), ("PENDING", "CANCELLED"));
}

#[test]
fn a_step_that_is_cancelled_is_killed_and_a_job_is_asked_to_end() {
    let site = Site::start(1, 1);
    for (suffix, code, word) in [(".0", 137, "Killed"), ("", 143, "Terminated")] {
        let mut srun = site.command("srun");
        let script = format!("echo $SLURM_JOB_ID >started{code}; exec sleep 600");
        srun.args(["sh", "-c", &script]).stderr(Stdio::piped());
        let srun = srun.spawn().expect("it was built");
        let mut job = String::new();
        eventually("the task runs", || {
            job = std::fs::read_to_string(site.path(&format!("started{code}"))).unwrap_or_default().trim().to_owned();
            !job.is_empty()
        });
        site.run("scancel", &[&format!("{job}{suffix}")]);
        let output = srun.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(&format!("*** STEP {job}.0 ON n1 CANCELLED AT ")), "{said}");
        assert!(said.contains(&format!("srun: error: n1: task 0: {word}\n")), "{said}");
    }
}

/// srun on a terminal of its own, and all that the terminal showed.
struct OnTerminal {
    srun: Child,
    terminal: OwnedFd,
    shown: Arc<Mutex<String>>,
}

impl OnTerminal {
    fn start(site: &Site, rows: u16, columns: u16, script: &str) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("the system has terminals");
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("it is ours");
        resize(&terminal, rows, columns);
        let name = ptsname(&terminal, Vec::new()).expect("it has a name").into_string().expect("ASCII");
        let side = || File::options().read(true).write(true).open(&name).expect("it is there");
        let mut srun = site.command("srun");
        srun.args(["--pty", "sh", "-c", script]).stdin(side()).stdout(side()).stderr(side());
        let srun = srun.spawn().expect("it was built");
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut reader, all) = (File::from(terminal.try_clone().expect("descriptors are left")), shown.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Ends when srun has closed its side.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                all.lock().expect("nobody panics").push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Self { srun, terminal, shown }
    }

    fn until(&self, text: &str) {
        eventually(&format!("the terminal shows {text:?}"), || {
            self.shown.lock().expect("nobody panics").contains(text)
        });
    }
}

fn resize(terminal: &OwnedFd, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("it is a terminal");
}

#[test]
fn a_terminal_that_changes_its_size_changes_that_of_the_task() {
    let site = Site::start(1, 1);
    let script = "trap 'stty size; exit 7' WINCH; stty size; echo ready; while :; do sleep 0.05; done";
    let mut on = OnTerminal::start(&site, 24, 80, script);
    on.until("24 80\r\nready\r\n");
    resize(&on.terminal, 40, 101);
    kill(Pid::from_raw(on.srun.id() as i32), Signal::SIGWINCH).expect("it runs");
    on.until("40 101\r\n");
    assert_eq!(on.srun.wait().expect("it ends").code(), Some(7));
}

//! Nothing of a step outlives it, however it hides; and who may say so.

// What fails here fails the test, also in what its functions share.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use muster_proto::durable::EndCause;
use muster_proto::wire::{EndAttempt, order};
use prost::Message;
use support::*;

const STEP_DIR: &str = "steps/100.1.4294967291";

fn end() -> order::Body {
    order::Body::EndAttempt(EndAttempt { cause: EndCause::Exited as i32, ..EndAttempt::default() })
}

/// A script that starts `hiding`, waits until that wrote its pid to `hidden`, and goes on with `then`.
fn script(hiding: &str, then: &str) -> String {
    format!("#!/bin/sh\n{hiding}\nwhile [ ! -s hidden ]; do sleep 0.01; done\n{then}\n")
}

/// Deaf to TERM; writes its pid once it is.
const DEAF: &str = "trap \"\" TERM HUP; echo $$ >hidden.new; mv hidden.new hidden; while :; do /bin/sleep 1; done";

fn lives(place: &Place) -> bool {
    let pid = fs::read_to_string(place.work().join("hidden")).unwrap();
    // What init has not reaped yet is dead.
    let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn gone(pid: i32) -> bool {
    !Path::new("/proc").join(pid.to_string()).exists()
}

fn is_zombie(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

fn exit_record(place: &Place) -> muster_noded::stepd::wire::ExitRecord {
    let bytes = fs::read(place.spool().join(STEP_DIR).join("exit")).unwrap();
    Message::decode(&bytes[..]).unwrap()
}

async fn launched(place: &Place, script: &str) -> (Leader, Node) {
    let mut leader = Leader::start().await;
    let node = place.start(&leader).await;
    leader.order(100, 1, hold(&place.work())).await;
    leader.held().await;
    leader.order(100, 1, order::Body::LaunchStep(batch(&place.work(), script))).await;
    (leader, node)
}

/// Runs a job that leaves something behind, and looks whether it is gone when the job's exit is reported.
async fn nothing_is_left_of(hiding: &str) {
    let place = Place::new();
    let (mut leader, node) = launched(&place, &script(hiding, "exit 4")).await;
    assert_eq!(leader.exit().await.wait_status, 0x400);
    assert!(!lives(&place), "it outlived its job: {hiding}");
    assert!(exit_record(&place).empty);
    leader.order(100, 1, end()).await;
    leader.released().await;
    node.stop().await;
}

#[tokio::test]
async fn a_daemonised_grandchild_ends_with_its_job() {
    nothing_is_left_of(&format!("( ( /bin/sh -c '{DEAF}' & ) & )")).await;
}

#[tokio::test]
async fn a_session_of_its_own_ends_with_its_job() {
    nothing_is_left_of(&format!("setsid /bin/sh -c 'setsid /bin/sh -c \"$0\" &' '{DEAF}' &")).await;
}

#[tokio::test]
async fn a_process_without_files_and_environment_ends_with_its_job() {
    nothing_is_left_of(&format!("( setsid env -i /bin/sh -c 'exec <&- >&- 2>&-; {DEAF}' & )")).await;
}

#[tokio::test]
async fn a_bush_of_processes_ends_with_its_job() {
    let bush = "(for i in 1 2 3 4 5 6 7 8; do (setsid sh -c 'sleep 1000 & sleep 1000 & sleep 1000') & done)";
    nothing_is_left_of(&format!("{bush} & ( /bin/sh -c '{DEAF}' & )")).await;
}

#[tokio::test]
async fn an_orphan_of_a_subreaper_in_the_job_ends_with_its_job() {
    if !Path::new("/usr/bin/perl").exists() {
        return;
    }
    // prctl(PR_SET_CHILD_SUBREAPER): what it leaves behind comes to the supervisor only when it dies itself.
    let subreaper = format!(
        "perl -e 'syscall(157, 36, 1); if (!fork) {{ if (!fork) {{ exec @ARGV }} exit }} sleep 1000' \
                             /bin/sh -c '{DEAF}' &"
    );
    nothing_is_left_of(&subreaper).await;
}

fn supervisor(place: &Place) -> i32 {
    let dir = fs::canonicalize(place.spool().join(STEP_DIR)).unwrap();
    let is_it = |pid: &PathBuf| {
        fs::read_link(pid.join("cwd")).is_ok_and(|cwd| cwd == dir)
            && fs::read(pid.join("cmdline")).is_ok_and(|line| line.windows(5).any(|word| word == b"stepd"))
    };
    let pids = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let pid = pids.filter(|path| path.join("stat").exists()).find(is_it).expect("a supervisor");
    pid.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_killed_supervisor_proves_nothing_and_its_tasks_are_looked_for() {
    let place = Place::new();
    let (mut leader, node) = launched(&place, &script(&format!("( /bin/sh -c '{DEAF}' & )"), "sleep 1000")).await;
    leader.started().await;
    until("it hides", || place.work().join("hidden").exists()).await;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervisor(&place)), nix::sys::signal::Signal::SIGKILL).unwrap();
    let exit = leader.exit().await;
    assert_eq!((exit.wait_status, &exit.error[..]), (9, "the step's supervisor was killed"));
    assert!(!lives(&place), "they are ended before the exit is told");
    leader.order(100, 1, end()).await;
    leader.released().await;
    assert!(!lives(&place));
    node.stop().await;
}

#[tokio::test]
async fn a_damaged_exit_record_proves_nothing() {
    let place = Place::new();
    let hiding = format!("( /bin/sh -c '{DEAF}' & )");
    let (mut leader, node) = launched(&place, &script(&hiding, "sleep 1000")).await;
    leader.started().await;
    until("it hides", || place.work().join("hidden").exists()).await;
    node.stop().await;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervisor(&place)), nix::sys::signal::Signal::SIGKILL).unwrap();
    fs::write(place.spool().join(STEP_DIR).join("exit"), [0x28]).unwrap();
    until("the supervisor is gone", || {
        let lock = fs::File::open(place.spool().join(STEP_DIR).join("lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
    })
    .await;
    let node = place.start(&leader).await;
    assert!(!leader.exit().await.error.is_empty());
    leader.order(100, 1, end()).await;
    leader.released().await;
    assert!(!lives(&place));
    node.stop().await;
}

#[tokio::test]
async fn what_a_killed_supervisor_leaves_is_found_without_environment_and_session() {
    let place = Place::new();
    let hiding = format!("( setsid env -i /bin/sh -c 'exec <&- >&- 2>&-; {DEAF}' & )");
    let (mut leader, node) = launched(&place, &script(&hiding, "sleep 1000")).await;
    leader.started().await;
    until("it hides", || place.work().join("hidden").exists()).await;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervisor(&place)), nix::sys::signal::Signal::SIGKILL).unwrap();
    leader.exit().await;
    assert!(!lives(&place));
    leader.order(100, 1, end()).await;
    leader.released().await;
    node.stop().await;
}

#[tokio::test]
async fn a_task_without_environment_is_found_by_its_session_when_daemon_and_supervisor_died() {
    let place = Place::new();
    let hiding = format!("( env -i /bin/sh -c '{DEAF}' & )");
    let (mut leader, node) = launched(&place, &script(&hiding, "sleep 1000")).await;
    leader.started().await;
    until("it hides", || place.work().join("hidden").exists()).await;
    node.stop().await;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervisor(&place)), nix::sys::signal::Signal::SIGKILL).unwrap();
    until("the supervisor is gone", || {
        let lock = fs::File::open(place.spool().join(STEP_DIR).join("lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
    })
    .await;
    let node = place.start(&leader).await;
    assert!(!leader.exit().await.error.is_empty());
    leader.order(100, 1, end()).await;
    leader.released().await;
    assert!(!lives(&place));
    node.stop().await;
}

#[tokio::test]
async fn steps_of_a_lost_spool_are_ended_before_the_node_registers_again() {
    let place = Place::new();
    let hiding = format!("( setsid env -i /bin/sh -c 'exec <&- >&- 2>&-; {DEAF}' & )");
    let (mut leader, node) = launched(&place, &script(&hiding, "sleep 1000")).await;
    leader.started().await;
    until("it hides", || place.work().join("hidden").exists()).await;
    node.stop().await;
    let pid = supervisor(&place);
    fs::remove_dir_all(place.spool()).unwrap();
    let node = place.start(&leader).await;
    assert!(!lives(&place));
    // It was killed, and lets go of its directory, by which it was found, a moment before it is a zombie.
    until("the supervisor is dead", || is_zombie(pid) || gone(pid)).await;
    node.stop().await;
}

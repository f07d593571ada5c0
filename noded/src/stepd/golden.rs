//! Golden bytes of what noded and supervisors write and say: a noded that was upgraded reads what supervisors of the version before
//! left and say, and they what it says. Lines stay for as long as a step may live.

use std::path::Path;

use muster_model::agent::{AttemptKey, StepKey};
use muster_proto::durable::Usage;
use muster_proto::golden::{Sample, breaches};
use muster_proto::wire::{
    AttachStep, FromTasks, Hold, Input, LaunchStep, PidInfo, TaskStarted, ToTasks, from_tasks, to_tasks,
};

use super::paths;
use super::wire::{End, ExitRecord, FromStep, Launch, Pids, Signal, ToStep, from_step, to_step};

const GOLDEN: &str = include_str!("golden.tsv");

fn launch() -> Launch {
    Launch {
        uid: 7,
        attempt: 2,
        step: 3,
        order: Some(Box::new(LaunchStep { step_position: 10, ..LaunchStep::default() })),
        hold: Some(Box::new(Hold { time_limit_s: 60, ..Hold::default() })),
        node_name: "n1".into(),
        spool: "/s".into(),
        slurm_conf: "/c".into(),
        task_prolog: "/p".into(),
        task_epilog: "/e".into(),
        attach_wait_ms: 11,
        resume_wait_ms: 12,
        unkillable_s: 13,
        host_name: "h".into(),
        mark: "m".into(),
        lease_until_ms: 16,
    }
}

fn exit() -> ExitRecord {
    let usage = Some(Usage::default());
    let drain_reason = "d".into();
    ExitRecord { wait_status: 256, end_ms: 5, error: "e".into(), usage, empty: true, lease_over: true, drain_reason }
}

fn pids() -> Pids {
    Pids { pids: vec![PidInfo { pid: 41, ..PidInfo::default() }] }
}

fn to_step() -> Vec<Sample> {
    use to_step::Body;
    let signal = Signal { signal: 10, batch_only: true };
    let end = End { cause: 1, kill_wait_s: 30, whole: true, at_once: true };
    let attach = AttachStep { resume_after: 5, ..AttachStep::default() };
    let tasks = ToTasks { body: Some(to_tasks::Body::Input(Input { seq: 9, ..Input::default() })) };
    let say = |name, body| Sample::alternative(name, &ToStep { body: Some(body) });
    vec![
        Sample::of(&signal),
        Sample::of(&end),
        say("Watch", Body::Watch(true)),
        say("Signal", Body::Signal(signal)),
        say("End", Body::End(end)),
        say("Kill", Body::Kill(true)),
        say("Attach", Body::Attach(attach)),
        say("Tasks", Body::Tasks(tasks)),
        say("ListPids", Body::ListPids(true)),
    ]
}

fn from_step() -> Vec<Sample> {
    use from_step::Body;
    let started = from_tasks::Body::TaskStarted(TaskStarted { task: 1, pid: 2 });
    let tasks = FromTasks { seq: 9, body: Some(started), input_taken: 4 };
    let say = |name, body| Sample::alternative(name, &FromStep { body: Some(body) });
    vec![
        say("Started", Body::Started(true)),
        say("Exited", Body::Exited(exit())),
        say("Tasks", Body::Tasks(tasks)),
        say("Pids", Body::Pids(pids())),
    ]
}

#[test]
fn bytes_of_every_version_are_read_and_written_as_they_were() {
    let mut samples = vec![Sample::of(&launch()), Sample::of(&exit()), Sample::of(&pids())];
    samples.extend(to_step().into_iter().chain(from_step()));
    let breaches = breaches(GOLDEN, &samples);
    assert!(breaches.is_empty(), "docs/checklists.md says what to do:\n{}", breaches.join("\n"));
}

#[test]
fn what_lies_where_in_the_spool_stays() {
    let attempt = AttemptKey { uid: 7, attempt: 2 };
    let (spool, step) = (Path::new("/s"), StepKey { attempt, step: 3 });
    assert_eq!(paths::step(spool, step).to_str(), Some("/s/steps/7.2.3"));
    let names = [paths::LAUNCH, paths::LOCK, paths::SOCKET, paths::EXIT, paths::LOG, paths::LEASE];
    assert_eq!(names, ["launch", "lock", "socket", "exit", "log", "lease"]);
    assert_eq!((paths::MARKER, &*paths::marker("m", step)), ("MUSTER_STEP", "m/7.2.3"));
}

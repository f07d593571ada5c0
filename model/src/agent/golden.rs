//! Golden bytes of the journal's records: a node daemon reads what its predecessor wrote. They stay for ever.

use muster_proto::durable::Usage;
use muster_proto::golden::{Sample, breaches};
use muster_proto::wire;

use super::row::{ForgottenRow, RegistrationRow};
use super::{AttemptRow, EndingRow, ExitRow, Phase, Record, ReportRow, StepRow, record::Body};

const GOLDEN: &str = include_str!("golden.tsv");

fn exit() -> ExitRow {
    let usage = Some(Usage::default());
    ExitRow { wait_status: 256, end_ms: 5, error: "e".into(), usage, drain_reason: "d".into() }
}

fn step() -> StepRow {
    StepRow {
        step: 3,
        started: true,
        exit: Some(exit()),
        launched_ms: 4,
        time_limit_s: 60,
        timed_out: true,
        kill_at_ms: 6,
        leased: false,
    }
}

fn report() -> ReportRow {
    ReportRow { report: Some(Box::new(wire::Report { seq: 8, body: None })), acked: true }
}

fn attempt() -> AttemptRow {
    AttemptRow {
        uid: 7,
        attempt: 2,
        phase: Phase::Released as i32,
        hold: Some(Box::new(wire::Hold { time_limit_s: 60, ..wire::Hold::default() })),
        steps: vec![step()],
        ending: Some(EndingRow { cause: 1, kill_wait_s: 30, at_once: false }),
        time_limit_s: 60,
        running_since_ms: 4,
        warned: true,
        timed_out: true,
        drain_reason: "d".into(),
        reports: vec![report()],
        done: vec![0, 1],
        unproven: true,
    }
}

fn leased() -> AttemptRow {
    let steps = vec![StepRow { step: 3, leased: true, ..StepRow::default() }];
    let ending = Some(EndingRow { cause: 1, kill_wait_s: 30, at_once: true });
    AttemptRow { uid: 7, attempt: 2, phase: 5, steps, ending, ..AttemptRow::default() }
}

fn records() -> Vec<Sample> {
    let authority = wire::Authority { cluster_id: vec![1; 2].into(), generation: 2, term: 3 };
    let record = |name, body| Sample::alternative(name, &Record { next_seq: 9, body: Some(body) });
    vec![
        record("Authority", Body::Authority(authority)),
        record("Registration", Body::Registration(RegistrationRow { node: 4, epoch: 5, lease_ms: 0 })),
        record("Attempt", Body::Attempt(Box::new(attempt()))),
        record("Forgotten", Body::Forgotten(ForgottenRow { uid: 7, attempt: 2 })),
        record("Boot", Body::Boot("b".into())),
        record("leased_registration", Body::Registration(RegistrationRow { node: 4, epoch: 5, lease_ms: 1_000 })),
        record("leased_attempt", Body::Attempt(Box::new(leased()))),
    ]
}

fn rows() -> Vec<Sample> {
    vec![
        Sample::of(&RegistrationRow { node: 4, epoch: 5, lease_ms: 1_000 }),
        Sample::of(&ForgottenRow { uid: 7, attempt: 2 }),
        Sample::of(&attempt()),
        Sample::of(&StepRow { leased: true, ..step() }),
        Sample::of(&exit()),
        Sample::of(&EndingRow { cause: 1, kill_wait_s: 30, at_once: true }),
        Sample::of(&report()),
    ]
}

#[test]
fn bytes_of_every_version_are_read_and_written_as_they_were() {
    let samples: Vec<Sample> = records().into_iter().chain(rows()).collect();
    let breaches = breaches(GOLDEN, &samples);
    assert!(breaches.is_empty(), "docs/checklists.md says what to do:\n{}", breaches.join("\n"));
}

#[test]
fn numbers_of_phases_stay() {
    let phases = [
        Phase::Prologue,
        Phase::Held,
        Phase::Ending,
        Phase::Emptying,
        Phase::Epilogue,
        Phase::Released,
        Phase::Refused,
    ];
    assert_eq!(phases.map(|phase| phase as i32), [0, 1, 2, 3, 4, 5, 6]);
}

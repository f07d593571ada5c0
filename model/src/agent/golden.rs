//! Golden bytes of the journal's records: a node daemon reads what its predecessor wrote. They stay for ever.

use muster_proto::durable::Usage;
use muster_proto::wire;
use prost::Message;

use super::row::{ForgottenRow, RegistrationRow};
use super::{AttemptRow, EndingRow, ExitRow, Record, ReportRow, StepRow, record::Body};

fn attempt() -> AttemptRow {
    let exit = ExitRow { wait_status: 256, end_ms: 5, error: "e".into(), usage: Some(Usage::default()) };
    let step = StepRow {
        step: 3,
        started: true,
        exit: Some(exit),
        launched_ms: 4,
        time_limit_s: 60,
        timed_out: true,
        kill_at_ms: 6,
        leased: false,
    };
    AttemptRow {
        uid: 7,
        attempt: 2,
        phase: 5,
        hold: Some(Box::new(wire::Hold { time_limit_s: 60, ..wire::Hold::default() })),
        steps: vec![step],
        ending: Some(EndingRow { cause: 1, kill_wait_s: 30, at_once: false }),
        time_limit_s: 60,
        running_since_ms: 4,
        warned: true,
        timed_out: true,
        drain_reason: "d".into(),
        reports: vec![ReportRow { report: Some(Box::new(wire::Report { seq: 8, body: None })), acked: true }],
        done: vec![0, 1],
        unproven: true,
    }
}

fn leased() -> AttemptRow {
    let steps = vec![StepRow { step: 3, leased: true, ..StepRow::default() }];
    let ending = Some(EndingRow { cause: 1, kill_wait_s: 30, at_once: true });
    AttemptRow { uid: 7, attempt: 2, phase: 5, steps, ending, ..AttemptRow::default() }
}

const GOLDEN: [(&str, &str); 7] = [
    ("authority", "080912080a02010110021803"),
    ("registration", "08091a0408041005"),
    (
        "attempt",
        "080922430807100218052202283c2a18080310011a0a08800210051a016522002004283c3001380632040801101e383c4004480150015a016462060a02080810016a0200017001",
    ),
    ("forgotten", "08092a0408071002"),
    ("boot", "0809320162"),
    ("registration with a lease", "08091a070804100518e807"),
    ("attempt under a lease", "080922140807100218052a040803400132060801101e1801"),
];

#[test]
fn records_keep_their_bytes() {
    let authority = wire::Authority { cluster_id: vec![1; 2].into(), generation: 2, term: 3 };
    let bodies = [
        Body::Authority(authority),
        Body::Registration(RegistrationRow { node: 4, epoch: 5, lease_ms: 0 }),
        Body::Attempt(Box::new(attempt())),
        Body::Forgotten(ForgottenRow { uid: 7, attempt: 2 }),
        Body::Boot("b".into()),
        Body::Registration(RegistrationRow { node: 4, epoch: 5, lease_ms: 1_000 }),
        Body::Attempt(Box::new(leased())),
    ];
    let records = bodies.map(|body| Record { next_seq: 9, body: Some(body) });
    let named = records.iter().zip(GOLDEN).map(|(record, (name, _))| {
        // No arm is left out: another kind of record has to get its line here.
        match record.body.as_ref().expect("each has one") {
            Body::Authority(_) | Body::Registration(_) | Body::Attempt(_) | Body::Forgotten(_) | Body::Boot(_) => {}
        }
        let hex: String = record.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect();
        (name, hex)
    });
    let named: Vec<(&str, String)> = named.collect();
    assert_eq!(named, GOLDEN.map(|(name, hex)| (name, hex.to_owned())));
}

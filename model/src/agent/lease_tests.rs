//! Facts about the node's lease.

use muster_proto::durable::{EndCause, JobSpec, StepSpec};
use muster_proto::wire::{self, order, report};

use super::*;

const OPTIONS: AgentOptions = AgentOptions { kill_wait_s: 30, over_time_limit_s: 0, prolog: false, epilog: false };
const LEASE_MS: u64 = 20_000;
const KEY: AttemptKey = AttemptKey { uid: 100, attempt: 1 };
const BATCH: u32 = 0xffff_fffb;
const STEP: StepKey = StepKey { attempt: KEY, step: BATCH };

fn authority() -> Option<wire::Authority> {
    Some(wire::Authority { cluster_id: vec![1; 16].into(), generation: 1, term: 5 })
}

fn registered(recorded_ms: u64, wanted_ms: u64) -> Input {
    let (lease_ms, lease_wanted_ms) = (recorded_ms, wanted_ms);
    let authority = authority();
    let registered = wire::Registered { authority, node: 3, epoch: 7, lease_ms, lease_wanted_ms, ..Default::default() };
    Input::Registered(Box::new(registered))
}

fn order(body: order::Body) -> Input {
    let authority = authority();
    let (uid, attempt) = (KEY.uid, KEY.attempt);
    Input::Order(Box::new(wire::Order { authority, epoch: 7, node: 3, uid, attempt, body: Some(body) }))
}

/// With the batch step in it.
fn hold() -> Input {
    let spec = Some(StepSpec { step_id: BATCH, ..StepSpec::default() });
    let launch = Some(wire::LaunchStep { spec, ..wire::LaunchStep::default() });
    let time_limit_s = u32::MAX;
    let spec = Some(JobSpec::default());
    order(order::Body::Hold(wire::Hold { spec, launch, time_limit_s, ..wire::Hold::default() }))
}

fn acked(seq: u64, renews: bool, wanted_ms: u64) -> Input {
    let (authority, lease_wanted_ms) = (authority(), wanted_ms);
    Input::HeartbeatAcked(Box::new(wire::HeartbeatAck { seq, authority, renews, lease_wanted_ms }))
}

/// A heartbeat left at `left`, and was answered at `came`.
fn renewed(agent: &mut Agent, seq: u64, left: u64, came: u64) -> Vec<Action> {
    agent.on(Input::Beat { seq }, left);
    agent.on(acked(seq, true, LEASE_MS), came)
}

/// Nothing is held; the lease is on record, and was renewed at 1,000.
fn leased() -> Agent {
    let (mut agent, _) = Agent::restore(OPTIONS, "boot", vec![], vec![], 0);
    let told = agent.on(registered(0, LEASE_MS), 0);
    assert!(told.contains(&Action::RegisterAgain), "{told:?}");
    assert_eq!(agent.lease_to_say_ms(), LEASE_MS);
    agent.on(registered(LEASE_MS, LEASE_MS), 0);
    assert_eq!(renewed(&mut agent, 1, 1_000, 1_500), [Action::KeepLease { until_ms: 21_000 }]);
    agent
}

fn running() -> Agent {
    let mut agent = leased();
    agent.on(hold(), 2_000);
    agent.on(Input::StepStarted { step: STEP }, 2_000);
    agent
}

fn exit(lease_over: bool) -> Input {
    Input::StepExited { step: STEP, exit: StepExit { wait_status: 9, empty: true, lease_over, ..StepExit::default() } }
}

fn launches(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::StartStep { .. }))
}

fn reports(actions: &[Action]) -> Vec<report::Body> {
    let bodies = actions.iter().filter_map(|action| match action {
        Action::Report(report) => report.body.clone(),
        _ => None,
    });
    bodies.collect()
}

#[test]
fn a_renewal_counts_from_the_instant_at_which_the_heartbeat_left() {
    let mut agent = leased();
    assert_eq!(agent.next_deadline_ms(), Some(21_000));
    assert_eq!(renewed(&mut agent, 2, 5_000, 9_000), [Action::KeepLease { until_ms: 25_000 }]);
    agent.on(Input::Beat { seq: 3 }, 6_000);
    assert_eq!(agent.on(acked(3, false, LEASE_MS), 9_001), [], "of a leader that has not asked its quorum");
    assert_eq!(agent.on(acked(9, true, LEASE_MS), 9_002), [], "of a heartbeat that nobody sent");
    assert_eq!(agent.next_deadline_ms(), Some(25_000));
}

#[test]
fn an_answer_of_an_older_authority_renews_nothing() {
    let mut agent = leased();
    agent.on(Input::Beat { seq: 2 }, 5_000);
    let older = Some(wire::Authority { term: 4, ..authority().unwrap() });
    let ack = wire::HeartbeatAck { seq: 2, authority: older, renews: true, lease_wanted_ms: LEASE_MS };
    let told = agent.on(Input::HeartbeatAcked(Box::new(ack)), 5_000);
    assert!(matches!(&told[..], [Action::Refuse { .. }]), "{told:?}");
    assert_eq!(agent.next_deadline_ms(), Some(21_000));
}

#[test]
fn when_the_lease_ends_everything_is_killed_and_nothing_is_begun_until_a_new_one() {
    let mut agent = running();
    assert_eq!(agent.on(Input::Tick, 20_999), [Action::RegisterAgain]);
    let told = agent.on(Input::Tick, 21_000);
    assert!(told.contains(&Action::LeaseOver { attempts: 1 }), "{told:?}");
    let (cause, kill_wait_s) = (EndCause::NodeFail, 0);
    assert!(told.contains(&Action::EndStep { step: STEP, cause, kill_wait_s, whole: true, at_once: true }), "{told:?}");
    let ended = agent.on(exit(true), 21_050);
    assert!(matches!(&ended[..], [Action::Journal(_), Action::RunEpilog { .. }]), "no exit is told: {ended:?}");
    let told = reports(&agent.on(Input::EpilogEnded { attempt: KEY, failure: None }, 21_060));
    assert!(matches!(&told[..], [report::Body::Released(released)] if released.exit.is_none()), "{told:?}");
    let other = |agent: &mut Agent, now| {
        let Input::Order(mut order) = hold() else { unreachable!() };
        order.uid += 1;
        agent.on(Input::Order(order), now)
    };
    assert!(matches!(&other(&mut agent, 21_100)[..], [Action::Refuse { .. }]));
    assert_eq!(renewed(&mut agent, 2, 22_000, 22_100), [Action::KeepLease { until_ms: 42_000 }]);
    assert!(launches(&other(&mut agent, 22_200)));
}

#[test]
fn a_node_looks_for_another_leader_when_half_of_its_lease_has_passed() {
    let mut agent = running();
    let beat = |agent: &mut Agent, seq, now| agent.on(Input::Beat { seq }, now);
    assert_eq!(beat(&mut agent, 2, 10_999), []);
    assert_eq!(beat(&mut agent, 3, 11_000), [Action::RegisterAgain]);
    assert_eq!(beat(&mut agent, 4, 11_500), [], "not with each heartbeat");
    assert_eq!(beat(&mut agent, 5, 12_000), [Action::RegisterAgain]);
    agent.on(acked(5, true, LEASE_MS), 12_100);
    assert_eq!(beat(&mut agent, 6, 14_000), []);
}

#[test]
fn an_answer_that_comes_too_late_does_not_save_the_work() {
    let mut agent = running();
    agent.on(Input::Beat { seq: 2 }, 20_000);
    let told = agent.on(acked(2, true, LEASE_MS), 21_000);
    assert_eq!(told.iter().filter(|action| matches!(action, Action::LeaseOver { .. })).count(), 1);
    assert!(told.contains(&Action::KeepLease { until_ms: 40_000 }));
}

#[test]
fn a_supervisor_that_was_first_ends_its_attempt() {
    let mut agent = running();
    let told = agent.on(exit(true), 20_990);
    assert!(reports(&told).is_empty(), "its status says nothing of the job: {told:?}");
    assert!(told.iter().any(|action| matches!(action, Action::RunEpilog { .. })), "{told:?}");
    let mut agent = running();
    agent.on(Input::Tick, 21_000);
    let by_itself = StepExit { wait_status: 0, empty: true, ..StepExit::default() };
    let told = reports(&agent.on(Input::StepExited { step: STEP, exit: by_itself }, 21_001));
    assert!(matches!(&told[..], [report::Body::Released(released)] if released.exit.is_some()), "{told:?}");
}

#[test]
fn a_hold_whose_prolog_runs_as_the_lease_ends_launches_nothing() {
    let mut agent = leased();
    agent.set_options(AgentOptions { prolog: true, ..OPTIONS });
    agent.on(hold(), 20_000);
    let told = agent.on(Input::PrologEnded { attempt: KEY, failure: None }, 21_000);
    assert!(!launches(&told), "{told:?}");
    assert!(told.iter().any(|action| matches!(action, Action::RunEpilog { .. })), "{told:?}");
}

#[test]
fn what_was_launched_without_a_lease_keeps_the_node_from_saying_that_it_has_one() {
    let (mut agent, _) = Agent::restore(OPTIONS, "boot", vec![], vec![], 0);
    agent.on(registered(0, 0), 0);
    assert!(launches(&agent.on(hold(), 0)));
    agent.on(Input::Beat { seq: 1 }, 1_000);
    let told = agent.on(acked(1, false, LEASE_MS), 1_001);
    assert!(matches!(&told[..], [Action::Journal(_)]), "kept at once, and not told yet: {told:?}");
    assert_eq!((agent.lease_to_say_ms(), agent.next_deadline_ms()), (0, None));
    renewed(&mut agent, 2, 2_000, 2_001);
    let told = agent.on(exit(false), 3_000);
    assert!(told.contains(&Action::RegisterAgain), "{told:?}");
    assert_eq!(agent.lease_to_say_ms(), LEASE_MS);
}

#[test]
fn a_longer_lease_counts_when_it_is_on_record_and_a_shorter_one_at_once() {
    let mut agent = leased();
    agent.on(Input::Beat { seq: 2 }, 5_000);
    assert_eq!(agent.on(acked(2, false, 60_000), 5_001), [Action::RegisterAgain]);
    assert_eq!(agent.lease_to_say_ms(), 60_000);
    renewed_as(&mut agent, 3, 6_000, 60_000);
    assert_eq!(agent.next_deadline_ms(), Some(26_000), "still the shorter one");
    agent.on(registered(60_000, 60_000), 7_000);
    renewed_as(&mut agent, 4, 8_000, 60_000);
    assert_eq!(agent.next_deadline_ms(), Some(68_000));
    agent.on(Input::Beat { seq: 5 }, 9_000);
    let told = agent.on(acked(5, false, LEASE_MS), 9_001);
    assert!(
        told.contains(&Action::KeepLease { until_ms: 28_000 }) && told.contains(&Action::RegisterAgain),
        "{told:?}"
    );
}

fn renewed_as(agent: &mut Agent, seq: u64, left: u64, wanted_ms: u64) {
    agent.on(Input::Beat { seq }, left);
    agent.on(acked(seq, true, wanted_ms), left);
}

#[test]
fn a_lease_is_dropped_only_when_the_cluster_has_that_on_record() {
    let mut agent = running();
    agent.on(Input::Beat { seq: 2 }, 5_000);
    assert_eq!(agent.on(acked(2, true, 0), 5_001), [Action::KeepLease { until_ms: 25_000 }, Action::RegisterAgain]);
    let told = agent.on(registered(0, 0), 6_000);
    assert!(told.contains(&Action::KeepLease { until_ms: NO_END }), "{told:?}");
    assert_eq!(agent.next_deadline_ms(), None);
    let told = agent.on(registered(0, LEASE_MS), 7_000);
    assert!(!told.contains(&Action::RegisterAgain), "its supervisor knows of no end any more: {told:?}");
}

#[test]
fn a_restarted_daemon_goes_on_with_the_lease_that_was_written_down() {
    let agent = running();
    let journal = agent.snapshot();
    let lives = vec![FoundStep { step: STEP, found: Found::Lives }];
    let again = |found| Agent::restore(OPTIONS, "boot", journal.clone(), found, 15_000).0;
    let mut in_time = again(lives.clone());
    assert_eq!(in_time.resume_lease(21_000, 15_000), []);
    assert_eq!((in_time.next_deadline_ms(), in_time.lease_to_say_ms()), (Some(21_000), LEASE_MS));
    let told = again(lives).resume_lease(21_000, 30_000);
    assert!(told.iter().any(|action| matches!(action, Action::EndStep { at_once: true, .. })), "{told:?}");
    let mut unknown = again(vec![]);
    assert_eq!(unknown.resume_lease(0, 15_000), [], "nothing is begun, and supervisors know their end");
    assert!(!launches(&unknown.on(hold(), 15_000)));
}

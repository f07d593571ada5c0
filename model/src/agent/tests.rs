//! Facts about the node's machine, each by a short story.

use muster_proto::durable::{EndCause, JobSpec, StepSpec, WarnSignal};
use muster_proto::wire::{self, order, report};

use super::*;

const OPTIONS: AgentOptions = AgentOptions { kill_wait_s: 30, over_time_limit_s: 0, prolog: true, epilog: true };
const KEY: AttemptKey = AttemptKey { uid: 100, attempt: 1 };
const BATCH: u32 = 0xffff_fffb;
const STEP: StepKey = StepKey { attempt: KEY, step: BATCH };

fn authority(generation: u64, term: u64) -> wire::Authority {
    wire::Authority { cluster_id: vec![1; 16].into(), generation, term }
}

fn registered() -> Agent {
    let (mut agent, _) = Agent::restore(OPTIONS, "boot", vec![], vec![], 0);
    let authority = Some(authority(1, 5));
    let registered = wire::Registered { authority, node: 3, epoch: 7, ..wire::Registered::default() };
    agent.on(Input::Registered(Box::new(registered)), 0);
    agent
}

fn order_of(authority: wire::Authority, body: order::Body) -> Input {
    let authority = Some(authority);
    let (uid, attempt) = (KEY.uid, KEY.attempt);
    Input::Order(Box::new(wire::Order { authority, epoch: 7, node: 3, uid, attempt, body: Some(body) }))
}

fn order(body: order::Body) -> Input {
    order_of(authority(1, 5), body)
}

fn hold(limit: u32) -> order::Body {
    order::Body::Hold(wire::Hold { time_limit_s: limit, spec: Some(JobSpec::default()), ..wire::Hold::default() })
}

fn launch() -> order::Body {
    let spec = Some(StepSpec { step_id: BATCH, ..StepSpec::default() });
    order::Body::LaunchStep(wire::LaunchStep { spec, ..wire::LaunchStep::default() })
}

fn end() -> order::Body {
    order::Body::EndAttempt(wire::EndAttempt { cause: EndCause::Cancelled as i32, kill_wait_s: 30, by_uid: 0 })
}

fn prolog_ended(failure: Option<&str>) -> Input {
    Input::PrologEnded { attempt: KEY, failure: failure.map(str::to_owned) }
}

fn running(limit: u32) -> Agent {
    let mut agent = registered();
    agent.on(order(hold(limit)), 0);
    agent.on(prolog_ended(None), 0);
    agent.on(order(launch()), 1_000);
    agent.on(Input::StepStarted { step: STEP }, 1_000);
    agent
}

fn reports(actions: &[Action]) -> Vec<report::Body> {
    let bodies = actions.iter().filter_map(|action| match action {
        Action::Report(report) => report.body.clone(),
        _ => None,
    });
    bodies.collect()
}

fn without_journal(actions: Vec<Action>) -> Vec<Action> {
    actions.into_iter().filter(|action| !matches!(action, Action::Journal(_))).collect()
}

#[test]
fn a_hold_is_journalled_before_the_prolog_runs() {
    let actions = registered().on(order(hold(60)), 0);
    assert!(matches!(&actions[..], [Action::Journal(_), Action::RunProlog { .. }]), "{actions:?}");
}

#[test]
fn a_launch_is_journalled_before_it_starts_and_a_repeat_starts_nothing() {
    let mut agent = registered();
    agent.on(order(hold(60)), 0);
    agent.on(prolog_ended(None), 0);
    let actions = agent.on(order(launch()), 0);
    assert!(matches!(&actions[..], [Action::Journal(_), Action::StartStep { .. }]), "{actions:?}");
    assert_eq!(agent.on(order(launch()), 0), []);
    let started = agent.on(Input::StepStarted { step: STEP }, 0);
    assert_eq!(reports(&agent.on(order(launch()), 0)), reports(&started));
}

#[test]
fn a_failed_prolog_is_a_tombstone() {
    let mut agent = registered();
    agent.on(order(hold(60)), 0);
    let told = reports(&agent.on(prolog_ended(Some("Prolog error")), 0));
    let [report::Body::Refused(refused)] = &told[..] else { panic!("{told:?}") };
    assert!(refused.tombstone && refused.prolog_failed);
    assert_eq!(reports(&agent.on(order(hold(60)), 0)), told);
    assert_eq!(reports(&agent.on(order(launch()), 0)), told);
}

#[test]
fn the_end_of_an_attempt_never_held_refuses_it_for_ever() {
    let mut agent = registered();
    let told = reports(&agent.on(order(end()), 0));
    let [report::Body::Refused(refused)] = &told[..] else { panic!("{told:?}") };
    assert!(refused.tombstone && !refused.prolog_failed);
    assert_eq!(reports(&agent.on(order(hold(60)), 0)), told);
    agent.on(order(order::Body::Forget(wire::Forget {})), 0);
    let late = agent.on(order(hold(60)), 0);
    assert!(matches!(&late[..], [Action::Refuse { .. }]), "{late:?}");
}

#[test]
fn an_older_authority_changes_nothing() {
    let mut agent = running(60);
    let ack = wire::HeartbeatAck { authority: Some(authority(2, 1)), ..wire::HeartbeatAck::default() };
    agent.on(Input::HeartbeatAcked(Box::new(ack)), 0);
    let before = agent.clone();
    for stale in [authority(1, 99), authority(2, 0)] {
        let actions = agent.on(order_of(stale, end()), 0);
        assert!(matches!(&actions[..], [Action::Refuse { .. }]), "{actions:?}");
        assert_eq!(agent, before);
    }
    assert!(!without_journal(agent.on(order_of(authority(2, 1), end()), 0)).is_empty());
}

#[test]
fn an_order_of_another_epoch_or_cluster_is_refused() {
    let mut agent = running(60);
    let Input::Order(mut of_epoch) = order(end()) else { unreachable!() };
    of_epoch.epoch = 6;
    assert!(matches!(&agent.on(Input::Order(of_epoch), 0)[..], [Action::Refuse { .. }]));
    let other = wire::Authority { cluster_id: vec![2; 16].into(), ..authority(9, 9) };
    assert!(matches!(&agent.on(order_of(other, end()), 0)[..], [Action::Refuse { .. }]));
}

#[test]
fn an_attempt_is_released_after_steps_containment_and_epilog_in_that_order() {
    let mut agent = running(60);
    let actions = without_journal(agent.on(order(end()), 2_000));
    assert!(matches!(&actions[..], [Action::EndStep { whole: true, .. }]), "{actions:?}");
    let exit = StepExit { wait_status: 15, ..StepExit::default() };
    let actions = without_journal(agent.on(Input::StepExited { step: STEP, exit }, 2_500));
    assert!(matches!(&actions[..], [Action::VerifyEmpty { .. }, Action::Report(_)]), "{actions:?}");
    let empty = Input::ContainmentEmpty { attempt: KEY, drain_reason: String::new() };
    let actions = without_journal(agent.on(empty, 3_000));
    assert!(matches!(&actions[..], [Action::RunEpilog { .. }]), "{actions:?}");
    let told = reports(&agent.on(Input::EpilogEnded { attempt: KEY, failure: None }, 3_000));
    assert!(matches!(&told[..], [report::Body::Released(_)]), "{told:?}");
}

#[test]
fn what_a_supervisor_saw_empty_is_not_looked_for_again() {
    let mut agent = running(60);
    agent.on(order(end()), 2_000);
    let exit = StepExit { wait_status: 15, empty: true, ..StepExit::default() };
    let actions = without_journal(agent.on(Input::StepExited { step: STEP, exit }, 2_500));
    assert!(matches!(&actions[..], [Action::RunEpilog { .. }, Action::Report(_)]), "{actions:?}");
}

#[test]
fn one_step_without_proof_is_enough_to_look_for_all() {
    let mut agent = running(60);
    let other = StepKey { attempt: KEY, step: 0 };
    let launch = wire::LaunchStep { spec: Some(StepSpec::default()), ..wire::LaunchStep::default() };
    agent.on(order(order::Body::LaunchStep(launch)), 1_000);
    agent.on(Input::StepExited { step: other, exit: StepExit::default() }, 1_500);
    // Not forgotten by a restart either.
    let found = vec![FoundStep { step: STEP, found: Found::Lives }];
    let (mut agent, _) = Agent::restore(OPTIONS, "boot", journal_of(&agent), found, 1_600);
    agent.on(order(end()), 2_000);
    let exit = StepExit { empty: true, ..StepExit::default() };
    let actions = without_journal(agent.on(Input::StepExited { step: STEP, exit }, 2_500));
    assert!(matches!(&actions[..], [Action::VerifyEmpty { .. }, Action::Report(_)]), "{actions:?}");
}

#[test]
fn a_step_that_the_node_could_not_start_is_reported_with_the_reason_to_drain_it() {
    let mut agent = running(60);
    let exit = StepExit { wait_status: 1 << 8, drain_reason: "full".into(), ..StepExit::default() };
    let told = reports(&agent.on(Input::StepExited { step: STEP, exit }, 2_000));
    let [report::Body::StepExit(exit)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(exit.drain_reason, "full");
}

#[test]
fn an_attempt_that_ends_during_its_prolog_is_never_held() {
    let mut agent = registered();
    agent.on(order(hold(60)), 0);
    assert_eq!(without_journal(agent.on(order(end()), 0)), []);
    let actions = without_journal(agent.on(prolog_ended(None), 0));
    assert!(matches!(&actions[..], [Action::RunEpilog { .. }]), "{actions:?}");
}

#[test]
fn the_next_attempt_is_not_held_beside_the_last() {
    let mut agent = running(60);
    let Input::Order(mut next) = order(hold(60)) else { unreachable!() };
    next.attempt = 2;
    assert!(matches!(&agent.on(Input::Order(next), 0)[..], [Action::Refuse { .. }]));
}

#[test]
fn the_time_limit_counts_from_the_first_launch_and_its_exit_says_so() {
    let mut agent = running(60);
    assert_eq!(agent.next_deadline_ms(), Some(61_000));
    assert_eq!(agent.on(Input::Tick, 60_999), []);
    let actions = without_journal(agent.on(Input::Tick, 61_000));
    let [Action::EndStep { cause, kill_wait_s, .. }] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!((*cause, *kill_wait_s), (EndCause::Timeout, 30));
    assert_eq!(agent.on(Input::Tick, 95_999), []);
    assert_eq!(agent.on(Input::Tick, 96_000), [Action::Kill { step: STEP }]);
    let exit = StepExit { wait_status: 15, ..StepExit::default() };
    let told = reports(&agent.on(Input::StepExited { step: STEP, exit }, 97_000));
    let [report::Body::StepExit(exit)] = &told[..] else { panic!("{told:?}") };
    assert!(exit.timed_out);
}

#[test]
fn a_step_that_ends_at_once_is_insisted_on_without_kill_wait() {
    let mut agent = running(600);
    let (step_id, cause) = (STEP.step, EndCause::Cancelled as i32);
    let end = wire::EndStep { step_id, cause, kill_wait_s: 30, by_uid: 0, at_once: true };
    let actions = without_journal(agent.on(order(order::Body::EndStep(end)), 1_000));
    assert!(matches!(&actions[..], [Action::EndStep { at_once: true, whole: false, .. }]), "{actions:?}");
    assert_eq!(agent.on(Input::Tick, 6_000), [Action::Kill { step: STEP }]);
}

#[test]
fn a_longer_limit_told_later_holds() {
    let mut agent = running(60);
    agent.on(order(order::Body::SetTimeLimit(wire::SetTimeLimit { end_by_ms: 0, time_limit_s: 120 })), 0);
    assert_eq!(agent.on(Input::Tick, 61_000), []);
    assert!(!agent.on(Input::Tick, 121_000).is_empty());
}

#[test]
fn the_warning_comes_once_before_the_limit() {
    let mut agent = registered();
    let warn = Some(WarnSignal { signal: 10, seconds_before: 20, batch_only: true });
    let spec = Some(JobSpec { warn, ..JobSpec::default() });
    agent.on(order(order::Body::Hold(wire::Hold { spec, time_limit_s: 60, ..wire::Hold::default() })), 0);
    agent.on(prolog_ended(None), 0);
    agent.on(order(launch()), 1_000);
    let signal = Action::Signal { step: STEP, signal: 10, batch_only: true };
    assert_eq!(without_journal(agent.on(Input::Tick, 41_000)), [signal]);
    assert_eq!(agent.on(Input::Tick, 42_000), []);
}

#[test]
fn a_signal_is_sent_once_and_confirmed_each_time() {
    let mut agent = running(60);
    let signal = wire::SignalTasks { step_id: BATCH, signal_id: 4, signal: 10, batch_only: true, all_steps: false };
    let first = agent.on(order(order::Body::SignalTasks(signal)), 0);
    assert!(first.contains(&Action::Signal { step: STEP, signal: 10, batch_only: true }));
    let again = agent.on(order(order::Body::SignalTasks(signal)), 0);
    assert_eq!(reports(&again), reports(&first));
    assert_eq!(again.len(), 1);
}

#[test]
fn a_report_is_repeated_until_it_is_acknowledged() {
    let mut agent = running(60);
    let waiting = agent.unacknowledged();
    assert_eq!(waiting.len(), 2);
    agent.on(Input::Acked { seq: waiting[0].seq }, 0);
    assert_eq!(agent.unacknowledged(), waiting[1..]);
}

fn journal_of(agent: &Agent) -> Vec<Record> {
    agent.snapshot()
}

#[test]
fn a_step_that_left_no_trace_is_reported_lost_and_never_started_again() {
    let records = journal_of(&running(60));
    let (mut agent, actions) = Agent::restore(OPTIONS, "boot", records, vec![], 0);
    let told = reports(&actions);
    let [report::Body::StepExit(exit)] = &told[..] else { panic!("{told:?}") };
    assert!(!exit.error.is_empty() && exit.wait_status != 0);
    let again = agent.on(order(launch()), 0);
    assert!(!again.iter().any(|action| matches!(action, Action::StartStep { .. })));
}

#[test]
fn an_exit_found_at_start_is_reported() {
    let records = journal_of(&running(60));
    let exit = StepExit { wait_status: 0x500, ..StepExit::default() };
    let found = vec![FoundStep { step: STEP, found: Found::Exited(exit) }];
    let (_, actions) = Agent::restore(OPTIONS, "boot", records, found, 0);
    assert!(matches!(&reports(&actions)[..], [report::Body::StepExit(exit)] if exit.wait_status == 0x500));
}

#[test]
fn an_end_that_was_under_way_goes_on_after_a_restart() {
    let mut agent = running(60);
    agent.on(order(end()), 0);
    let found = vec![FoundStep { step: STEP, found: Found::Lives }];
    let (_, actions) = Agent::restore(OPTIONS, "boot", journal_of(&agent), found, 0);
    let actions = without_journal(actions);
    assert!(matches!(&actions[..], [Action::EndStep { .. }]), "{actions:?}");
}

#[test]
fn a_supervisor_that_no_journal_knows_is_killed() {
    let found = vec![FoundStep { step: STEP, found: Found::Lives }];
    let (_, actions) = Agent::restore(OPTIONS, "boot", vec![], found, 0);
    assert_eq!(without_journal(actions), [Action::Kill { step: STEP }]);
}

#[test]
fn a_new_boot_ends_what_ran_in_the_last() {
    let records = journal_of(&running(60));
    let (mut agent, actions) = Agent::restore(OPTIONS, "next boot", records, vec![], 0);
    assert_eq!(without_journal(actions), []);
    assert_eq!(agent.attempt(KEY).unwrap().phase(), Phase::Released);
    assert_eq!(agent.next_deadline_ms(), None);
    agent.on(order(order::Body::Forget(wire::Forget {})), 0);
    assert_eq!(agent.inventory(), []);
}

#[test]
fn a_job_of_many_steps_keeps_a_short_row_and_never_runs_one_twice() {
    let mut agent = running(u32::MAX);
    for id in 0..1_000 {
        let spec = Some(StepSpec { step_id: id, ..StepSpec::default() });
        let launch = wire::LaunchStep { spec, ..wire::LaunchStep::default() };
        agent.on(order(order::Body::LaunchStep(launch)), 0);
        let step = StepKey { attempt: KEY, step: id };
        agent.on(Input::StepExited { step, exit: StepExit::default() }, 0);
        let waiting = agent.unacknowledged();
        waiting.iter().for_each(|report| drop(agent.on(Input::Acked { seq: report.seq }, 0)));
    }
    let row = agent.attempt(KEY).unwrap();
    assert!(row.steps.len() < 50 && row.done.len() == 2, "{} {:?}", row.steps.len(), row.done);
    let spec = Some(StepSpec { step_id: 3, ..StepSpec::default() });
    let again = wire::LaunchStep { spec, ..wire::LaunchStep::default() };
    let actions = agent.on(order(order::Body::LaunchStep(again)), 0);
    assert!(matches!(&actions[..], [Action::Refuse { .. }]), "{actions:?}");
}

/// A site without prolog; the order to hold brings the batch step along.
fn launched_with_hold() -> (Agent, Vec<Action>) {
    let mut agent = registered();
    agent.options.prolog = false;
    let spec = Some(StepSpec { step_id: BATCH, ..StepSpec::default() });
    let launch = Some(wire::LaunchStep { spec, script: vec![1].into(), ..wire::LaunchStep::default() });
    let spec = Some(JobSpec { name: "j".to_owned(), ..JobSpec::default() });
    let hold = wire::Hold { time_limit_s: 60, spec, launch, ..wire::Hold::default() };
    let actions = agent.on(order(order::Body::Hold(hold)), 1_000);
    (agent, actions)
}

#[test]
fn a_hold_that_brings_its_step_along_is_journalled_once_launched_and_told_by_one_report() {
    let (mut agent, actions) = launched_with_hold();
    let [Action::Journal(_), Action::StartStep { step: STEP, launch }, Action::Report(report)] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!((launch.job.as_ref().unwrap().name.as_str(), &launch.script[..]), ("j", &[1][..]));
    assert!(matches!(&report.body, Some(report::Body::Held(held)) if held.launched));
    assert_eq!(agent.on(Input::StepStarted { step: STEP }, 1_100), []);
    // A repeat starts nothing, and neither does a restart of the daemon.
    let (_, mut twice) = launched_with_hold();
    twice.extend(agent.on(order(hold(60)), 1_200));
    assert_eq!(twice.iter().filter(|action| matches!(action, Action::StartStep { .. })).count(), 1);
    let found = vec![FoundStep { step: STEP, found: Found::Lives }];
    let (agent, actions) = Agent::restore(OPTIONS, "boot", journal_of(&agent), found, 1_300);
    assert_eq!(actions, []);
    assert!(agent.attempt(KEY).unwrap().has_live_steps());
}

#[test]
fn without_an_epilog_the_last_exit_releases_the_node_in_one_report() {
    let (mut agent, _) = launched_with_hold();
    agent.options.epilog = false;
    let exit = StepExit { wait_status: 0x300, empty: true, ..StepExit::default() };
    let actions = agent.on(Input::StepExited { step: STEP, exit }, 2_000);
    let [Action::Journal(_), Action::Report(report)] = &actions[..] else { panic!("{actions:?}") };
    let Some(report::Body::Released(released)) = &report.body else { panic!("{report:?}") };
    assert_eq!(released.exit.as_ref().map(|exit| (exit.step_id, exit.wait_status)), Some((BATCH, 0x300)));
    assert_eq!(agent.attempt(KEY).unwrap().phase(), Phase::Released);
    // Orders that crossed it are answered by it.
    assert_eq!(reports(&agent.on(order(end()), 2_100)), reports(&actions));
    assert_eq!(reports(&agent.on(order(launch()), 2_100)), reports(&actions));
}

#[test]
fn a_script_that_leaves_a_step_behind_or_no_proof_releases_nothing_by_itself() {
    for (other_lives, empty) in [(true, true), (false, false)] {
        let mut agent = running(60);
        agent.options.epilog = false;
        if other_lives {
            let launch = wire::LaunchStep { spec: Some(StepSpec::default()), ..wire::LaunchStep::default() };
            agent.on(order(order::Body::LaunchStep(launch)), 1_000);
        }
        let exit = StepExit { empty, ..StepExit::default() };
        let actions = without_journal(agent.on(Input::StepExited { step: STEP, exit }, 2_000));
        assert!(matches!(&reports(&actions)[..], [report::Body::StepExit(_)]), "{actions:?}");
        assert_eq!(agent.attempt(KEY).unwrap().phase(), Phase::Held);
    }
}

//! What holds whatever leaders, daemons and crashes do.

use std::collections::BTreeSet;

use muster_proto::durable::{JobSpec, StepSpec};
use muster_proto::wire::{self, order};
use proptest::prelude::*;

use super::*;

const OPTIONS: AgentOptions = AgentOptions { kill_wait_s: 2, over_time_limit_s: 0, prolog: true, epilog: true };

#[derive(Debug, Clone)]
enum Event {
    Order {
        term: u64,
        epoch: u64,
        uid: u64,
        attempt: u32,
        kind: u8,
        step: u32,
    },
    /// Answer the n-th thing that the daemon was asked to do.
    Answer(usize, bool),
    Ack(u64),
    Pass(u64),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    // Mostly what is obeyed: a story whose orders are all refused proves little.
    let term = prop_oneof![8 => Just(3u64), 1 => 1u64..3];
    let epoch = prop_oneof![12 => Just(7u64), 1 => Just(6u64)];
    let order = (term, epoch, 1u64..3, 1u32..3, 0u8..8, 0u32..2)
        .prop_map(|(term, epoch, uid, attempt, kind, step)| Event::Order { term, epoch, uid, attempt, kind, step });
    prop_oneof![
        6 => order,
        6 => (0usize..3, prop::bool::weighted(0.8)).prop_map(|(n, ok)| Event::Answer(n, ok)),
        1 => (0u64..40).prop_map(Event::Ack),
        2 => (0u64..4_000).prop_map(Event::Pass),
        1 => Just(Event::Restart),
    ]
}

fn body(kind: u8, step: u32) -> order::Body {
    match kind {
        0 | 1 => {
            let spec = Some(JobSpec::default());
            let batch = Some(StepSpec { time_limit_s: Some(2), ..StepSpec::default() });
            let launch = (step == 1).then(|| wire::LaunchStep { spec: batch, ..wire::LaunchStep::default() });
            let extern_step = kind == 1;
            order::Body::Hold(wire::Hold { spec, time_limit_s: 3, extern_step, launch, ..wire::Hold::default() })
        }
        2 | 3 => {
            let spec = Some(StepSpec { step_id: step, time_limit_s: Some(2), ..StepSpec::default() });
            order::Body::LaunchStep(wire::LaunchStep { spec, ..wire::LaunchStep::default() })
        }
        4 => order::Body::EndAttempt(wire::EndAttempt { cause: 2, kill_wait_s: 1, by_uid: 0 }),
        5 => order::Body::EndStep(wire::EndStep {
            step_id: step,
            cause: 2,
            kill_wait_s: 1,
            by_uid: 0,
            at_once: step == 1,
        }),
        6 => {
            let signal_id = u64::from(step);
            order::Body::SignalTasks(wire::SignalTasks { step_id: step, signal_id, signal: 10, ..Default::default() })
        }
        _ => order::Body::Forget(wire::Forget {}),
    }
}

/// A daemon on a perfect disk that does what it is told, when the story says so.
struct Host {
    agent: Agent,
    journal: Vec<Record>,
    asked: Vec<Action>,
    launched: BTreeSet<StepKey>,
    /// Supervisors that live.
    living: BTreeSet<StepKey>,
    /// Terms obeyed never fall.
    term: u64,
    now: u64,
}

impl Host {
    fn new() -> Self {
        let (agent, first) = Agent::restore(OPTIONS, "boot", vec![], vec![], 0);
        let mut host = Self {
            agent,
            journal: Vec::new(),
            asked: Vec::new(),
            launched: BTreeSet::new(),
            living: BTreeSet::new(),
            term: 0,
            now: 0,
        };
        host.carry_out(first);
        let authority = Some(authority(1));
        let registered = wire::Registered { authority, node: 3, epoch: 7, ..wire::Registered::default() };
        host.feed(Input::Registered(Box::new(registered)));
        host
    }

    fn feed(&mut self, input: Input) {
        let actions = self.agent.on(input, self.now);
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Journal(record) => self.journal.push(*record),
                Action::StartStep { step, .. } | Action::StartExtern { step, .. } => {
                    assert!(self.launched.insert(step), "{step} was launched twice");
                    let of_job = self.living.iter().filter(|other| other.attempt.uid == step.attempt.uid);
                    assert!(of_job.clone().all(|other| other.attempt == step.attempt), "attempts overlap");
                    self.living.insert(step);
                    self.asked.push(Action::Kill { step });
                }
                Action::RunProlog { .. } | Action::RunEpilog { .. } => self.asked.push(action),
                Action::VerifyEmpty { attempt } => {
                    let lives = self.living.iter().any(|step| step.attempt == attempt);
                    assert!(!lives, "{attempt} is verified while a step lives");
                    self.asked.push(action);
                }
                Action::Report(report) => {
                    if let Some(wire::report::Body::Released(released)) = &report.body {
                        let key = AttemptKey { uid: released.uid, attempt: released.attempt };
                        assert!(self.living.iter().all(|step| step.attempt != key), "released while it lives");
                    }
                }
                Action::Signal { .. } | Action::EndStep { .. } | Action::Kill { .. } => {}
                Action::Clean { .. } | Action::Refuse { .. } => {}
                Action::KeepLease { .. } | Action::LeaseOver { .. } | Action::RegisterAgain => {}
            }
        }
    }

    fn answer(&mut self, n: usize, ok: bool) {
        if n >= self.asked.len() {
            return;
        }
        let failure = (!ok).then(|| "broken".to_owned());
        let input = match self.asked.remove(n) {
            Action::RunProlog { attempt, .. } => Input::PrologEnded { attempt, failure },
            Action::RunEpilog { attempt, .. } => Input::EpilogEnded { attempt, failure },
            Action::VerifyEmpty { attempt } => Input::ContainmentEmpty { attempt, drain_reason: String::new() },
            Action::Kill { step } if ok => {
                self.living.remove(&step);
                Input::StepExited { step, exit: StepExit::default() }
            }
            Action::Kill { step } => {
                self.asked.push(Action::Kill { step });
                Input::StepStarted { step }
            }
            other => panic!("{other:?} has no answer"),
        };
        self.feed(input);
    }

    fn restart(&mut self) {
        let found = self.living.iter().map(|step| FoundStep { step: *step, found: Found::Lives }).collect();
        self.asked.retain(|asked| matches!(asked, Action::Kill { .. }));
        let (agent, actions) = Agent::restore(OPTIONS, "boot", self.journal.clone(), found, self.now);
        self.agent = agent;
        self.carry_out(actions);
    }

    fn check_replay(&self) {
        let mut replayed = Agent::empty(OPTIONS);
        self.journal.iter().for_each(|record| replayed.put(record.clone()));
        let mut live = self.agent.clone();
        let mut compacted = Agent::empty(OPTIONS);
        live.snapshot().into_iter().for_each(|record| compacted.put(record));
        // Acknowledgements, the moments of the next SIGKILL, launches that wait for the prolog and the end of the lease are not.
        for agent in [&mut replayed, &mut live, &mut compacted] {
            agent.launches.clear();
            agent.lease = Default::default();
            for row in agent.attempts.values_mut() {
                row.reports.iter_mut().for_each(|report| report.acked = false);
                row.steps.iter_mut().for_each(|step| step.kill_at_ms = 0);
            }
        }
        assert_eq!(replayed, live, "replaying the journal gives another state");
        compacted.next_seq = live.next_seq;
        assert_eq!(compacted, live, "the compacted journal gives another state");
    }
}

fn authority(term: u64) -> wire::Authority {
    wire::Authority { cluster_id: vec![1].into(), generation: 1, term }
}

fn play(events: Vec<Event>) {
    let mut host = Host::new();
    for event in events {
        match event {
            Event::Order { term, epoch, uid, attempt, kind, step } => {
                let before = host.agent.clone();
                let authority = Some(authority(term));
                let order = wire::Order { authority, epoch, node: 3, uid, attempt, body: Some(body(kind, step)) };
                host.feed(Input::Order(Box::new(order)));
                if term < host.term {
                    assert_eq!(host.agent, before, "a stale authority changed something");
                }
                host.term = host.term.max(term);
            }
            Event::Answer(n, ok) => host.answer(n, ok),
            Event::Ack(seq) => host.feed(Input::Acked { seq }),
            Event::Pass(ms) => {
                host.now += ms;
                host.feed(Input::Tick);
            }
            Event::Restart => host.restart(),
        }
        host.check_replay();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_two_launches_no_stale_effect_and_replay_is_the_same_state(events in prop::collection::vec(event(), 1..80)) {
        play(events);
    }
}

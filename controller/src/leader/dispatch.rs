//! Dispatch: attempts and steps that are not yet where they should be → orders to nodes.
//!
//! What is wanted is derived from the state each time. What was sent when is remembered for one session only, to repeat
//! less often what a node is busy with: forgetting it costs messages, never a start, since orders are idempotent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use muster_model::cluster::dispatch::{Wanted, wanted};
use muster_model::cluster::{Cluster, Event};
use muster_proto::durable::BlobRef;
use muster_proto::wire::{Order, order};
use tokio::time::Instant;

use super::Term;
use super::order::{Draft, draft};
use super::wake::{Wake, Woken};
use crate::door::node::Link;

/// An order that is not confirmed is repeated after this, then after twice as long, and so on.
const REPEAT_FIRST: Duration = Duration::from_secs(1);
const REPEAT_MAX: Duration = Duration::from_secs(30);

pub(super) async fn run(term: Term) {
    let mut wake = Wake::new(term.member.core.replica.events(), term.seat.settings.timers.look_again);
    let mut told: BTreeMap<u32, Told> = BTreeMap::new();
    let mut nodes: BTreeSet<u32> = term.member.sessions.nodes().into_iter().collect();
    loop {
        for node in nodes {
            serve(&term, &mut told, node);
        }
        nodes = tokio::select! {
            woken = wake.next(concerns) => match woken {
                Woken::By(events) => term.member.core.read(|cluster| touched(cluster, &events)),
                Woken::Missed | Woken::Patience => term.member.sessions.nodes().into_iter().collect(),
            },
            () = term.member.sessions.arrived.notified() => term.member.sessions.take_newcomers(),
        };
    }
}

fn concerns(event: &Event) -> bool {
    matches!(event, Event::JobChanged { .. } | Event::StepChanged { .. } | Event::NodeChanged { .. })
}

/// The nodes that `events` are about.
fn touched(cluster: &Cluster, events: &[Event]) -> BTreeSet<u32> {
    let mut nodes = BTreeSet::new();
    for event in events {
        match event {
            Event::JobChanged { uid } | Event::StepChanged { uid, .. } => {
                let attempt = cluster.job(*uid).and_then(|job| job.newest_attempt());
                nodes.extend(attempt.into_iter().flat_map(|attempt| &attempt.nodes).map(|part| part.node));
            }
            Event::NodeChanged { node } => {
                nodes.insert(*node);
            }
            Event::ConfigChanged { .. } | Event::ReplicasChanged | Event::ScheduleAgain => {}
        }
    }
    nodes
}

/// What one session was told.
struct Told {
    session: u64,
    orders: BTreeMap<Key, Sent>,
}

#[derive(Clone, Copy)]
struct Sent {
    again_at: Option<Instant>,
    pause: Duration,
}

/// Names a wanted order; one that differs in content has another key.
type Key = (u64, u32, u8, u64, u64);

/// The kind of a key that names a time limit.
const LIMIT: u8 = 5;

fn key(wanted: &Wanted) -> Key {
    match *wanted {
        Wanted::Hold { uid, attempt } => (uid, attempt, 0, 0, 0),
        Wanted::LaunchStep { uid, attempt, step } => (uid, attempt, 1, u64::from(step), 0),
        Wanted::Signal { uid, attempt, step, signal_id, .. } => (uid, attempt, 2, u64::from(step), signal_id),
        Wanted::EndStep { uid, attempt, step, .. } => (uid, attempt, 3, u64::from(step), 0),
        Wanted::EndAttempt { uid, attempt, .. } => (uid, attempt, 4, 0, 0),
        // The node counts from its own start: only the limit matters to it.
        Wanted::SetTimeLimit { uid, attempt, time_limit_s, .. } => limit_key(uid, attempt, time_limit_s),
    }
}

fn limit_key(uid: u64, attempt: u32, time_limit_s: u32) -> Key {
    (uid, attempt, LIMIT, u64::from(time_limit_s), 0)
}

/// Whether a limit was told of an attempt of which something is still wanted.
fn is_limit_of(key: &Key, keys: &BTreeSet<Key>) -> bool {
    let (uid, attempt, kind, ..) = *key;
    kind == LIMIT && keys.range((uid, attempt, 0, 0, 0)..(uid, attempt, u8::MAX, 0, 0)).next().is_some()
}

/// Sends `node` what is wanted of it and was not sent a moment ago.
fn serve(term: &Term, told: &mut BTreeMap<u32, Told>, node: u32) {
    let Some(link) = term.member.sessions.link(node) else {
        told.remove(&node);
        return;
    };
    let known = told.entry(node).or_insert_with(|| Told { session: link.number, orders: BTreeMap::new() });
    if known.session != link.number {
        *known = Told { session: link.number, orders: BTreeMap::new() };
    }
    let now = Instant::now();
    let drafts = term.member.core.read(|cluster| {
        let all = wanted(cluster, node);
        let keys: BTreeSet<Key> = all.iter().map(key).collect();
        known.orders.retain(|key, _| keys.contains(key) || is_limit_of(key, &keys));
        let due = all.iter().filter(|wanted| is_due(known.orders.get(&key(wanted)), now));
        due.filter_map(|wanted| Some((wanted.clone(), draft(cluster, node, wanted)?))).collect::<Vec<_>>()
    });
    for (wanted, draft) in drafts {
        // The order to hold says the limit too.
        let limit = match (&wanted, &draft.body) {
            (Wanted::Hold { uid, attempt }, order::Body::Hold(hold)) => {
                Some(limit_key(*uid, *attempt, hold.time_limit_s))
            }
            _ => None,
        };
        if !send(term, &link, node, draft) {
            return;
        }
        known.orders.extend(limit.map(|key| (key, Sent { again_at: None, pause: REPEAT_FIRST })));
        let pause = known.orders.get(&key(&wanted)).map_or(REPEAT_FIRST, |sent| (sent.pause * 2).min(REPEAT_MAX));
        // A statement of fact is said once a session.
        let again_at = (!matches!(wanted, Wanted::SetTimeLimit { .. })).then(|| now + pause);
        known.orders.insert(key(&wanted), Sent { again_at, pause });
    }
}

fn is_due(sent: Option<&Sent>, now: Instant) -> bool {
    sent.is_none_or(|sent| sent.again_at.is_some_and(|at| at <= now))
}

/// Whether there was room for it.
fn send(term: &Term, link: &Link, node: u32, draft: Draft) -> bool {
    let Draft { uid, attempt, mut body, script, environment } = draft;
    let launch = match &mut body {
        order::Body::LaunchStep(launch) => Some(launch),
        order::Body::Hold(hold) => hold.launch.as_mut(),
        _ => None,
    };
    if let Some(launch) = launch {
        let (Some(script), Some(environment)) = (blob(term, script.as_ref()), blob(term, environment.as_ref())) else {
            // Its row is there, so its bytes are: a store that says otherwise is failing, and says so itself.
            tracing::error!(uid, attempt, node, "the script or environment of a job cannot be read");
            return true;
        };
        launch.script = script;
        launch.environment = environment;
    }
    let authority = Some(term.member.core.authority(term.number));
    link.order(Order { authority, epoch: link.epoch, node, uid, attempt, body: Some(body) })
}

fn blob(term: &Term, reference: Option<&BlobRef>) -> Option<bytes::Bytes> {
    match reference.filter(|reference| !reference.hash.is_empty()) {
        None => Some(bytes::Bytes::new()),
        Some(reference) => term.member.core.replica.blob(&reference.hash).ok().flatten(),
    }
}

//! Fence: operations that are not over → calls of agents, and what came of them.
//!
//! What is due is derived from the state each time (`Cluster::fence_duties`). Which calls are under way is remembered only so
//! that no second one is begun beside them; they end with this leadership.
//!
//! A device knows no terms. A call that a leader before this one made may still be at work: this one begins none, and lets no
//! fenced node take work, before that call's deadline has passed since its own barrier, by its own clock; apply asks the same
//! of cluster time.

use std::collections::BTreeSet;
use std::time::Duration;

use muster_model::cluster::{FenceDuty, Outcome};
use muster_proto::durable::{BeginFenceCall, EndFenceCall, FenceRow, RequestFence, SettleFence, command};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Term;
use super::fence_call::{Struck, power_on, strike};
use crate::member::Member;
use crate::views::answers;

/// Calls under way at once; the rest waits.
const CALLS_AT_ONCE_MAX: usize = 16;
/// Duties taken together.
const TOGETHER_MAX: usize = 1_000;
/// Why the leader asks by itself.
const WHY: &str = "it does not answer, and what it ran waits for proof";

pub(super) async fn run(term: Term) {
    let began = Instant::now();
    let mut calls: JoinSet<u64> = JoinSet::new();
    let mut busy = BTreeSet::new();
    loop {
        let now_ms = term.member.now_ms();
        for duty in term.member.core.read(|cluster| cluster.fence_duties(now_ms, TOGETHER_MAX)) {
            take(&term, began, duty, &mut calls, &mut busy).await;
        }
        tokio::select! {
            Some(done) = calls.join_next() => match done {
                Ok(fence) => drop(busy.remove(&fence)),
                Err(why) => term.seat.fail(format!("a fence call ended: {why}")),
            },
            () = tokio::time::sleep(term.seat.settings.timers.look_again) => {}
        }
    }
}

async fn take(term: &Term, began: Instant, duty: FenceDuty, calls: &mut JoinSet<u64>, busy: &mut BTreeSet<u64>) {
    match duty {
        FenceDuty::Request { name, epoch } => {
            tracing::warn!(name, "a lost node is to be fenced, unless it returns");
            let why = WHY.to_owned();
            propose(term, command::Body::RequestFence(RequestFence { name, why, epoch, force: false })).await;
        }
        FenceDuty::Settle { fence } if !may_strike_yet(term, began, fence) => {
            propose(term, command::Body::SettleFence(SettleFence { fence, ..SettleFence::default() })).await;
        }
        FenceDuty::Settle { .. } => {}
        FenceDuty::Call { fence, call } => {
            if busy.len() < CALLS_AT_ONCE_MAX && !may_strike_yet(term, began, fence) && busy.insert(fence) {
                let term = term.clone();
                calls.spawn(async move {
                    make_call(&term, fence, call).await;
                    fence
                });
            }
        }
        FenceDuty::PowerOn { fence } => {
            if busy.len() < CALLS_AT_ONCE_MAX && busy.insert(fence) {
                let term = term.clone();
                calls.spawn(async move {
                    switch_on(&term, fence).await;
                    fence
                });
            }
        }
    }
}

/// Whatever it is told, the next look derives it again.
async fn propose(term: &Term, body: command::Body) -> Option<Outcome> {
    term.member.proposer.duty(body).await.ok()
}

/// Whether the newest call may be of a leader before, and still at work, by this leader's own clock.
fn may_strike_yet(term: &Term, began: Instant, fence: u64) -> bool {
    let deadline_ms = term.member.core.read(|cluster| {
        let row = cluster.fence(fence).filter(|row| row.call > 0);
        row.map_or(0, |row| row.deadline_ms)
    });
    began.elapsed() < Duration::from_millis(deadline_ms)
}

/// Committed first, then a fresh barrier, then the agents, all within the call's deadline; then what they said.
async fn make_call(term: &Term, fence: u64, call: u32) {
    let began = Instant::now();
    if hand_over_first(term, fence).await {
        return;
    }
    let Some(row) = begin(term, fence, call).await else { return };
    let until = began + Duration::from_millis(row.deadline_ms);
    // A leader that slept here must not strike late: what was committed above is waited out by the next one.
    if term.member.core.replica.barrier().await.is_err() || !term.is_on() {
        return;
    }
    let Struck { off, word } = strike(term, &row, until).await;
    if off {
        tracing::warn!(node = row.node_name, level = row.level, word, "a node was fenced");
    } else {
        tracing::error!(node = row.node_name, level = row.level, word, "ALERT: a node could not be fenced");
    }
    propose(term, command::Body::EndFenceCall(EndFenceCall { fence, call, off, word })).await;
}

/// The operation, if its agents may be called now.
async fn begin(term: &Term, fence: u64, call: u32) -> Option<FenceRow> {
    let (voters, answering) = voters_answering(&term.member);
    let begin = BeginFenceCall { fence, call, leader: term.member.core.identity.replica, voters, answering };
    match propose(term, command::Body::BeginFenceCall(begin)).await? {
        Outcome::Done(answer) if answer.count == 1 => {}
        Outcome::Done(answer) => {
            let node = term.member.core.read(|cluster| cluster.fence(fence).map(|row| row.node_name.clone()));
            tracing::warn!(fence, node, why = answer.message, "ALERT: a fence is held back");
            return None;
        }
        other => {
            tracing::debug!(fence, ?other, "a fence call was not begun");
            return None;
        }
    }
    term.member.core.read(|cluster| cluster.fence(fence).filter(|row| row.call == call && row.calling).cloned())
}

/// Replicas that vote, and those of them that are alive, as this leader knows.
pub(crate) fn voters_answering(member: &Member) -> (Vec<u64>, Vec<u64>) {
    let members = member.core.replica.members();
    let voters: Vec<u64> = members.iter().filter(|it| it.voter).map(|it| it.peer.replica).collect();
    let own = member.core.identity.replica;
    let answering = voters.iter().copied().filter(|id| *id == own || answers(member, *id)).collect();
    (voters, answering)
}

/// A leader does not switch off its own host: it lets another lead first, which then does it. Whether leadership moves.
async fn hand_over_first(term: &Term, fence: u64) -> bool {
    let core = &term.member.core;
    let here = core.read(|cluster| {
        let node = cluster.fence(fence).and_then(|row| cluster.node(row.node));
        node.map_or_else(BTreeSet::new, |node| cluster.replicas_on(node))
    });
    if !here.contains(&core.identity.replica) {
        return false;
    }
    for to in core.replica.members().into_iter().filter(|it| it.voter).map(|it| it.peer.replica) {
        if here.contains(&to) || !answers(&term.member, to) {
            continue;
        }
        if core.hand_over_to(to).await.is_ok() {
            tracing::warn!(to, "leadership moves: this host is to be fenced");
            return true;
        }
    }
    false
}

async fn switch_on(term: &Term, fence: u64) {
    let Some(row) = term.member.core.read(|cluster| cluster.fence(fence).cloned()) else { return };
    let word = power_on(term, &row).await;
    tracing::info!(node = row.node_name, word, "a fenced node was told to start again");
    propose(term, command::Body::SettleFence(SettleFence { fence, powered_on: true, word })).await;
}

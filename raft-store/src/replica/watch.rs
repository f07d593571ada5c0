//! What is watched while Raft runs: who leads, whether a quorum answers, and whether anything broke.

use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::{Instant, RaftMetrics, ServerState};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::Replica;
use crate::fault::Fault;
use crate::identity::Peer;
use crate::options::Timers;
use crate::raft::{Applying, Log, Raft, Types};
use crate::status::{Leadership, Metrics, Role};

/// Between two looks at RocksDB's count of background errors, in milliseconds.
const BACKGROUND_CHECK_MS: u64 = 1_000;

/// Starts the watchers on the current runtime.
pub(super) fn start(
    raft: &Raft,
    timers: &Timers,
    fault: &Fault,
    log: &Arc<Log>,
    applying: &Arc<Applying>,
) -> (watch::Receiver<Leadership>, Vec<AbortHandle>) {
    let lease = Duration::from_millis(timers.election_max_ms);
    let first = leadership(&raft.metrics().borrow_watched(), lease);
    let (sender, receiver) = watch::channel(first);
    let watcher = watch_leadership(raft.clone(), sender, timers.clone(), fault.clone());
    let checker = check_background(log.clone(), applying.clone(), fault.clone());
    let watchdog = hand_over_when_stalled(raft.clone(), timers.clone(), fault.clone(), log.clone(), applying.clone());
    let tasks = [tokio::spawn(watcher), tokio::spawn(checker), tokio::spawn(watchdog)];
    (receiver, tasks.iter().map(|task| task.abort_handle()).collect())
}

/// Follows Raft's metrics, and looks again each heartbeat: a lost quorum makes no noise.
async fn watch_leadership(raft: Raft, sender: watch::Sender<Leadership>, timers: Timers, fault: Fault) {
    let lease = Duration::from_millis(timers.election_max_ms);
    let heartbeat = Duration::from_millis(timers.heartbeat_ms);
    let mut metrics = raft.metrics();
    loop {
        let now = {
            let metrics = metrics.borrow_and_update();
            if let Err(error) = &metrics.running_state {
                fault.set(format!("raft: {error}"));
            }
            leadership(&metrics, lease)
        };
        sender.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
        if let Ok(Err(_)) = tokio::time::timeout(heartbeat, metrics.changed()).await {
            return;
        }
    }
}

async fn check_background(log: Arc<Log>, applying: Arc<Applying>, fault: Fault) {
    loop {
        tokio::time::sleep(Duration::from_millis(BACKGROUND_CHECK_MS)).await;
        let rows = applying.rows();
        match log.background_errors().and_then(|errors| Ok(errors + rows.background_errors()?)) {
            Ok(0) => {}
            Ok(errors) => return fault.set(format!("RocksDB counts {errors} background errors")),
            Err(error) => return fault.set(format!("store: {error}")),
        }
    }
}

/// A leader whose disk stands still for an election time-out, be it for the log or for rows, asks another to lead: heartbeats
/// would go on, and nothing else. Where that has not helped after two, it ends, and another is elected. Not where it votes
/// alone: nobody could take over.
async fn hand_over_when_stalled(raft: Raft, timers: Timers, fault: Fault, log: Arc<Log>, applying: Arc<Applying>) {
    let patience = Duration::from_millis(timers.election_max_ms);
    let mut asked: Option<tokio::time::Instant> = None;
    loop {
        tokio::time::sleep(Duration::from_millis(timers.heartbeat_ms)).await;
        let stalled = log.appender().stall().lasts().max(applying.stall.lasts());
        if stalled < patience {
            asked = None;
            continue;
        }
        let Some(to) = successor(&raft.metrics().borrow_watched()) else { continue };
        match asked {
            Some(at) if at.elapsed() >= patience => {
                return fault.set(format!("the disk stands still for {stalled:?}, and replica {to} did not take over"));
            }
            Some(_) => {}
            None => {
                asked = Some(tokio::time::Instant::now());
                tracing::warn!(?stalled, to, "the disk stands still: handing leadership over");
                if raft.trigger().transfer_leader(to).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Of a leader: the other voter whose log agrees furthest.
fn successor(metrics: &RaftMetrics<Types>) -> Option<u64> {
    let members = metrics.membership_config.membership();
    let others = metrics.replication.iter().flatten().filter(|(replica, _)| **replica != metrics.id);
    let voters = others.filter(|(replica, _)| members.voter_ids().any(|voter| voter == **replica));
    voters.max_by_key(|(_, matched)| matched.as_ref().map(|matched| matched.index)).map(|(replica, _)| *replica)
}

fn role(state: ServerState) -> Role {
    match state {
        ServerState::Learner | ServerState::Shutdown => Role::Learner,
        ServerState::Follower => Role::Follower,
        ServerState::Candidate => Role::Candidate,
        ServerState::Leader => Role::Leader,
    }
}

fn quorum_acked_ago(metrics: &RaftMetrics<Types>) -> Option<Duration> {
    metrics.last_quorum_acked.as_ref().map(|acked| acked.elapsed())
}

/// The only voter is its own quorum: nobody acknowledges to it, so the time of the last acknowledgement stands still.
fn votes_alone(metrics: &RaftMetrics<Types>) -> bool {
    metrics.membership_config.membership().voter_ids().eq([metrics.id])
}

fn leadership(metrics: &RaftMetrics<Types>, lease: Duration) -> Leadership {
    let address =
        |replica: u64| metrics.membership_config.membership().get_node(&replica).map(|node| node.address.clone());
    let leader = metrics.current_leader.and_then(|replica| Some(Peer { replica, address: address(replica)? }));
    let role = role(metrics.state);
    let acked = || quorum_acked_ago(metrics).is_some_and(|ago| ago < lease);
    let quorum = role == Role::Leader && (votes_alone(metrics) || acked());
    Leadership { role, term: metrics.current_term, leader, quorum }
}

impl Replica {
    /// Of a leader: members that no longer have log entries which they had acknowledged to it. It does not count them.
    pub fn distrusted(&self) -> Vec<u64> {
        let now = self.inner.leadership.borrow();
        match now.role {
            Role::Leader => self.inner.acknowledged.distrusted(now.term),
            Role::Learner | Role::Follower | Role::Candidate => Vec::new(),
        }
    }

    /// Numbers for `sdiag` and metrics.
    pub fn metrics(&self) -> Metrics {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let sync_times = self.inner.log.appender().times().times();
        let ms = |ago: Duration| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
        let index = |id: &Option<crate::raft::LogId>| id.as_ref().map_or(0, |id| id.index);
        let matched = metrics.replication.iter().flatten().map(|(replica, matched)| (*replica, index(matched)));
        Metrics {
            term: metrics.current_term,
            role: role(metrics.state),
            last_index: metrics.last_log_index.unwrap_or(0),
            committed_index: index(&metrics.cluster_committed).max(index(&metrics.local_committed)),
            applied_index: self.inner.applying.applied.borrow().index,
            snapshot_index: index(&metrics.snapshot),
            purged_index: index(&metrics.purged),
            matched: matched.collect(),
            quorum_acked_ms_ago: quorum_acked_ago(&metrics).map(ms),
            syncs: sync_times.count,
            sync_times,
            apply_times: self.inner.applying.times.times(),
            flushed_ms_ago: self.inner.applying.gate.flushed_ago().map(ms),
        }
    }
}

//! This controller as a member of a cluster: its replica, and what stands around it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_model::cluster::config::InForce;
use muster_proto::durable::ReplicaRow;
use muster_raft_store::Leadership;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::core::Core;
use crate::door::node::{Sessions, Sightings};
use crate::door::replica::{PeerTransport, Place};
use crate::freshness::Freshness;
use crate::heard::LastHeard;
use crate::journal::Journal;
use crate::propose::Proposer;
use crate::watchers::Watchers;

/// See the module.
pub(crate) struct Member {
    pub(crate) core: Arc<Core>,
    pub(crate) proposer: Proposer,
    pub(crate) sessions: Sessions,
    pub(crate) sightings: Sightings,
    pub(crate) watchers: Watchers,
    pub(crate) journal: Arc<Journal>,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) heard: LastHeard,
    pub(crate) transport: Arc<PeerTransport>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Member {
    pub(crate) fn new(core: Arc<Core>, proposer: Proposer, transport: Arc<PeerTransport>) -> Self {
        Self {
            core,
            proposer,
            sessions: Sessions::default(),
            sightings: Sightings::default(),
            watchers: Watchers::default(),
            journal: Arc::default(),
            freshness: Arc::default(),
            heard: LastHeard::default(),
            transport,
            tasks: Mutex::default(),
        }
    }

    /// Begins a task that ends with the membership.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.keep(tokio::spawn(task).abort_handle());
    }

    /// It ends with the membership.
    pub(crate) fn keep(&self, task: AbortHandle) {
        self.tasks.lock().expect("no holder of this lock panics").push(task);
    }

    /// Waits, for `patience` at most, until somebody leads who is not silent: who asks during an election hears of its outcome,
    /// and need not ask again and again.
    pub(crate) async fn until_led(&self, patience: Duration) {
        let mut leadership = self.core.leadership_changes();
        let led = leadership.wait_for(|now| now.leader.is_some() && !self.leader_is_silent(now));
        // Late: whoever is known to lead is named.
        let _ = timeout(patience, led).await;
    }

    fn leader_is_silent(&self, leadership: &Leadership) -> bool {
        let (own, now) = (self.core.identity.replica, Instant::now());
        let other = leadership.leader.as_ref().map(|leader| leader.replica).filter(|leader| *leader != own);
        other.is_some_and(|leader| self.heard.is_silent(leader, now))
    }

    /// Whether this controller leads, and a quorum has answered within the lease.
    pub(crate) fn leads(&self) -> bool {
        self.core.leadership().leads()
    }

    /// The leader's row, if a leader is known and the state knows it.
    pub(crate) fn leader(&self) -> Option<ReplicaRow> {
        let leader = self.core.leadership().leader?;
        self.core.read(|cluster| cluster.replica(leader.replica).cloned())
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Option<Arc<InForce>> {
        self.core.read(|cluster| cluster.config().cloned())
    }

    /// Cluster time as it would be stamped now.
    pub(crate) fn now_ms(&self) -> u64 {
        self.proposer.now_ms()
    }

    /// Of the other replicas, as the state has them.
    pub(crate) fn learn_addresses(&self) {
        let places = self.core.read(|cluster| {
            let rows = cluster.replicas().filter(|row| !row.retired && !row.address.is_empty());
            let place = |row: &ReplicaRow| Place { address: row.address.clone(), name: row.name.clone() };
            rows.map(|row| (row.replica, place(row))).collect()
        });
        self.transport.learn(places);
    }

    /// Ends duties and sessions, and closes the store.
    pub(crate) async fn stop(&self) {
        self.journal.close();
        self.sessions.end_all();
        for task in self.tasks.lock().expect("no holder of this lock panics").drain(..) {
            task.abort();
        }
        self.core.replica.clone().stop().await;
    }

    /// To the voter whose log agrees the furthest, if this controller leads.
    pub(crate) async fn hand_over(&self) {
        if !self.leads() {
            return;
        }
        let own = self.core.identity.replica;
        let voters: Vec<u64> =
            self.core.replica.members().into_iter().filter(|it| it.voter).map(|it| it.peer.replica).collect();
        let mut matched = self.core.replica.metrics().matched;
        let distrusted = self.core.replica.distrusted();
        matched.retain(|(id, _)| *id != own && voters.contains(id) && !distrusted.contains(id));
        matched.sort_by_key(|(_, index)| std::cmp::Reverse(*index));
        for (replica, _) in matched {
            if self.core.hand_over_to(replica).await.is_ok() {
                return;
            }
        }
    }
}

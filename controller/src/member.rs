//! This controller as a member of a cluster: its replica, and what stands around it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use muster_model::cluster::config::InForce;
use muster_model::cluster::{Cluster, Event};
use muster_proto::durable::ReplicaRow;
use muster_proto::wire::Authority;
use muster_raft_store::{Durations, Heard, Identity, Leadership, OpenError, Options, Replica, Role, Transport};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::counters::add_one;
use crate::door::node::{Sessions, Sightings};
use crate::door::replica::{PeerTransport, Place, Road};
use crate::freshness::Freshness;
use crate::heard::LastHeard;
use crate::journal::{self, Journal};
use crate::propose::{Clocks, Proposer};
use crate::seat::Seat;
use crate::watchers::Watchers;
use crate::{freshness, joining, leader};

/// The replica, and how everybody here reads it.
pub(crate) struct Core {
    pub(crate) identity: Identity,
    pub(crate) replica: Replica,
    /// How long [`Core::read`] held the state: applying waits as long.
    pub(crate) reads: Durations,
    /// The most records that a listing took while it held the state.
    pub(crate) records_held_max: AtomicUsize,
}

/// Records that a listing takes while it holds the state: well under a millisecond.
pub(crate) const PART_RECORDS: usize = 1_024;

impl Core {
    /// Reads the state under a short lock: take out what is needed, and build the answer outside.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Cluster) -> T) -> T {
        let state = self.replica.state();
        let cluster = state.read().unwrap_or_else(PoisonError::into_inner);
        let started = Instant::now();
        let seen = look(&cluster);
        drop(cluster);
        self.reads.add(started.elapsed());
        seen
    }

    /// Reads a part of a listing: [`PART_RECORDS`] records at most.
    pub(crate) fn take<T>(&self, look: impl FnOnce(&Cluster) -> Vec<T>) -> Vec<T> {
        let taken = self.read(look);
        self.records_held_max.fetch_max(taken.len(), Ordering::Relaxed);
        taken
    }

    /// Whether this replica leads in `term`, as far as it knows: a quorum may be late.
    pub(crate) fn leads_in(&self, term: u64) -> bool {
        let now = self.leadership();
        now.role == Role::Leader && now.term == term
    }

    /// Who leads, as this replica knows.
    pub(crate) fn leadership(&self) -> Leadership {
        self.replica.leadership().borrow().clone()
    }

    /// Resolves whenever that changes.
    pub(crate) fn leadership_changes(&self) -> watch::Receiver<Leadership> {
        self.replica.leadership()
    }

    /// Index up to which this replica has applied.
    pub(crate) fn applied(&self) -> u64 {
        self.replica.applied().borrow().index
    }

    /// What every order and acknowledgement to a node carries.
    pub(crate) fn authority(&self, term: u64) -> Authority {
        Authority { cluster_id: self.identity.cluster_id.to_vec().into(), generation: self.identity.generation, term }
    }
}

/// See the module.
pub(crate) struct Member {
    pub(crate) core: Arc<Core>,
    pub(crate) proposer: Proposer,
    pub(crate) sessions: Sessions,
    pub(crate) sightings: Sightings,
    pub(crate) watchers: Watchers,
    pub(crate) journal: Arc<Journal>,
    pub(crate) freshness: Freshness,
    pub(crate) heard: LastHeard,
    pub(crate) transport: Arc<PeerTransport>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Member {
    /// Opens the replica of `identity` in the seat's store, and starts what belongs to a member.
    pub(crate) async fn open(seat: &Arc<Seat>, identity: Identity) -> Result<Arc<Self>, OpenError> {
        let transport = PeerTransport::new(
            seat.outside.clone(),
            seat.keeper.clone(),
            seat.cluster().to_owned(),
            identity.clone(),
            seat.settings.raft_runtime.clone(),
        );
        let road: Arc<dyn Transport> = Arc::new(Road(transport.clone()));
        let replica = Replica::open(options(seat), identity.clone(), road).await?;
        let core =
            Arc::new(Core { identity, replica, reads: Durations::default(), records_held_max: AtomicUsize::new(0) });
        let clocks = Clocks::new(seat.outside.clone(), transport.clone());
        let (proposer, proposing) = Proposer::start(core.clone(), clocks);
        let member = Arc::new(Self {
            core,
            proposer,
            sessions: Sessions::default(),
            sightings: Sightings::default(),
            watchers: Watchers::default(),
            journal: Arc::default(),
            freshness: Freshness::default(),
            heard: LastHeard::default(),
            transport,
            tasks: Mutex::new(vec![proposing.abort_handle()]),
        });
        member.spawn(watch_failure(seat.clone(), member.clone()));
        member.spawn(watch_events(seat.clone(), member.clone()));
        let events = member.core.replica.events();
        // After subscribing: whatever comes later is told.
        member.journal.restart(member.core.applied());
        member.spawn(journal::keep(member.journal.clone(), member.core.clone(), events));
        member.spawn(freshness::keep(member.clone()));
        member.spawn(count_elections(seat.clone(), member.clone()));
        member.spawn(leader::run(seat.clone(), member.clone()));
        member.spawn(joining::leave_when_removed(seat.clone(), member.clone()));
        Ok(member)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let handle = tokio::spawn(task).abort_handle();
        self.tasks.lock().expect("no holder of this lock panics").push(handle);
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

    fn learn_addresses(&self) {
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
        matched.retain(|(replica, _)| *replica != own && voters.contains(replica));
        matched.sort_by_key(|(_, index)| std::cmp::Reverse(*index));
        for (replica, _) in matched {
            match self.core.replica.transfer_leader(replica).await {
                Ok(()) => return,
                Err(why) => tracing::warn!(replica, %why, "leadership was not handed over"),
            }
        }
    }
}

fn options(seat: &Seat) -> Options {
    let settings = &seat.settings;
    let best = Options::new(settings.store.clone());
    let snapshot_every = settings.snapshot_every.unwrap_or(best.snapshot_every);
    Options {
        timers: settings.timers.raft.clone(),
        random_seed: settings.random_seed,
        feature_level_max: settings.feature_level(),
        runtime: settings.raft_runtime.clone(),
        snapshot_every,
        log_keep: snapshot_every * best.log_keep / best.snapshot_every,
        ..best
    }
}

async fn watch_failure(seat: Arc<Seat>, member: Arc<Member>) {
    let why = member.core.replica.failed().await;
    seat.fail(why);
}

/// Counts leaders as they come and go.
async fn count_elections(seat: Arc<Seat>, member: Arc<Member>) {
    let mut changes = member.core.leadership_changes();
    let mut known = None;
    loop {
        let now = changes.borrow_and_update().clone();
        let leader = now.leader.map(|leader| (now.term, leader.replica));
        if leader.is_some() && leader != known {
            add_one(&seat.counters.leader_changes);
            if leader.is_some_and(|(_, replica)| replica == member.core.identity.replica) {
                add_one(&seat.counters.elections_won);
            }
            known = leader;
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Wakes those that wait for jobs, and follows time and the configuration.
async fn watch_events(seat: Arc<Seat>, member: Arc<Member>) {
    let mut events = member.core.replica.events();
    member.learn_addresses();
    learn_config(&seat, &member).await;
    while let Some(heard) = events.next().await {
        member.proposer.observe(member.core.read(Cluster::now_ms), Instant::now());
        match heard {
            Heard::Event(Event::JobChanged { uid } | Event::StepChanged { uid, .. }) => member.watchers.wake(uid),
            Heard::Event(Event::ConfigChanged { .. }) => learn_config(&seat, &member).await,
            Heard::Event(Event::ReplicasChanged) => member.learn_addresses(),
            Heard::Event(Event::NodeChanged { .. } | Event::ScheduleAgain) => {}
            Heard::Missed => {
                member.learn_addresses();
                member.watchers.wake_all();
                learn_config(&seat, &member).await;
            }
        }
    }
}

async fn learn_config(seat: &Seat, member: &Member) {
    if let Some(config) = member.config() {
        seat.limits.follow(&config.conf);
        seat.learn_admins(&config.conf.slurm_user, &config.conf.slurmd_user).await;
    }
}

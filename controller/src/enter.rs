//! A controller becomes a member of its cluster: its replica is opened, and what belongs to a member begins.

use std::sync::Arc;

use muster_model::cluster::{Cluster, Event};
use muster_raft_store::{Heard, Identity, OpenError, Options, Replica, Transport};
use tokio::time::Instant;

use crate::core::Core;
use crate::counters::add_one;
use crate::door::replica::{PeerTransport, Road};
use crate::member::Member;
use crate::propose::{Clocks, Proposer};
use crate::seat::Seat;
use crate::{freshness, joining, journal, leader, priority};

/// Opens the replica of `identity` in the seat's store, and starts what belongs to a member.
pub(crate) async fn enter(seat: &Arc<Seat>, identity: Identity) -> Result<Arc<Member>, OpenError> {
    let transport = PeerTransport::new(
        seat.outside.clone(),
        seat.keeper.clone(),
        seat.cluster().to_owned(),
        identity.clone(),
        seat.settings.raft_runtime.clone(),
    );
    let road: Arc<dyn Transport> = Arc::new(Road(transport.clone()));
    let replica = Replica::open(options(seat), identity.clone(), road).await?;
    if let Some(raft) = &seat.settings.raft_runtime {
        // Now, when the threads that apply and keep the log have been started from there.
        raft.spawn(async { priority::go_first() });
    }
    let core = Arc::new(Core::new(identity, replica));
    let clocks = Clocks::new(seat.outside.clone(), transport.clone());
    let (proposer, proposing) = Proposer::start(core.clone(), clocks);
    let member = Arc::new(Member::new(core, proposer, transport));
    member.keep(proposing.abort_handle());
    member.spawn(watch_failure(seat.clone(), member.clone()));
    member.spawn(watch_events(seat.clone(), member.clone()));
    let events = member.core.replica.events();
    // After subscribing: whatever comes later is told.
    member.journal.restart(member.core.applied());
    member.spawn(journal::keep(member.journal.clone(), member.core.clone(), events));
    member.spawn(freshness::keep(member.freshness.clone(), member.core.clone()));
    member.spawn(count_elections(seat.clone(), member.clone()));
    member.spawn(leader::run(seat.clone(), member.clone()));
    member.spawn(joining::leave_when_removed(seat.clone(), member.clone()));
    Ok(member)
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
            } else if let Some((term, replica)) = leader {
                let name = member.core.read(|cluster| cluster.replica(replica).map(|row| row.name.clone()));
                tracing::info!(term, replica, leader = name, "follows");
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

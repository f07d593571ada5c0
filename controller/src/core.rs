//! The replica of this controller, and how everybody here reads it.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use muster_model::cluster::Cluster;
use muster_proto::wire::Authority;
use muster_raft_store::{Durations, Identity, Leadership, MemberError, Replica, Role};
use tokio::sync::watch;
use tokio::time::Instant;

/// See the module.
pub(crate) struct Core {
    pub(crate) identity: Identity,
    pub(crate) replica: Replica,
    /// How long [`Core::read`] held the state: applying waits as long.
    pub(crate) reads: Durations,
    /// The same of [`Core::take`] alone.
    pub(crate) listings: Durations,
    /// The most records that a listing took while it held the state.
    pub(crate) records_held_max: AtomicUsize,
}

/// Records that a listing takes while it holds the state: well under a tenth of a millisecond, so that its thread, which gives way
/// to all others, is seldom put off its processor meanwhile.
pub(crate) const PART_RECORDS: usize = 256;

impl Core {
    pub(crate) fn new(identity: Identity, replica: Replica) -> Self {
        let (reads, listings) = (Durations::default(), Durations::default());
        Self { identity, replica, reads, listings, records_held_max: AtomicUsize::new(0) }
    }

    /// Reads the state under a short lock: take out what is needed, and build the answer outside.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Cluster) -> T) -> T {
        self.hold(look).0
    }

    /// Reads a part of a listing: [`PART_RECORDS`] records at most.
    pub(crate) fn take<T>(&self, look: impl FnOnce(&Cluster) -> Vec<T>) -> Vec<T> {
        let (taken, held) = self.hold(look);
        self.listings.add(held);
        self.records_held_max.fetch_max(taken.len(), Ordering::Relaxed);
        taken
    }

    fn hold<T>(&self, look: impl FnOnce(&Cluster) -> T) -> (T, Duration) {
        let state = self.replica.state();
        let cluster = state.read().unwrap_or_else(PoisonError::into_inner);
        let started = Instant::now();
        let seen = look(&cluster);
        drop(cluster);
        let held = started.elapsed();
        self.reads.add(held);
        (seen, held)
    }

    /// Whether this replica leads in `term`, as far as it knows: a quorum may be late.
    pub(crate) fn leads_in(&self, term: u64) -> bool {
        let now = self.leadership();
        now.role == Role::Leader && now.term == term
    }

    /// Lets `replica` lead in this one's place.
    pub(crate) async fn hand_over_to(&self, replica: u64) -> Result<(), MemberError> {
        let handed = self.replica.transfer_leader(replica).await;
        match &handed {
            Ok(()) => tracing::info!(replica, "leadership was handed over"),
            Err(why) => tracing::warn!(replica, %why, "leadership was not handed over"),
        }
        handed
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

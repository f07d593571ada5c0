//! How often each kind of request came, from whom, and how long it took; what was refused, and why: what `sdiag` and
//! `/metrics` show of this process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use muster_proto::wire::RpcStat;
use muster_raft_store::Durations;

use crate::door::client::Kind;

/// Users counted by themselves; later ones are left out.
const USERS_MAX: usize = 10_000;

/// Requests of this process since it started, or since `sdiag -r`; everything else since it started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    kinds: Mutex<BTreeMap<Kind, Count>>,
    users: Mutex<BTreeMap<u32, Count>>,
    /// Never reset: a counter of Prometheus may only grow.
    ever: Mutex<BTreeMap<Kind, Count>>,
    since_ms: AtomicU64,
    /// Credentials that were not believed.
    pub(crate) refused_credentials: AtomicU64,
    /// Messages that were no messages.
    pub(crate) garbage: AtomicU64,
    /// Requests refused because too many were under way.
    pub(crate) refused_busy: AtomicU64,
    /// Listings that were built.
    pub(crate) listings_built: AtomicU64,
    /// Requests for a listing that were answered by one built for another.
    pub(crate) listings_shared: AtomicU64,
    /// Requests refused because their user had spent the budget.
    pub(crate) refused_budget: AtomicU64,
    /// Frames on the replica door that were of no replica, or of another cluster or generation.
    pub(crate) refused_frames: AtomicU64,
    /// Reports of nodes about what is over: an older epoch, an older attempt.
    pub(crate) stale_reports: AtomicU64,
    /// Watches that were told to resume, because they read too slowly.
    pub(crate) slow_watches: AtomicU64,
    /// How often this controller was elected.
    pub(crate) elections_won: AtomicU64,
    /// How often it heard of another leader.
    pub(crate) leader_changes: AtomicU64,
    /// Scheduling passes of this leader.
    pub(crate) passes: Durations,
}

/// Of one kind, or one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) count: u64,
    pub(crate) total_us: u64,
}

impl Count {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.total_us += u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    }

    fn stat(self, name: String, number: u32) -> RpcStat {
        RpcStat { name, number, count: self.count, total_us: self.total_us }
    }
}

/// One more.
pub(crate) fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn add(&self, kind: Kind, uid: u32, took: Duration) {
        locked(&self.kinds).entry(kind).or_default().add(took);
        locked(&self.ever).entry(kind).or_default().add(took);
        let mut users = locked(&self.users);
        if users.len() < USERS_MAX || users.contains_key(&uid) {
            users.entry(uid).or_default().add(took);
        }
    }

    pub(crate) fn reset(&self, now_ms: u64) {
        locked(&self.kinds).clear();
        locked(&self.users).clear();
        self.since_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Wall clock of the last reset, or of the start.
    pub(crate) fn since_ms(&self) -> u64 {
        self.since_ms.load(Ordering::Relaxed)
    }

    /// The most frequent first, as Slurm prints them.
    pub(crate) fn by_kind(&self) -> Vec<RpcStat> {
        let kinds = locked(&self.kinds);
        most_first(kinds.iter().map(|(kind, count)| count.stat(kind.name().to_owned(), kind.number())).collect())
    }

    /// By uid, the most frequent first; the names are filled in by whoever asks the name service.
    pub(crate) fn by_user(&self) -> Vec<RpcStat> {
        let users = locked(&self.users);
        most_first(users.iter().map(|(uid, count)| count.stat(String::new(), *uid)).collect())
    }

    /// Since the start, in the order of kinds.
    pub(crate) fn ever_by_kind(&self) -> Vec<(Kind, Count)> {
        locked(&self.ever).iter().map(|(kind, count)| (*kind, *count)).collect()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

fn most_first(mut stats: Vec<RpcStat>) -> Vec<RpcStat> {
    // Stable: equals stay in the order of their numbers.
    stats.sort_by_key(|stat| std::cmp::Reverse(stat.count));
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_empties_what_sdiag_shows_and_not_what_prometheus_counts() {
        let counters = Counters::default();
        counters.add(Kind::Ping, 1, Duration::from_micros(5));
        counters.add(Kind::Submit, 2, Duration::from_micros(5));
        counters.add(Kind::Submit, 2, Duration::from_micros(7));
        let kinds: Vec<_> = counters.by_kind().iter().map(|stat| (stat.number, stat.count, stat.total_us)).collect();
        assert_eq!(kinds, [(4003, 2, 12), (1008, 1, 5)]);
        counters.reset(9);
        assert!(counters.by_kind().is_empty() && counters.by_user().is_empty());
        assert_eq!(counters.ever_by_kind().len(), 2);
    }
}

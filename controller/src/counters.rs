//! How often each kind of request came, from whom, and how long it took: what `sdiag` shows.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use muster_proto::wire::RpcStat;

use crate::door::client::Kind;

/// Users counted by themselves; later ones are left out.
const USERS_MAX: usize = 10_000;

/// Requests of this process since it started, or since `sdiag -r`.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    kinds: Mutex<BTreeMap<Kind, Count>>,
    users: Mutex<BTreeMap<u32, Count>>,
    since_ms: AtomicU64,
    /// Credentials that were not believed.
    pub(crate) refused_credentials: AtomicU64,
    /// Messages that were no messages.
    pub(crate) garbage: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    count: u64,
    total_us: u64,
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

impl Counters {
    pub(crate) fn add(&self, kind: Kind, uid: u32, took: Duration) {
        self.kinds.lock().expect("no holder of this lock panics").entry(kind).or_default().add(took);
        let mut users = self.users.lock().expect("no holder of this lock panics");
        if users.len() < USERS_MAX || users.contains_key(&uid) {
            users.entry(uid).or_default().add(took);
        }
    }

    pub(crate) fn reset(&self, now_ms: u64) {
        self.kinds.lock().expect("no holder of this lock panics").clear();
        self.users.lock().expect("no holder of this lock panics").clear();
        self.since_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Wall clock of the last reset, or of the start.
    pub(crate) fn since_ms(&self) -> u64 {
        self.since_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn by_kind(&self) -> Vec<RpcStat> {
        let kinds = self.kinds.lock().expect("no holder of this lock panics");
        kinds.iter().map(|(kind, count)| count.stat(kind.name().to_owned(), kind.number())).collect()
    }

    /// By uid; the names are filled in by whoever asks the name service.
    pub(crate) fn by_user(&self) -> Vec<RpcStat> {
        let users = self.users.lock().expect("no holder of this lock panics");
        users.iter().map(|(uid, count)| count.stat(String::new(), *uid)).collect()
    }
}

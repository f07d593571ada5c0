//! How much one user, and everybody together, may ask of this controller at once.
//!
//! ```text
//! request ─► room (calls at once) ─► who? ─► budget (tokens of this uid) ─► route
//!            readers: another room   readers: few at once         listings ─► shared, queue for a few places
//! ```
//!
//! Whoever is over a limit is told to come again, and when; nothing waits without a bound. Administrators have no budget:
//! they are the ones who mend things.

mod budget;
mod places;
mod words;

pub(crate) use budget::Spent;
pub(crate) use places::Places;
pub(crate) use words::Words;

use std::sync::{Arc, Mutex, PoisonError};

use muster_dialect::conf::Config;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use budget::Budgets;

/// Requests that change something, under way at once, long polls apart; the rest is asked to try again.
const CALLS_AT_ONCE_MAX: usize = 2048;

/// Likewise of those that only look: they never take the place of the others.
const READERS_AT_ONCE_MAX: usize = 2048;

/// Credentials of readers that are checked at once: munged has two threads, and who works goes first.
const LOOKS_CHECKED_AT_ONCE_MAX: usize = 2;

/// Watch streams open at once.
const WATCHES_MAX: usize = 4096;

/// See the module.
#[derive(Debug)]
pub(crate) struct Limits {
    watches: Arc<Semaphore>,
    room: Semaphore,
    readers: Semaphore,
    budgets: Mutex<Budgets>,
    /// Where credentials of those who only look are checked.
    looks: Semaphore,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            watches: Arc::new(Semaphore::new(WATCHES_MAX)),
            room: Semaphore::new(CALLS_AT_ONCE_MAX),
            readers: Semaphore::new(READERS_AT_ONCE_MAX),
            budgets: Mutex::new(Budgets::new(Words::of(config))),
            looks: Semaphore::new(LOOKS_CHECKED_AT_ONCE_MAX),
        }
    }

    /// Another configuration is in force.
    pub(crate) fn follow(&self, config: &Config) {
        self.budgets().follow(Words::of(config));
    }

    /// A place among the requests under way; `None`: there is none.
    pub(crate) fn enter(&self, reads: bool) -> Option<SemaphorePermit<'_>> {
        let room = if reads { &self.readers } else { &self.room };
        room.try_acquire().ok()
    }

    /// Takes what one request costs from the budget of `uid`.
    pub(crate) fn spend(&self, uid: u32, now: Instant) -> Spent {
        self.budgets().spend(uid, now)
    }

    /// An answer of `rows` rows cost more than its request.
    pub(crate) fn charge_rows(&self, uid: u32, rows: usize, now: Instant) {
        self.budgets().charge_rows(uid, rows, now);
    }

    /// Waits for one of the few places where credentials of readers are checked. Bounded by [`Limits::enter`].
    pub(crate) async fn check_reader(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.looks.acquire().await.ok()
    }

    /// Room for one more watch, until the permit is dropped.
    pub(crate) fn watch(&self) -> Option<OwnedSemaphorePermit> {
        self.watches.clone().try_acquire_owned().ok()
    }

    pub(crate) fn watches(&self) -> usize {
        WATCHES_MAX - self.watches.available_permits()
    }

    pub(crate) fn calls_under_way(&self) -> usize {
        let free = self.room.available_permits() + self.readers.available_permits();
        CALLS_AT_ONCE_MAX + READERS_AT_ONCE_MAX - free
    }

    fn budgets(&self) -> std::sync::MutexGuard<'_, Budgets> {
        // Counts only: what a panic would have left behind is still a count.
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

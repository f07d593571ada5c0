//! How much one user, and everybody together, may ask of this controller at once.
//!
//! ```text
//! request ─► room (calls at once) ─► who? ─► budget (tokens of this uid) ─► route
//!                                                         listings ─► queue for a few places
//! ```
//!
//! Whoever is over a limit is told to come again, and when; nothing waits without a bound. Administrators have no budget:
//! they are the ones who mend things.

mod budget;
mod places;
mod words;

pub(crate) use budget::Spent;
pub(crate) use words::Words;

use std::sync::{Arc, Mutex, PoisonError};

use muster_dialect::conf::Config;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use budget::Budgets;
use places::Places;

/// Requests under way at once, long polls apart; the rest is asked to try again.
const CALLS_AT_ONCE_MAX: usize = 2048;

/// Watch streams open at once.
const WATCHES_MAX: usize = 4096;

/// See the module.
#[derive(Debug)]
pub(crate) struct Limits {
    watches: Arc<Semaphore>,
    room: Semaphore,
    budgets: Mutex<Budgets>,
    listings: Places,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            watches: Arc::new(Semaphore::new(WATCHES_MAX)),
            room: Semaphore::new(CALLS_AT_ONCE_MAX),
            budgets: Mutex::new(Budgets::new(Words::of(config))),
            listings: Places::default(),
        }
    }

    /// Another configuration is in force.
    pub(crate) fn follow(&self, config: &Config) {
        self.budgets().follow(Words::of(config));
    }

    /// A place among the requests under way; `None`: there is none.
    pub(crate) fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.room.try_acquire().ok()
    }

    /// Takes what one request costs from the budget of `uid`.
    pub(crate) fn spend(&self, uid: u32, now: Instant) -> Spent {
        self.budgets().spend(uid, now)
    }

    /// An answer of `rows` rows cost more than its request.
    pub(crate) fn charge_rows(&self, uid: u32, rows: usize, now: Instant) {
        self.budgets().charge_rows(uid, rows, now);
    }

    /// Waits for one of the few places where long answers are built; `None`: too many wait already.
    pub(crate) async fn listing(&self) -> Option<SemaphorePermit<'_>> {
        self.listings.take().await
    }

    /// Room for one more watch, until the permit is dropped.
    pub(crate) fn watch(&self) -> Option<OwnedSemaphorePermit> {
        self.watches.clone().try_acquire_owned().ok()
    }

    pub(crate) fn watches(&self) -> usize {
        WATCHES_MAX - self.watches.available_permits()
    }

    pub(crate) fn calls_under_way(&self) -> usize {
        CALLS_AT_ONCE_MAX - self.room.available_permits()
    }

    pub(crate) fn listings_under_way(&self) -> usize {
        self.listings.taken()
    }

    fn budgets(&self) -> std::sync::MutexGuard<'_, Budgets> {
        // Counts only: what a panic would have left behind is still a count.
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

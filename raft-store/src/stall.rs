//! How long something that should be short is taking: what the watchdog looks at.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Shared by who works and who watches.
#[derive(Clone, Default)]
pub(crate) struct Stall {
    since: Arc<Mutex<Option<Instant>>>,
}

/// Work is under way until this is dropped.
pub(crate) struct Busy(Stall);

impl Stall {
    pub(crate) fn begin(&self) -> Busy {
        self.set(Some(Instant::now()));
        Busy(self.clone())
    }

    /// Zero where nothing is under way.
    pub(crate) fn lasts(&self) -> Duration {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn set(&self, since: Option<Instant>) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

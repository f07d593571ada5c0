//! Keeps the log from being purged further than what is safe on disk in the rows.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::encoding::AppliedRecord;
use crate::store::{RowFiles, failure};

/// The rows in force; replaced when a snapshot is installed.
pub(crate) type RowsInForce = Arc<RwLock<Arc<dyn RowFiles>>>;

#[derive(Clone)]
pub(crate) struct PurgeGate {
    rows: RowsInForce,
    /// One past the applied index that was read back after a flush.
    persisted: Arc<AtomicU64>,
    /// When.
    flushed: Arc<Mutex<Option<Instant>>>,
}

impl PurgeGate {
    pub(crate) fn new(rows: RowsInForce) -> PurgeGate {
        PurgeGate { rows, persisted: Arc::default(), flushed: Arc::default() }
    }

    #[cfg(test)]
    pub(crate) fn wide_open(rows: RowsInForce) -> PurgeGate {
        PurgeGate { rows, persisted: Arc::new(AtomicU64::new(u64::MAX)), flushed: Arc::default() }
    }

    /// Flushes the rows, and answers the applied record that a power cut would leave.
    pub(crate) fn flush(&self) -> io::Result<Option<AppliedRecord>> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner).clone();
        let applied = rows.persist()?;
        self.persisted.fetch_max(applied.as_ref().map_or(0, |applied| applied.at.index + 1), Ordering::SeqCst);
        *self.flushed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(applied)
    }

    /// Since the last flush of this process.
    pub(crate) fn flushed_ago(&self) -> Option<Duration> {
        self.flushed.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    /// The log may be purged up to `index` only if the rows hold it durably.
    pub(crate) fn check(&self, index: u64) -> io::Result<()> {
        if self.persisted.load(Ordering::SeqCst) > index {
            return Ok(());
        }
        match self.flush()? {
            Some(applied) if applied.at.index >= index => Ok(()),
            _ => Err(failure(format!("the log cannot be purged up to {index}: the rows do not hold it durably"))),
        }
    }
}

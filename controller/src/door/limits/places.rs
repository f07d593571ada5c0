//! A few places where long answers are built: one after the other they are as fast as all at once, and the leader's duties
//! share the processors with a few instead of hundreds.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Long answers that are built at once.
const AT_ONCE_MAX: usize = 2;
/// Requests that wait for a place; more are told to come again.
const WAITING_MAX: usize = 1_024;

/// See the module.
#[derive(Debug)]
pub(crate) struct Places {
    free: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Places {
    fn default() -> Self {
        Self { free: Semaphore::new(AT_ONCE_MAX), waiting: AtomicUsize::new(0) }
    }
}

impl Places {
    /// In the order of asking.
    pub(crate) async fn take(&self) -> Option<SemaphorePermit<'_>> {
        let _waiting = Waiting::one_more(&self.waiting)?;
        // Nobody closes it.
        self.free.acquire().await.ok()
    }

    pub(crate) fn taken(&self) -> usize {
        AT_ONCE_MAX - self.free.available_permits()
    }
}

/// Ends with the wait, whichever way that ends: a client may go away.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn one_more(waiting: &'a AtomicUsize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let one = Self(waiting);
        (before < WAITING_MAX).then_some(one)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_place_is_waited_for_and_whoever_gives_up_leaves_no_trace() {
        let places = Places::default();
        let first = places.take().await.unwrap();
        let _second = places.take().await.unwrap();
        assert!(places.take().now_or_never().is_none());
        assert_eq!(places.waiting.load(Ordering::Relaxed), 0);
        drop(first);
        assert!(places.take().now_or_never().flatten().is_some());
    }
}

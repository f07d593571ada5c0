//! Who waits for which job: a change of the job wakes its watchers alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::watch;

/// Jobs that are waited for at once.
const WATCHED_MAX: usize = 100_000;

type Signal = watch::Sender<()>;

/// Wakes those that wait for a job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watchers(Arc<Mutex<BTreeMap<u64, Weak<Signal>>>>);

/// A wait for one job; ends when dropped.
#[derive(Debug)]
pub(crate) struct Watching {
    uid: u64,
    // Kept alive by its watchers, so that the last one to go ends it.
    signal: Option<Arc<Signal>>,
    changes: watch::Receiver<()>,
    watchers: Watchers,
}

impl Watchers {
    /// Waits for changes of `uid`. `None`: too much is waited for.
    pub(crate) fn watch(&self, uid: u64) -> Option<Watching> {
        let mut watched = self.0.lock().expect("no holder of this lock panics");
        let signal = match watched.get(&uid).and_then(Weak::upgrade) {
            Some(signal) => signal,
            None if watched.len() >= WATCHED_MAX => return None,
            None => {
                let signal = Arc::new(watch::Sender::new(()));
                watched.insert(uid, Arc::downgrade(&signal));
                signal
            }
        };
        Some(Watching { uid, changes: signal.subscribe(), signal: Some(signal), watchers: self.clone() })
    }

    /// Jobs that are waited for.
    pub(crate) fn waits(&self) -> usize {
        self.0.lock().expect("no holder of this lock panics").len()
    }

    /// `uid` changed.
    pub(crate) fn wake(&self, uid: u64) {
        let watched = self.0.lock().expect("no holder of this lock panics");
        if let Some(signal) = watched.get(&uid).and_then(Weak::upgrade) {
            signal.send_replace(());
        }
    }

    /// Something was missed: everybody looks again.
    pub(crate) fn wake_all(&self) {
        let watched = self.0.lock().expect("no holder of this lock panics");
        for signal in watched.values().filter_map(Weak::upgrade) {
            signal.send_replace(());
        }
    }
}

impl Watching {
    /// What comes after this is news.
    pub(crate) fn mark_seen(&mut self) {
        self.changes.mark_unchanged();
    }

    /// Resolves at the next change.
    pub(crate) async fn changed(&mut self) {
        // The sender lives as long as this.
        let _ = self.changes.changed().await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut watched = self.watchers.0.lock().expect("no holder of this lock panics");
        self.signal = None;
        if watched.get(&self.uid).is_some_and(|signal| signal.strong_count() == 0) {
            watched.remove(&self.uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_wakes_the_watchers_of_that_job_and_none_stays_behind() {
        let watchers = Watchers::default();
        let mut first = watchers.watch(1).unwrap();
        let mut second = watchers.watch(2).unwrap();
        watchers.wake(1);
        first.changed().await;
        assert!(!second.changes.has_changed().unwrap());
        watchers.wake_all();
        second.changed().await;
        drop((first, second));
        assert!(watchers.0.lock().unwrap().is_empty());
    }
}

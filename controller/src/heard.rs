//! Who of the other replicas was heard when: a follower goes on naming a leader that died until it votes for another one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// A leader that is not heard for three heartbeats is as good as none, for whoever asks where it is.
const SILENCE: Duration = Duration::from_millis(150);

/// When a frame of each replica came here last.
#[derive(Debug, Default)]
pub(crate) struct LastHeard(Mutex<BTreeMap<u64, Instant>>);

impl LastHeard {
    /// A frame of a known replica came.
    pub(crate) fn note(&self, replica: u64) {
        self.0.lock().expect("no holder of this lock panics").insert(replica, Instant::now());
    }

    /// Of one that was never heard here nobody can say so.
    pub(crate) fn is_silent(&self, replica: u64, now: Instant) -> bool {
        let heard = self.0.lock().expect("no holder of this lock panics").get(&replica).copied();
        heard.is_some_and(|at| now.duration_since(at) >= SILENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_heard_is_silent_after_three_heartbeats_and_a_stranger_never() {
        let heard = LastHeard::default();
        heard.note(1);
        let now = Instant::now();
        let silent = |at| [1, 2].map(|replica| heard.is_silent(replica, at));
        assert_eq!(silent(now), [false, false]);
        assert_eq!(silent(now + SILENCE), [true, false]);
    }
}

//! Who of the other replicas was heard when: a follower goes on naming a leader that died until it votes for another one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use muster_raft_store::Leadership;
use tokio::time::{Instant, timeout};

use crate::member::Member;

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
    fn is_silent(&self, replica: u64, now: Instant) -> bool {
        let heard = self.0.lock().expect("no holder of this lock panics").get(&replica).copied();
        heard.is_some_and(|at| now.duration_since(at) >= SILENCE)
    }
}

impl Member {
    /// Waits, for `patience` at most, until somebody leads who is not silent: who asks during an election hears of its outcome,
    /// and need not ask again and again.
    pub(crate) async fn until_led(&self, patience: Duration) {
        let mut leadership = self.core.leadership_changes();
        let led = leadership.wait_for(|now| now.leader.is_some() && !self.leader_is_silent(now));
        // Late: whoever is known to lead is named.
        let _ = timeout(patience, led).await;
    }

    fn leader_is_silent(&self, leadership: &Leadership) -> bool {
        let (own, now) = (self.core.identity.replica, Instant::now());
        let other = leadership.leader.as_ref().map(|leader| leader.replica).filter(|leader| *leader != own);
        other.is_some_and(|leader| self.heard.is_silent(leader, now))
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

//! Cluster time: the stamp that the leader gives to a batch.
//!
//! One wrong clock must not end every time limit. A stamp follows the leader's wall clock, but gains on the stamp applied
//! last no more than its monotonic clock did since, plus a tolerance; a bigger step waits until a majority of the
//! replicas' clocks agree with the leader's (design: *Time*). Until they do, cluster time goes on at the pace of the
//! monotonic clock. It never goes back.

use std::time::Duration;

use tokio::time::Instant;

/// A wall clock may differ this much without anybody being asked. Milliseconds.
pub(crate) const TOLERANCE_MS: u64 = 5_000;

/// The highest stamp applied, and when this process saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamper {
    applied_ms: u64,
    seen_at: Instant,
}

/// What the clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// The stamp of the next batch.
    Now(u64),
    /// The wall clock is so far ahead that others must be asked: `wall` if they agree, else `otherwise`.
    Step {
        /// By this host's clock.
        wall: u64,
        /// By the pace of the monotonic clock.
        otherwise: u64,
    },
}

impl Stamper {
    pub(crate) fn new(applied_ms: u64, now: Instant) -> Self {
        Self { applied_ms, seen_at: now }
    }

    /// The state's time is now `applied_ms`.
    pub(crate) fn observe(&mut self, applied_ms: u64, now: Instant) {
        if applied_ms > self.applied_ms {
            *self = Self::new(applied_ms, now);
        }
    }

    pub(crate) fn next(&self, wall_ms: u64, now: Instant) -> Stamp {
        let elapsed = u64::try_from((now - self.seen_at).as_millis()).unwrap_or(u64::MAX);
        let paced = self.applied_ms.saturating_add(elapsed);
        if wall_ms > paced.saturating_add(TOLERANCE_MS) {
            Stamp::Step { wall: wall_ms, otherwise: paced }
        } else if wall_ms.saturating_add(TOLERANCE_MS) < self.applied_ms {
            // This host's clock is far behind cluster time: time limits must still pass.
            Stamp::Now(paced)
        } else {
            Stamp::Now(wall_ms.max(self.applied_ms))
        }
    }
}

/// Whether `clocks` (of the replicas that answered) agree with `wall_ms`, as a majority of `voters`; ours is one of them.
pub(crate) fn majority_agrees(wall_ms: u64, clocks: &[u64], voters: usize) -> bool {
    let agreeing = clocks.iter().filter(|clock| clock.abs_diff(wall_ms) <= TOLERANCE_MS).count();
    agreeing * 2 > voters
}

/// How long a refused step is not tried again.
pub(crate) const STEP_RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_follows_the_wall_clock_and_never_goes_back() {
        let start = Instant::now();
        let stamper = Stamper::new(100_000, start);
        assert_eq!(stamper.next(101_000, start), Stamp::Now(101_000));
        assert_eq!(stamper.next(99_000, start), Stamp::Now(100_000));
    }

    #[test]
    fn a_clock_far_ahead_must_be_confirmed_and_one_far_behind_is_paced() {
        let start = Instant::now();
        let stamper = Stamper::new(100_000, start);
        let later = start + Duration::from_secs(2);
        assert_eq!(stamper.next(900_000, later), Stamp::Step { wall: 900_000, otherwise: 102_000 });
        assert_eq!(stamper.next(0, later), Stamp::Now(102_000));
    }

    #[test]
    fn a_majority_counts_voters_and_not_answers() {
        assert!(majority_agrees(1_000, &[1_000], 1));
        assert!(!majority_agrees(1_000, &[1_000], 2));
        assert!(majority_agrees(1_000, &[1_000, 3_000], 3));
        assert!(!majority_agrees(1_000_000, &[1_000_000, 3_000, 3_000], 3));
    }
}

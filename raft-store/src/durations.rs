//! How long something takes, counted: for `sdiag` and metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of [`Times::buckets`], microseconds.
pub const DURATION_BUCKETS_US: [u64; 11] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

/// Counts durations; shared by who takes them and who shows them.
#[derive(Debug, Default)]
pub struct Durations {
    count: AtomicU64,
    total_us: AtomicU64,
    max_us: AtomicU64,
    buckets: [AtomicU64; DURATION_BUCKETS_US.len() + 1],
}

/// What was counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Together.
    pub total_us: u64,
    /// The longest.
    pub max_us: u64,
    /// How many took at most each of [`DURATION_BUCKETS_US`] and more than the one before; the last: more than all.
    pub buckets: Vec<u64>,
}

impl Durations {
    /// One more.
    pub fn add(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = DURATION_BUCKETS_US.iter().position(|bound| us <= *bound).unwrap_or(DURATION_BUCKETS_US.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(us, Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
    }

    /// As it stands now.
    pub fn times(&self) -> Times {
        Times {
            count: self.count.load(Ordering::Relaxed),
            total_us: self.total_us.load(Ordering::Relaxed),
            max_us: self.max_us.load(Ordering::Relaxed),
            buckets: self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_is_no_shorter() {
        let durations = Durations::default();
        for us in [1, 250, 251, 2_000_000] {
            durations.add(Duration::from_micros(us));
        }
        let times = durations.times();
        assert_eq!((times.count, times.total_us, times.max_us), (4, 2_000_502, 2_000_000));
        assert_eq!(times.buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}

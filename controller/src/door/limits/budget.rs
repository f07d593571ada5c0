//! A token bucket a user: a request takes one token, a long answer more, and time brings them back.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Words;

/// A token in the unit of account, so that refills need no fractions.
const MILLI: i64 = 1_000;

/// Whether a request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    Yes,
    /// Not before this has passed.
    No(Duration),
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of a token; below 0 after an answer that cost more than was left.
    left: i64,
    at: Instant,
}

/// By uid.
#[derive(Debug)]
pub(super) struct Budgets {
    words: Words,
    buckets: BTreeMap<u32, Bucket>,
}

impl Budgets {
    pub(super) fn new(words: Words) -> Self {
        Self { words, buckets: BTreeMap::new() }
    }

    pub(super) fn follow(&mut self, words: Words) {
        if words != self.words {
            *self = Self::new(words);
        }
    }

    pub(super) fn spend(&mut self, uid: u32, now: Instant) -> Spent {
        let words = self.words;
        let bucket = self.bucket(uid, now);
        if bucket.left < MILLI {
            let lacking = u64::try_from(MILLI - bucket.left).unwrap_or(0);
            return Spent::No(Duration::from_millis(lacking * words.refill_period_s / words.refill_rate).max(SHORTEST));
        }
        bucket.left -= MILLI;
        Spent::Yes
    }

    pub(super) fn charge_rows(&mut self, uid: u32, rows: usize, now: Instant) {
        let Some(tokens) = rows.checked_div(self.words.rows_a_token).filter(|tokens| *tokens > 0) else { return };
        let full = full(&self.words);
        let bucket = self.bucket(uid, now);
        // In debt by one bucket at most: the longest wait is the time that two take to fill.
        bucket.left =
            bucket.left.saturating_sub(i64::try_from(tokens).unwrap_or(i64::MAX).saturating_mul(MILLI)).max(-full);
    }

    /// The bucket of `uid` as it is now.
    fn bucket(&mut self, uid: u32, now: Instant) -> &mut Bucket {
        let (words, full) = (self.words, full(&self.words));
        let key = if self.buckets.contains_key(&uid) || self.has_room(now) { uid } else { OTHERS };
        let bucket = self.buckets.entry(key).or_insert(Bucket { left: full, at: now });
        let (refilled, at) = refill(&words, *bucket, now);
        bucket.left = refilled.min(full);
        bucket.at = at;
        bucket
    }

    /// Room for one more; full buckets are forgotten, since a new one is full.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.buckets.len() >= self.words.table_size {
            let (words, full) = (self.words, full(&self.words));
            self.buckets.retain(|_, bucket| refill(&words, *bucket, now).0 < full);
        }
        self.buckets.len() < self.words.table_size
    }
}

/// Whoever finds the table full shares a bucket: no uid has this number.
const OTHERS: u32 = u32::MAX;
/// A pause that is worth one.
const SHORTEST: Duration = Duration::from_millis(20);

fn full(words: &Words) -> i64 {
    i64::try_from(words.bucket_size).unwrap_or(i64::MAX / MILLI).saturating_mul(MILLI)
}

/// What is in the bucket at `now`, and the instant up to which time was counted.
fn refill(words: &Words, bucket: Bucket, now: Instant) -> (i64, Instant) {
    let ms = now.saturating_duration_since(bucket.at).as_millis();
    let came = ms.saturating_mul(u128::from(words.refill_rate)) / u128::from(words.refill_period_s);
    match i64::try_from(came) {
        // Less than a thousandth of a token: counted later.
        Ok(0) => (bucket.left, bucket.at),
        Ok(came) => (bucket.left.saturating_add(came), now),
        Err(_) => (full(words), now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words = Words { bucket_size: 3, refill_rate: 2, refill_period_s: 1, table_size: 2, rows_a_token: 10 };

    #[test]
    fn a_user_who_spent_all_waits_and_another_does_not() {
        let (mut budgets, start) = (Budgets::new(WORDS), Instant::now());
        for _ in 0..3 {
            assert_eq!(budgets.spend(1, start), Spent::Yes);
        }
        let Spent::No(pause) = budgets.spend(1, start) else { panic!("three tokens are three requests") };
        assert_eq!(pause, Duration::from_millis(500));
        assert_eq!(budgets.spend(2, start), Spent::Yes);
        assert_eq!(budgets.spend(1, start + pause), Spent::Yes);
        assert_ne!(budgets.spend(1, start + pause), Spent::Yes);
    }

    #[test]
    fn a_long_answer_costs_more_and_the_debt_is_bounded() {
        let (mut budgets, start) = (Budgets::new(WORDS), Instant::now());
        budgets.charge_rows(1, 20, start);
        assert_eq!(budgets.spend(1, start), Spent::Yes);
        assert_ne!(budgets.spend(1, start), Spent::Yes);
        budgets.charge_rows(1, usize::MAX, start);
        // Three tokens of debt and one to spend, at two a second.
        assert_eq!(budgets.spend(1, start), Spent::No(Duration::from_secs(2)));
    }

    #[test]
    fn a_full_table_forgets_those_who_spent_nothing_and_else_shares() {
        let (mut budgets, start) = (Budgets::new(WORDS), Instant::now());
        for uid in [1, 2] {
            assert_eq!(budgets.spend(uid, start), Spent::Yes);
        }
        // Nobody's bucket is full yet: the third shares one.
        assert_eq!(budgets.spend(3, start), Spent::Yes);
        assert!(!budgets.buckets.contains_key(&3) && budgets.buckets.len() <= WORDS.table_size + 1);
        assert_eq!(budgets.spend(4, start + Duration::from_secs(60)), Spent::Yes);
        assert!(budgets.buckets.contains_key(&4));
    }
}

//! Shares one question among everybody who waits for its answer: a thousand readers cost one round to the quorum.
//!
//! Who arrives while a round is under way may not use its answer, which may be older than its arrival; it uses the next.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

pub(crate) struct Rounds<T> {
    arrivals: AtomicU64,
    last: Mutex<Option<Round<T>>>,
}

struct Round<T> {
    /// Whoever arrived before this number arrived before the round began.
    covers: u64,
    answer: T,
}

impl<T: Clone> Rounds<T> {
    pub(crate) fn new() -> Rounds<T> {
        Rounds { arrivals: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// The answer of a round that began after this was called.
    pub(crate) async fn share(&self, ask: impl Future<Output = T>) -> T {
        let arrived = self.arrivals.fetch_add(1, Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let Some(round) = last.as_ref().filter(|round| arrived < round.covers) {
            return round.answer.clone();
        }
        let covers = self.arrivals.load(Ordering::SeqCst);
        let answer = ask.await;
        *last = Some(Round { covers, answer: answer.clone() });
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_arrives_during_a_round_shares_the_next() {
        let rounds = Rounds::new();
        let asked = AtomicU64::new(0);
        let ask = |at_ms: u64| {
            let (rounds, asked) = (&rounds, &asked);
            async move {
                tokio::time::sleep(std::time::Duration::from_millis(at_ms)).await;
                let question = async {
                    let round = asked.fetch_add(1, Ordering::SeqCst) + 1;
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    round
                };
                rounds.share(question).await
            }
        };
        let answers = futures::future::join_all([ask(0), ask(1), ask(2), ask(3), ask(15)]).await;
        assert_eq!(answers, [1, 2, 2, 2, 3]);
    }
}

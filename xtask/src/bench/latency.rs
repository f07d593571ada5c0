//! Submits under way at once, and how long each took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use muster_channel::Client;
use tokio::task::JoinSet;

use super::caller::submit;

/// Submits that wait at most: beyond them the next one begins late.
const WAITING_MAX: usize = 1024;

/// Latencies of submits.
pub(super) struct Latencies {
    rate: f64,
    median_ms: f64,
    pub(super) p99_ms: f64,
    most_ms: f64,
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0}/s, {:.1}, {:.1}, {:.1}", self.rate, self.median_ms, self.p99_ms, self.most_ms)
    }
}

impl Latencies {
    fn of(mut all: Vec<f64>, took: Duration) -> Result<Self> {
        ensure!(!all.is_empty(), "no submit was answered");
        all.sort_by(f64::total_cmp);
        let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
        let rate = all.len() as f64 / took.as_secs_f64();
        Ok(Self { rate, median_ms: at(0.5), p99_ms: at(0.99), most_ms: at(1.0) })
    }
}

/// Begins `rate` held submits a second until `enough`, whether or not those before were answered. A latency counts from when the
/// submit was due: one that had to wait for its turn is as late as one that had to wait for its answer.
pub(super) async fn paced(client: &Client, rate: f64, enough: Arc<AtomicBool>) -> Result<Latencies> {
    let begun = Instant::now();
    let mut under_way = JoinSet::new();
    let mut taken = Vec::new();
    for number in 0u64.. {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        let due = begun + Duration::from_secs_f64(number as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        while under_way.len() >= WAITING_MAX {
            taken.extend(under_way.join_next().await.transpose()?.transpose()?);
        }
        while let Some(done) = under_way.try_join_next() {
            taken.push(done??);
        }
        let client = client.clone();
        under_way.spawn(async move {
            submit(&client, true).await?;
            anyhow::Ok(due.elapsed().as_secs_f64() * 1000.0)
        });
    }
    let took = begun.elapsed();
    while let Some(done) = under_way.join_next().await {
        taken.push(done??);
    }
    Latencies::of(taken, took)
}

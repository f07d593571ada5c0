//! Virtual time. Nothing in a run reads another clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use muster_channel::WallClock;

/// Virtual time 0 by a right wall clock: 2026-01-01T00:00:00Z.
pub(crate) const EPOCH_MS: u64 = 1_767_225_600_000;

/// Milliseconds since the run began; only inside of a simulated host.
pub(crate) fn now_ms() -> u64 {
    let elapsed = turmoil::sim_elapsed().expect("asked from inside of the simulation");
    u64::try_from(elapsed.as_millis()).expect("a run takes less than an age")
}

/// A host's wall clock, which is `skew_ms` wrong; a fault may turn it.
pub(crate) fn wall(skew_ms: Arc<AtomicI64>) -> WallClock {
    Arc::new(move || (EPOCH_MS + now_ms()).saturating_add_signed(skew_ms.load(Ordering::Relaxed)))
}

/// A host's boot-time clock.
pub(crate) fn since_boot(booted_ms: u64) -> WallClock {
    Arc::new(move || now_ms().saturating_sub(booted_ms))
}

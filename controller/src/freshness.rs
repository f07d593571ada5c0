//! How old this replica's own state may be, for readers that take it as it is.
//!
//! A replica that just answered a barrier has everything that was acknowledged before it asked: the instant of asking is what
//! counts, whatever the network or a pause of this process did in between. That is asked for once a second. After a restart
//! among dead replicas nobody answers: then the newest stamp in the log says it, as far as this host's clock is right.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_model::cluster::Cluster;
use muster_proto::wire::Age;
use tokio::time::{Instant, sleep};

use crate::core::Core;

/// Between two barriers for this alone.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// A state that may be older than this is not shown to anybody, ms: a day.
pub(crate) const AGE_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// When this replica was last known to have everything.
#[derive(Debug, Default)]
pub(crate) struct Freshness(Mutex<Option<Instant>>);

impl Freshness {
    fn confirm(&self, asked: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
    }

    fn confirmed(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How old what is applied in `core` by now may be, by this host's clock; told by the controller of that name.
    pub(crate) fn age(&self, core: &Core, controller: &str, wall_ms: u64) -> Age {
        let confirmed = self.confirmed();
        let old_ms_max = match confirmed {
            Some(asked) => u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX),
            None => wall_ms.saturating_sub(core.read(Cluster::now_ms)),
        };
        Age {
            controller: controller.to_owned(),
            as_of_ms: wall_ms.saturating_sub(old_ms_max),
            old_ms_max,
            index: core.applied(),
            by_clock: confirmed.is_none(),
        }
    }
}

/// Asks again and again.
pub(crate) async fn keep(freshness: Arc<Freshness>, core: Arc<Core>) {
    loop {
        let asked = Instant::now();
        if core.replica.barrier().await.is_ok() {
            freshness.confirm(asked);
        }
        sleep(ASKED_EVERY).await;
    }
}

//! One build for all who ask the same at the same time.
//!
//! A reader must see what was committed before it asked (P7): it shares a build only if that began at the reader's index or
//! later, or has not begun. What came of a build is kept for a moment, for those who ask while nothing is committed: only the
//! clock is older then, by less than anybody is shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Encoded;
use crate::counters::add_one;
use crate::door::client::Refusal;
use crate::door::limits::Places;
use crate::seat::Seat;
use crate::views::Sight;

/// How long an answer is given again, as long as nothing is committed.
const KEPT: Duration = Duration::from_millis(250);

/// Who asks alike: the encoded question, who may see what, and the configuration that says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) question: Vec<u8>,
    pub(crate) sight: Sight,
    pub(crate) config: u64,
}

/// `None`: begin again, the configuration changed.
type Answer = Result<Option<Encoded>, Refusal>;

/// Where a build is.
#[derive(Clone, Debug)]
enum Stage {
    /// For a place.
    Waits,
    Flies(Start),
    Landed(Start, Answer),
}

#[derive(Clone, Copy, Debug)]
struct Start {
    index: u64,
    at: Instant,
}

type Flight = watch::Sender<Stage>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    by_key: Mutex<BTreeMap<Key, Arc<Flight>>>,
    places: Places,
}

impl Flights {
    /// The answer of a build that began at index `least` or later: one under way, or `build`, on `runtime`.
    pub(crate) async fn answer(seat: &Arc<Seat>, runtime: &Handle, key: Key, least: u64, build: impl Shared) -> Answer {
        let mut stages = {
            let mut by_key = seat.flights.locked();
            let found = by_key.get(&key).filter(|flight| serves(&flight.borrow(), least));
            match found {
                Some(flight) => {
                    add_one(&seat.counters.listings_shared);
                    flight.subscribe()
                }
                None => {
                    let flight = Arc::new(Flight::new(Stage::Waits));
                    let stages = flight.subscribe();
                    by_key.insert(key.clone(), flight.clone());
                    let listed = Listed { seat: seat.clone(), key, flight };
                    runtime.spawn(listed.fly(build));
                    stages
                }
            }
        };
        let landed = stages.wait_for(|stage| matches!(stage, Stage::Landed(..))).await;
        match landed.as_deref() {
            Ok(Stage::Landed(_, answer)) => answer.clone(),
            // This controller stops.
            _ => Err(Refusal::elsewhere()),
        }
    }

    /// Builds under way.
    pub(crate) fn under_way(&self) -> usize {
        self.places.taken()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Flight>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What makes an answer: the index that it begins at, and the work.
pub(crate) trait Shared: Send + 'static {
    fn index(&self) -> u64;
    fn build(self) -> impl Future<Output = Answer> + Send;
}

fn serves(stage: &Stage, least: u64) -> bool {
    match stage {
        Stage::Waits => true,
        Stage::Flies(start) => start.index >= least,
        Stage::Landed(start, answer) => {
            matches!(answer, Ok(Some(_))) && start.index >= least && start.at.elapsed() <= KEPT
        }
    }
}

/// A flight that can be found; until this is dropped.
struct Listed {
    seat: Arc<Seat>,
    key: Key,
    flight: Arc<Flight>,
}

impl Listed {
    async fn fly(self, build: impl Shared) {
        let Some(place) = self.seat.flights.places.take().await else {
            add_one(&self.seat.counters.refused_busy);
            let now = Start { index: 0, at: Instant::now() };
            let busy = Refusal::busy("too many listings wait already");
            self.flight.send_replace(Stage::Landed(now, Err(busy)));
            return;
        };
        let start = Start { index: build.index(), at: Instant::now() };
        if !self.departs(start) {
            return;
        }
        add_one(&self.seat.counters.listings_built);
        let answer = build.build().await;
        drop(place);
        self.flight.send_replace(Stage::Landed(start, answer));
        sleep(KEPT.saturating_sub(start.at.elapsed())).await;
    }

    /// Whether anybody still waits for it. Nobody can join in between.
    fn departs(&self, start: Start) -> bool {
        let _by_key = self.seat.flights.locked();
        let wanted = self.flight.receiver_count() > 0;
        self.flight.send_replace(if wanted {
            Stage::Flies(start)
        } else {
            Stage::Landed(start, Err(Refusal::elsewhere()))
        });
        wanted
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut by_key = self.seat.flights.locked();
        if by_key.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            by_key.remove(&self.key);
        }
    }
}

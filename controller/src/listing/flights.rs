//! One build for all who ask the same at the same time, and one round to the quorum for all of them.
//!
//! ```text
//! asks alike ─┐   waits for the     leaves: nobody     asks the quorum     what the one before brought, when
//! asks alike ─┼─► one before it, ─► can join it now ─► what is committed ─► nothing was committed since; or a build
//! asks alike ─┘   and its rest                                             ─► all who joined, and kept for a moment
//! ```
//!
//! A reader must see what was committed before it asked (P7): everybody who shares a flight joined before it asked the quorum.
//! One flight of a kind is under way at a time, and the next one rests for several times as long as the last build took: who
//! polls in numbers takes a small part of one processor, and who asks alone does not notice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Encoded;
use crate::counters::{Counters, add_one};
use crate::door::client::Refusal;
use crate::door::limits::Places;
use crate::views::Sight;

/// How long an answer is given again, as long as nothing is committed.
const KEPT: Duration = Duration::from_millis(250);
/// Between two builds of a kind there is a rest of so many times what the first of them took …
const REST_TIMES: u32 = 9;
/// … and of so much at most: nobody waits longer for the others.
const REST_MAX: Duration = KEPT;

/// Who asks alike: the encoded question, of this replica's own state or of the cluster's, who may see what, and the
/// configuration that says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) question: Vec<u8>,
    pub(crate) own: bool,
    pub(crate) sight: Sight,
    pub(crate) config: u64,
}

/// `None`: begin again, the configuration changed.
type Answer = Result<Option<Encoded>, Refusal>;

/// Where a flight is.
#[derive(Clone, Debug)]
enum Stage {
    /// For the one before it: whoever asks now joins.
    Waits,
    /// Too late to join.
    Flies,
    Landed(Landing),
}

/// What a flight brought.
#[derive(Clone, Debug)]
struct Landing {
    answer: Answer,
    /// The state that was read held the log up to here.
    index: u64,
    /// When it was read.
    at: Instant,
    /// The next build of this kind does not begin before.
    rests_until: Instant,
}

impl Landing {
    fn refused(why: Refusal) -> Self {
        let now = Instant::now();
        Self { answer: Err(why), index: 0, at: now, rests_until: now }
    }

    /// Whether it is as good as a build that begins now: nothing was committed since, and the clock is hardly older.
    fn serves(&self, least: u64) -> bool {
        matches!(self.answer, Ok(Some(_))) && self.index >= least && self.at.elapsed() <= KEPT
    }
}

type Flight = watch::Sender<Stage>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Flights {
    counters: Arc<Counters>,
    by_key: Mutex<BTreeMap<Key, Arc<Flight>>>,
    places: Places,
}

impl Flights {
    pub(crate) fn new(counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self { counters, by_key: Mutex::default(), places: Places::default() })
    }

    /// The answer of a flight that left after this was called: one that waits, or a new one, on `runtime`.
    pub(crate) async fn answer(self: &Arc<Self>, runtime: &Handle, key: Key, build: impl Shared) -> Answer {
        let mut stages = {
            let mut by_key = self.locked();
            let last = by_key.get(&key);
            match last.filter(|flight| matches!(*flight.borrow(), Stage::Waits)) {
                Some(flight) => {
                    add_one(&self.counters.listings_shared);
                    flight.subscribe()
                }
                None => {
                    let before = last.map(|flight| flight.subscribe());
                    let flight = Arc::new(Flight::new(Stage::Waits));
                    let stages = flight.subscribe();
                    by_key.insert(key.clone(), flight.clone());
                    let listed = Listed { flights: self.clone(), key, flight };
                    runtime.spawn(listed.fly(before, build));
                    stages
                }
            }
        };
        landing(&mut stages).await.map_or_else(|| Err(Refusal::elsewhere()), |landing| landing.answer)
    }

    /// Builds under way.
    pub(crate) fn under_way(&self) -> usize {
        self.places.taken()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Flight>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None`: this controller stops.
async fn landing(stages: &mut watch::Receiver<Stage>) -> Option<Landing> {
    let landed = stages.wait_for(|stage| matches!(stage, Stage::Landed(_))).await;
    match landed.as_deref() {
        Ok(Stage::Landed(landing)) => Some(landing.clone()),
        _ => None,
    }
}

/// What makes an answer.
pub(crate) trait Shared: Send + 'static {
    /// This replica's state holds now what was committed when this was called; the index of that.
    fn reach(&self) -> impl Future<Output = Result<u64, Refusal>> + Send;
    /// What this replica's state holds now.
    fn index(&self) -> u64;
    fn build(self) -> impl Future<Output = Answer> + Send;
}

/// A flight that can be found; until this is dropped.
struct Listed {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
}

impl Listed {
    async fn fly(self, before: Option<watch::Receiver<Stage>>, build: impl Shared) {
        let before = match before {
            Some(mut stages) => landing(&mut stages).await,
            None => None,
        };
        if let Some(before) = &before {
            sleep_until(before.rests_until).await;
        }
        let landing = match self.leaves() {
            true => self.bring(before, build).await,
            false => Landing::refused(Refusal::elsewhere()),
        };
        let kept = landing.at + KEPT;
        self.flight.send_replace(Stage::Landed(landing));
        sleep_until(kept).await;
    }

    /// Whether anybody still waits for it. Nobody can join any more.
    fn leaves(&self) -> bool {
        let _by_key = self.flights.locked();
        self.flight.send_replace(Stage::Flies);
        self.flight.receiver_count() > 0
    }

    async fn bring(&self, before: Option<Landing>, build: impl Shared) -> Landing {
        let least = match build.reach().await {
            Ok(least) => least,
            Err(why) => return Landing::refused(why),
        };
        if let Some(before) = before.filter(|before| before.serves(least)) {
            add_one(&self.flights.counters.listings_shared);
            return before;
        }
        let Some(_place) = self.flights.places.take().await else {
            add_one(&self.flights.counters.refused_busy);
            return Landing::refused(Refusal::busy("too many listings wait already"));
        };
        add_one(&self.flights.counters.listings_built);
        let (index, at) = (build.index(), Instant::now());
        let answer = build.build().await;
        let rests_until = Instant::now() + (at.elapsed() * REST_TIMES).min(REST_MAX);
        Landing { answer, index, at, rests_until }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut by_key = self.flights.locked();
        if by_key.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::future::join_all;
    use muster_proto::wire::{JobList, reply};

    use super::super::Rows;
    use super::*;

    /// What one build takes.
    const BUILD: Duration = Duration::from_millis(20);
    /// What one round to the quorum takes.
    const ROUND: Duration = Duration::from_millis(1);

    /// A state of which only the index matters.
    #[derive(Clone, Default)]
    struct State {
        committed: Arc<AtomicU64>,
        rounds: Arc<AtomicU64>,
        unreachable: bool,
    }

    impl Shared for State {
        async fn reach(&self) -> Result<u64, Refusal> {
            self.rounds.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(ROUND).await;
            if self.unreachable { Err(Refusal::elsewhere()) } else { Ok(self.index()) }
        }

        fn index(&self) -> u64 {
            self.committed.load(Ordering::SeqCst)
        }

        /// As many rows as were committed when it began.
        async fn build(self) -> Answer {
            let mut answer = Rows::default().finish(reply::Body::Jobs(JobList::default()))?;
            answer.rows = usize::try_from(self.index()).expect("small");
            tokio::time::sleep(BUILD).await;
            Ok(Some(answer))
        }
    }

    fn key() -> Key {
        Key { question: Vec::new(), own: false, sight: Sight::All, config: 1 }
    }

    struct Site {
        flights: Arc<Flights>,
        counters: Arc<Counters>,
        state: State,
    }

    impl Site {
        fn new(state: State) -> Self {
            let counters = Arc::new(Counters::default());
            Self { flights: Flights::new(counters.clone()), counters, state }
        }

        /// Asks after `ms`; the rows, and when they came.
        async fn ask(&self, ms: u64) -> (Option<usize>, Duration) {
            let begun = Instant::now();
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let answer = self.flights.answer(&Handle::current(), key(), self.state.clone()).await;
            (answer.ok().flatten().map(|encoded| encoded.rows), begun.elapsed())
        }

        fn built(&self) -> u64 {
            self.counters.listings_built.load(Ordering::Relaxed)
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_after_a_flight_left_sees_what_was_committed_since() {
        let site = Site::new(State::default());
        let commit = async {
            tokio::time::sleep(ms(5)).await;
            site.state.committed.fetch_add(1, Ordering::SeqCst);
        };
        let asked = join_all([site.ask(0), site.ask(6), site.ask(7)]);
        let (answers, ()) = futures::join!(asked, commit);
        let rows: Vec<_> = answers.iter().map(|answer| answer.0).collect();
        assert_eq!(rows, [Some(0), Some(1), Some(1)]);
        assert_eq!((site.built(), site.state.rounds.load(Ordering::SeqCst)), (2, 2), "two who ask late share a round");
    }

    #[tokio::test(start_paused = true)]
    async fn builds_rest_for_several_times_what_they_take() {
        let site = Site::new(State::default());
        let (_, first) = site.ask(0).await;
        assert_eq!(first, ROUND + BUILD);
        site.state.committed.fetch_add(1, Ordering::SeqCst);
        let (rows, second) = site.ask(0).await;
        assert_eq!((rows, second), (Some(1), BUILD * REST_TIMES + ROUND + BUILD));
        tokio::time::sleep(KEPT * 2).await;
        assert_eq!(site.ask(0).await.1, ROUND + BUILD, "who comes after the rest does not wait");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_given_again_while_nothing_is_committed() {
        let site = Site::new(State::default());
        site.ask(0).await;
        site.ask(0).await;
        assert_eq!(site.built(), 1);
        tokio::time::sleep(KEPT * 2).await;
        site.ask(0).await;
        assert_eq!(site.built(), 2);
        assert_eq!(site.state.rounds.load(Ordering::SeqCst), 3, "each asked the quorum what is committed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_reaches_all_who_share_it_and_is_not_kept() {
        let mut site = Site::new(State { unreachable: true, ..State::default() });
        let answers = join_all([site.ask(0), site.ask(0), site.ask(0)]).await;
        assert!(answers.iter().all(|(rows, took)| rows.is_none() && *took == ROUND), "{answers:?}");
        site.state.unreachable = false;
        assert_eq!(site.ask(0).await, (Some(0), ROUND + BUILD));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_built_for_those_who_went_away_and_nothing_is_left_of_them() {
        let site = Site::new(State::default());
        site.ask(0).await;
        site.state.committed.fetch_add(1, Ordering::SeqCst);
        assert!(tokio::time::timeout(ms(10), site.ask(0)).await.is_err(), "it rests");
        tokio::time::sleep(KEPT * 3).await;
        assert_eq!(site.built(), 1);
        assert!(site.flights.locked().is_empty());
    }
}

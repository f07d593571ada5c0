//! What wakes a duty: events that concern it, coalesced, or a look after a while although nothing came.

use std::time::Duration;

use futures::FutureExt;
use muster_model::cluster::Event;
use muster_raft_store::{Events, Heard};

/// Events taken together at most: beyond them a duty looks at everything.
const TOGETHER_MAX: usize = 10_000;

/// Waits for events.
pub(super) struct Wake {
    events: Events,
    /// How long at most.
    pub(super) patience: Duration,
}

/// Why a duty looks now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// These happened.
    By(Vec<Event>),
    /// Some events were missed: anything may have changed.
    Missed,
    /// Nothing came that concerns.
    Patience,
}

impl Wake {
    pub(super) fn new(events: Events, patience: Duration) -> Self {
        Self { events, patience }
    }

    /// The events since the last call, at least one that `concerns`, or the end of patience.
    pub(super) async fn next(&mut self, concerns: impl Fn(&Event) -> bool) -> Woken {
        let first = tokio::time::timeout(self.patience, self.first(&concerns)).await;
        match first {
            Ok(Some(first)) => self.rest(first, concerns),
            Ok(None) => Woken::Missed,
            Err(_) => Woken::Patience,
        }
    }

    async fn first(&mut self, concerns: &impl Fn(&Event) -> bool) -> Option<Event> {
        loop {
            match self.events.next().await {
                Some(Heard::Event(event)) if concerns(&event) => return Some(event),
                Some(Heard::Event(_)) => {}
                Some(Heard::Missed) => return None,
                // The replica stops, and so does this duty, soon.
                None => std::future::pending().await,
            }
        }
    }

    fn rest(&mut self, first: Event, concerns: impl Fn(&Event) -> bool) -> Woken {
        let mut together = vec![first];
        while let Some(heard) = self.events.next().now_or_never().flatten() {
            match heard {
                Heard::Event(event) if concerns(&event) => together.push(event),
                Heard::Event(_) => {}
                Heard::Missed => return Woken::Missed,
            }
            if together.len() > TOGETHER_MAX {
                return Woken::Missed;
            }
        }
        Woken::By(together)
    }
}

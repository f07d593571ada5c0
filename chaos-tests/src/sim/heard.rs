//! What the daemons of a run said of themselves, counted: refusals of stale orders and reports cannot be seen from outside.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

thread_local! {
    static COUNTS: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Part of a message, and what it is counted as.
const WORDS: [(&str, &str); 6] = [
    ("refused: an order of an older authority", super::states::OLDER_AUTHORITY),
    ("refused: an order for epoch", super::states::OTHER_EPOCH),
    ("recorded nothing:", super::states::STALE_REPORTS),
    ("attempts are being ended, and nothing is begun", super::states::LEASES_OVER),
    ("what ran on a lost node is over, by time", super::states::PROVEN_BY_TIME),
    ("leadership was handed over", super::states::HAND_OVERS),
];

/// Whoever runs the simulation puts it into its subscriber; without it nothing is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard;

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Message);
    }
}

struct Message;

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() != "message" {
            return;
        }
        let text = format!("{value:?}");
        for (_, what) in WORDS.iter().filter(|(words, _)| text.contains(words)) {
            COUNTS.with_borrow_mut(|counts| *counts.entry(what).or_default() += 1);
        }
    }
}

/// A run begins on this thread.
pub(super) fn begin() {
    drop(take());
}

/// Since then.
pub(super) fn take() -> BTreeMap<&'static str, u64> {
    COUNTS.take()
}

//! What changed lately, in memory, so that watchers can go on after an index: on this replica or from another.
//!
//! ```text
//! apply ─► events with their index ─► Journal (the last so many) ─► each watcher reads on from its place
//! ```
//!
//! It holds names only (uids, node indices): a watcher reads the state for what they are now. So a change that is told twice
//! does no harm, one that is left out would. An entry's index is that of the group of log entries that it was applied with,
//! which may be later than its own, never earlier: whoever goes on after an index misses nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use muster_model::cluster::Event;
use muster_raft_store::{Events, Heard, Noted};
use tokio::sync::watch;

use crate::core::Core;

/// Changes that are remembered: some minutes of a busy cluster.
const ENTRIES_MAX: usize = 262_144;

/// What a change was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// By uid.
    Job(u64),
    /// By the job's uid, and Slurm's number.
    Step(u64, u32),
    /// By index.
    Node(u32),
}

#[derive(Debug)]
struct Entry {
    index: u64,
    /// Everything up to here was told before this entry.
    before: u64,
    change: Change,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    /// Place of the first entry: counts up for ever.
    first: u64,
    /// Every change after this index is here.
    since: u64,
    /// Every change up to this index is here or forgotten.
    until: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Journal {
    kept: Mutex<Kept>,
    /// Counts changes of `kept`.
    changed: watch::Sender<u64>,
    closed: watch::Sender<bool>,
}

/// What a watcher reads at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// In order; the same change may stand here more than once.
    pub(crate) changes: Vec<Change>,
    /// The place after them.
    pub(crate) next: u64,
    /// With these, everything up to here was told.
    pub(crate) index: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self { kept: Mutex::default(), changed: watch::Sender::new(0), closed: watch::Sender::new(false) }
    }
}

impl Journal {
    /// Nothing before `index` is known any more.
    pub(crate) fn restart(&self, index: u64) {
        let mut kept = self.kept();
        kept.first += kept.entries.len() as u64 + 1;
        kept.entries.clear();
        kept.since = index;
        kept.until = index;
        drop(kept);
        self.changed.send_modify(|count| *count += 1);
    }

    fn note(&self, index: u64, change: Change) {
        let mut kept = self.kept();
        if kept.entries.len() >= ENTRIES_MAX
            && let Some(oldest) = kept.entries.pop_front()
        {
            kept.first += 1;
            kept.since = kept.since.max(oldest.index);
        }
        let before = kept.until;
        kept.entries.push_back(Entry { index, before, change });
        drop(kept);
        self.changed.send_modify(|count| *count += 1);
    }

    fn complete(&self, index: u64) {
        let mut kept = self.kept();
        kept.until = kept.until.max(index);
        drop(kept);
        self.changed.send_modify(|count| *count += 1);
    }

    /// The place from which every change after `index` is found; `None`: some are forgotten, or it lies ahead of this replica.
    pub(crate) fn place_after(&self, index: u64) -> Option<u64> {
        let kept = self.kept();
        if index < kept.since || index > kept.until {
            return None;
        }
        let told = kept.entries.partition_point(|entry| entry.index <= index);
        Some(kept.first + told as u64)
    }

    /// The place after everything that is here, and the index up to which that is all.
    pub(crate) fn end(&self) -> (u64, u64) {
        let kept = self.kept();
        (kept.first + kept.entries.len() as u64, kept.until)
    }

    /// At most `max` changes from `place` on; `None`: they are forgotten.
    pub(crate) fn read(&self, place: u64, max: usize) -> Option<Read> {
        let kept = self.kept();
        let skip = usize::try_from(place.checked_sub(kept.first)?).ok()?;
        let changes: Vec<Change> = kept.entries.iter().skip(skip).take(max).map(|entry| entry.change).collect();
        let left = kept.entries.get(skip + changes.len());
        let index = left.map_or(kept.until, |entry| entry.before);
        Some(Read { next: place + changes.len() as u64, changes, index })
    }

    /// Resolves whenever there may be something new.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Resolves to true when this controller stops.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no holder of this lock panics")
    }
}

/// Keeps the journal, for as long as the replica runs.
pub(crate) async fn keep(journal: Arc<Journal>, core: Arc<Core>, mut events: Events) {
    while let Some(Noted { index, heard }) = events.next_noted().await {
        match heard {
            None => journal.complete(index),
            Some(Heard::Missed) => journal.restart(core.applied()),
            Some(Heard::Event(event)) => match event {
                Event::JobChanged { uid } => journal.note(index, Change::Job(uid)),
                Event::StepChanged { uid, step } => journal.note(index, Change::Step(uid, step)),
                Event::NodeChanged { node } => journal.note(index, Change::Node(node)),
                _ => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(groups: &[(u64, &[u64])]) -> Journal {
        let journal = Journal::default();
        journal.restart(10);
        for (index, uids) in groups {
            uids.iter().for_each(|uid| journal.note(*index, Change::Job(*uid)));
            journal.complete(*index);
        }
        journal
    }

    #[test]
    fn whoever_goes_on_after_an_index_is_told_every_later_change() {
        let journal = kept(&[(12, &[1, 2]), (15, &[3])]);
        let all = journal.read(journal.place_after(10).unwrap(), 100).unwrap();
        assert_eq!((all.changes.len(), all.index), (3, 15));
        // 11 lies within the group of 12: its changes are told again.
        assert_eq!(journal.place_after(11), journal.place_after(10));
        let later = journal.read(journal.place_after(12).unwrap(), 100).unwrap();
        assert_eq!(later.changes, [Change::Job(3)]);
        assert_eq!(journal.read(later.next, 100).unwrap(), Read { changes: vec![], next: later.next, index: 15 });
        assert_eq!((journal.place_after(9), journal.place_after(16)), (None, None));
    }

    #[test]
    fn a_part_of_a_group_promises_only_what_came_before_it() {
        let journal = kept(&[(12, &[1, 2]), (15, &[3, 4])]);
        let part = journal.read(journal.place_after(10).unwrap(), 3).unwrap();
        assert_eq!((part.changes.len(), part.index), (3, 12));
        journal.note(20, Change::Node(1));
        let (place, until) = journal.end();
        assert_eq!(until, 15, "20 has not been told whole");
        assert_eq!(journal.read(place, 1).unwrap().index, 15);
    }

    #[test]
    fn what_is_forgotten_is_said_to_be() {
        let journal = kept(&[(12, &[1])]);
        let (place, _) = journal.end();
        journal.restart(30);
        assert_eq!(journal.read(place, 1), None);
        assert_eq!(journal.place_after(12), None);
        for uid in 0..=ENTRIES_MAX as u64 {
            journal.note(31 + uid, Change::Job(uid));
        }
        assert_eq!(journal.place_after(30), None);
    }
}

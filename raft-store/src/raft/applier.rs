//! What applying does to one replica: memory first, then the rows with the applied record in one write, then whoever waits
//! is told. All of it blocks; it is called from one thread at a time.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use muster_model::cluster::{Changes, Event, Outcome};
use openraft::EntryPayload;
use openraft::storage::{ApplyResponder, EntryResponder};
use tokio::time::Instant;

use super::convert::{applied as applied_parts, position, stored_membership_record};
use super::snapshot::{Incoming, Outgoing, SnapshotData};
use super::state_machine::{Applying, snapshot_meta};
use super::{Entry, LogId, Outcomes, Snapshot, SnapshotMeta, StoredMembership, Types};
use crate::encoding::{AppliedRecord, Position};
use crate::status::Heard;
use crate::store::failure;

/// Rows in one write, beyond what one entry brings.
const GROUP_ROWS_MAX: usize = 1_000;

/// Where this replica stands.
pub(super) struct Applier {
    applying: Arc<Applying>,
    pub(super) at: Option<LogId>,
    pub(super) membership: StoredMembership,
    installed: Option<Position>,
}

/// Applied, not yet stored.
#[derive(Default)]
struct Group {
    changes: Changes,
    answers: Vec<(Option<ApplyResponder<Types>>, Outcomes)>,
    end: Option<LogId>,
    /// Time spent on applying these.
    took: Duration,
}

impl Applier {
    /// Goes on where the rows stand.
    pub(super) fn new(applying: Arc<Applying>, stored: Option<&AppliedRecord>) -> Result<Applier, String> {
        let parts = stored.map(applied_parts).transpose()?;
        let (at, membership) = parts.map_or((None, StoredMembership::default()), |(at, members)| (Some(at), members));
        let installed = stored.and_then(|stored| stored.installed);
        Ok(Applier { applying, at, membership, installed })
    }

    /// Applies `entries`, all of them durable in this replica's log, and answers who waits for them.
    pub(super) fn apply(&mut self, entries: Vec<EntryResponder<Types>>) -> io::Result<()> {
        let mut group = Group::default();
        for (entry, responder) in entries {
            let started = Instant::now();
            let at = entry.log_id;
            let outcomes = self.apply_entry(entry, &mut group.changes).map_err(failure)?;
            group.took += started.elapsed();
            group.answers.push((responder, outcomes));
            group.end = Some(at);
            if group.changes.rows.len() >= GROUP_ROWS_MAX {
                self.store(std::mem::take(&mut group))?;
            }
        }
        self.store(group)
    }

    fn apply_entry(&mut self, entry: Entry, changes: &mut Changes) -> Result<Outcomes, String> {
        let mut outcomes = Outcomes::default();
        // Decoded before, and dropped after, the state is held: others read it.
        let batch = match &entry.payload {
            EntryPayload::Normal(command) => Some(command.take_batch()?),
            EntryPayload::Blank | EntryPayload::Membership(_) => None,
        };
        let mut cluster = self.applying.cluster.write().map_err(|_| "an earlier batch failed while it was applied")?;
        if let Some(batch) = &batch {
            outcomes.0 = cluster.apply(entry.log_id.index, batch, changes);
            refuse_halt(&outcomes)?;
        }
        if let EntryPayload::Membership(members) = entry.payload {
            self.membership = StoredMembership::new(Some(entry.log_id), members);
            changes.events.push(Event::ReplicasChanged);
        }
        self.applying.index.store(entry.log_id.index, Ordering::SeqCst);
        self.applying.digests.note(entry.log_id.index, cluster.digest());
        self.at = Some(entry.log_id);
        Ok(outcomes)
    }

    fn record(&self, at: &LogId) -> AppliedRecord {
        AppliedRecord {
            at: position(at),
            membership: stored_membership_record(&self.membership),
            installed: self.installed,
        }
    }

    fn store(&self, group: Group) -> io::Result<()> {
        let Group { changes, answers, end, took } = group;
        let Some(end) = end else { return Ok(()) };
        // Only the disk's part: a command that is long to apply is so on every replica, and none would be the better leader.
        let busy = self.applying.stall.begin();
        let started = Instant::now();
        self.applying.rows().write(&changes.rows, &self.record(&end))?;
        self.applying.times.add(took + started.elapsed());
        drop(busy);
        self.applying.publish(position(&end), changes.events);
        for (responder, outcomes) in answers {
            if let Some(responder) = responder {
                responder.send(outcomes);
            }
        }
        Ok(())
    }

    /// What is applied by now, as a view: it goes on while entries do.
    pub(super) fn snapshot(&self) -> io::Result<Option<Snapshot>> {
        let view = self.applying.rows().view()?;
        let Some(applied) = view.applied()? else { return Ok(None) };
        let digest = self.applying.cluster.read().unwrap_or_else(PoisonError::into_inner).digest();
        let meta = snapshot_meta(&applied).map_err(failure)?;
        Ok(Some(Snapshot { meta, snapshot: SnapshotData::View(Outgoing { view, applied, digest }) }))
    }

    /// The state, and the rows, are those of a snapshot from now on.
    pub(super) fn install(&mut self, meta: &SnapshotMeta, incoming: Incoming) -> Result<(), String> {
        let (at, membership) = applied_parts(&incoming.applied)?;
        if meta.last_log_id != Some(at) {
            return Err("the snapshot is not the one that was announced".into());
        }
        let applying = &self.applying;
        applying.store.switch_rows(incoming.rows.clone()).map_err(|error| error.to_string())?;
        let before = {
            let mut cluster = applying.cluster.write().map_err(|_| "an earlier batch failed while it was applied")?;
            applying.switch(incoming.rows);
            let before = std::mem::replace(&mut *cluster, incoming.cluster);
            applying.digests.forget();
            applying.digests.note(at.index, cluster.digest());
            applying.index.store(at.index, Ordering::SeqCst);
            before
        };
        // It may be large: nobody who reads waits for it to go.
        drop(before);
        (self.at, self.membership, self.installed) = (Some(at), membership, incoming.applied.installed);
        self.applying.publish(position(&at), Vec::new());
        self.applying.tell(at.index, Some(Heard::Missed));
        Ok(())
    }
}

/// Begins why a replica stops at an entry that is sound.
pub(crate) const BEYOND: &str = "an entry is beyond this program: ";

/// A batch that this version does not understand is not stored: the replica stops, and a newer version applies it.
fn refuse_halt(outcomes: &Outcomes) -> Result<(), String> {
    match outcomes.0.iter().find_map(|outcome| if let Outcome::Halt(why) = outcome { Some(why) } else { None }) {
        Some(why) => Err(format!("{BEYOND}{why}")),
        None => Ok(()),
    }
}

//! Applies committed entries: memory first, then the rows with the applied record in one write, then whoever waits is told.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::stream::{Stream, StreamExt};
use muster_model::cluster::{Changes, Cluster, Event, Outcome};
use openraft::storage::{ApplyResponder, EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::convert::{applied as applied_parts, log_id, position, stored_membership_record};
use super::snapshot::{Incoming, Outgoing, SnapshotData};
use super::{Entry, LogId, Outcomes, Snapshot, SnapshotMeta, StoredMembership, Types};
use crate::digests::Digests;
use crate::durations::Durations;
use crate::encoding::{AppliedRecord, Position};
use crate::fault::Fault;
use crate::purge_gate::{PurgeGate, RowsInForce};
use crate::stall::Stall;
use crate::status::{Applied, Heard, Noted};
use crate::store::{RowFiles, Store, failure};

/// Entries whose rows share one write.
const GROUP_ENTRIES_MAX: usize = 128;
/// Rows in one write, beyond what one entry brings.
const GROUP_ROWS_MAX: usize = 1_000;

/// The replicated state and who listens to it: shared by the state machine and the handle.
pub(crate) struct Applying {
    pub(crate) cluster: Arc<RwLock<Cluster>>,
    /// Of `cluster`; changes only under its write lock.
    pub(crate) index: AtomicU64,
    pub(crate) rows: RowsInForce,
    pub(crate) gate: PurgeGate,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) applied: watch::Sender<Applied>,
    pub(crate) events: broadcast::Sender<Noted>,
    pub(crate) fault: Fault,
    pub(crate) stall: Stall,
    pub(crate) times: Durations,
    pub(crate) digests: Digests,
}

impl Applying {
    pub(crate) fn rows(&self) -> Arc<dyn RowFiles> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, at: Position, events: Vec<Event>) {
        self.applied.send_replace(Applied { index: at.index, term: at.term });
        let index = at.index;
        // Nobody listens, or somebody lags: both may re-derive.
        let tell = |heard| drop(self.events.send(Noted { index, heard }));
        let any = !events.is_empty();
        for event in events {
            tell(Some(Heard::Event(event)));
        }
        if any {
            tell(None);
        }
    }
}

/// What openraft drives.
pub(crate) struct StateMachine {
    applying: Arc<Applying>,
    durable: watch::Receiver<Option<Position>>,
    at: Option<LogId>,
    membership: StoredMembership,
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

impl StateMachine {
    /// Goes on where the rows stand.
    pub(crate) fn new(
        applying: Arc<Applying>,
        durable: watch::Receiver<Option<Position>>,
        stored: Option<&AppliedRecord>,
    ) -> Result<StateMachine, String> {
        let parts = stored.map(applied_parts).transpose()?;
        let (at, membership) = parts.map_or((None, StoredMembership::default()), |(at, members)| (Some(at), members));
        let installed = stored.and_then(|stored| stored.installed);
        Ok(StateMachine { applying, durable, at, membership, installed })
    }

    /// A replica applies only what its own log holds durably: a quorum of others may be faster than this disk.
    async fn wait_durable(&mut self, index: u64) -> io::Result<()> {
        let reached = self.durable.wait_for(|durable| durable.is_some_and(|durable| durable.index >= index)).await;
        reached.map(drop).map_err(|_| failure("the log is closed"))
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

    fn store_group(&mut self, group: &mut Group) -> io::Result<()> {
        let Group { changes, answers, end, took } = std::mem::take(group);
        let Some(end) = end else { return Ok(()) };
        let started = Instant::now();
        self.applying.rows().write(&changes.rows, &self.record(&end))?;
        self.applying.times.add(took + started.elapsed());
        self.applying.publish(position(&end), changes.events);
        for (responder, outcomes) in answers {
            if let Some(responder) = responder {
                responder.send(outcomes);
            }
        }
        Ok(())
    }

    async fn apply_all<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin,
    {
        let mut group = Group::default();
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let at = entry.log_id;
            self.wait_durable(at.index).await?;
            let _busy = self.applying.stall.begin();
            let started = Instant::now();
            let outcomes = self.apply_entry(entry, &mut group.changes).map_err(failure)?;
            group.took += started.elapsed();
            group.answers.push((responder, outcomes));
            group.end = Some(at);
            if group.answers.len() >= GROUP_ENTRIES_MAX || group.changes.rows.len() >= GROUP_ROWS_MAX {
                self.store_group(&mut group)?;
                // Raft runs on this very thread: heartbeats go on, however much there is to apply.
                tokio::task::yield_now().await;
            }
        }
        self.store_group(&mut group)
    }

    fn install(&mut self, meta: &SnapshotMeta, incoming: Incoming) -> Result<(), String> {
        let (at, membership) = applied_parts(&incoming.applied)?;
        if meta.last_log_id != Some(at) {
            return Err("the snapshot is not the one that was announced".into());
        }
        self.applying.store.switch_rows(incoming.rows.clone()).map_err(|error| error.to_string())?;
        {
            let mut cluster =
                self.applying.cluster.write().map_err(|_| "an earlier batch failed while it was applied")?;
            *self.applying.rows.write().unwrap_or_else(PoisonError::into_inner) = incoming.rows;
            *cluster = incoming.cluster;
            self.applying.digests.forget();
            self.applying.digests.note(at.index, cluster.digest());
            self.applying.index.store(at.index, Ordering::SeqCst);
        }
        (self.at, self.membership, self.installed) = (Some(at), membership, incoming.applied.installed);
        self.applying.publish(position(&at), Vec::new());
        let _ = self.applying.events.send(Noted { index: at.index, heard: Some(Heard::Missed) });
        Ok(())
    }
}

/// A batch that this version does not understand is not stored: the replica stops, and a newer version applies it.
fn refuse_halt(outcomes: &Outcomes) -> Result<(), String> {
    match outcomes.0.iter().find_map(|outcome| if let Outcome::Halt(why) = outcome { Some(why) } else { None }) {
        Some(why) => Err(why.clone()),
        None => Ok(()),
    }
}

/// A failed apply ends the process: whoever reads the reason must not have to look into openraft's log.
fn faulty<T>(fault: &Fault, what: &str, result: io::Result<T>) -> io::Result<T> {
    result.inspect_err(|error| fault.set(format!("{what}: {error}")))
}

/// What openraft knows of a snapshot, read from inside it.
pub(crate) fn snapshot_meta(applied: &AppliedRecord) -> Result<SnapshotMeta, String> {
    let (at, last_membership) = applied_parts(applied)?;
    Ok(SnapshotMeta { last_log_id: Some(at), last_membership })
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Flusher;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.at, self.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        let applied = self.apply_all(entries).await;
        faulty(&self.applying.fault, "apply", applied)
    }

    async fn get_snapshot_builder(&mut self) -> Flusher {
        Flusher { applying: self.applying.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotData) -> Result<(), io::Error> {
        let installed = match snapshot {
            SnapshotData::Received(incoming) => self.install(meta, *incoming),
            #[cfg(test)]
            SnapshotData::View(outgoing) => {
                let incoming = super::suite::carry(outgoing, &*self.applying.store).await;
                incoming.and_then(|incoming| self.install(meta, incoming))
            }
            #[cfg(not(test))]
            SnapshotData::View(_) => Err("only a received snapshot can be installed".into()),
            SnapshotData::Flushed => Err("only a received snapshot can be installed".into()),
        };
        faulty(&self.applying.fault, "snapshot", installed.map_err(failure))
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let taken = self.applying.rows().view().and_then(|view| Ok((view.applied()?, view)));
        let (Some(applied), view) = faulty(&self.applying.fault, "rows", taken)? else { return Ok(None) };
        let digest = self.applying.cluster.read().unwrap_or_else(PoisonError::into_inner).digest();
        let meta = snapshot_meta(&applied).map_err(failure)?;
        Ok(Some(Snapshot { meta, snapshot: SnapshotData::View(Outgoing { view, applied, digest }) }))
    }
}

/// What openraft calls building a snapshot: the rows become durable, and the log before them may go.
pub(crate) struct Flusher {
    applying: Arc<Applying>,
}

impl RaftSnapshotBuilder<Types> for Flusher {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let gate = self.applying.gate.clone();
        let flushed = aside(self.applying.store.blocks(), move || gate.flush()).await;
        let flushed = faulty(&self.applying.fault, "flush", flushed)?;
        let meta = flushed.as_ref().map(snapshot_meta).transpose().map_err(failure)?.unwrap_or_default();
        Ok(Snapshot { meta, snapshot: SnapshotData::Flushed })
    }
}

/// Runs `work` on a thread of its own where it blocks, so that heartbeats go on.
async fn aside<T: Send + 'static>(
    blocks: bool,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if !blocks {
        return work();
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("raft-flush".into()).spawn(move || drop(sender.send(work())))?;
    receiver.await.unwrap_or_else(|_| Err(failure("the flush did not end")))
}

/// Checks that the log reaches what the rows hold, or that the rows began with a snapshot there.
pub(crate) fn check_log_covers(applied: &AppliedRecord, log_end: Option<Position>) -> Result<(), String> {
    let end = log_end.map_or(0, |end| end.index);
    if end >= applied.at.index || applied.installed.is_some_and(|installed| installed.index >= applied.at.index) {
        return Ok(());
    }
    Err(format!("the log ends at entry {end}, although entry {} is applied in the rows", log_id(applied.at).index))
}

//! openraft's seam to applying: what is committed goes to the [`Applier`], on its own thread, in groups.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures::stream::{Stream, StreamExt};
use muster_model::cluster::{Cluster, Event};
use openraft::OptionalSend;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use tokio::sync::{broadcast, watch};

use super::applier::Applier;
use super::convert::{applied as applied_parts, log_id};
use super::snapshot::{Incoming, SnapshotData};
use super::{LogId, Snapshot, SnapshotMeta, StoredMembership, Types};
use crate::aside::{self, Aside};
use crate::digests::Digests;
use crate::durations::Durations;
use crate::encoding::{AppliedRecord, Position};
use crate::fault::Fault;
use crate::purge_gate::{PurgeGate, RowsInForce};
use crate::stall::Stall;
use crate::status::{Applied, Heard, Noted};
use crate::store::{CLOSED, RowFiles, Store, failure};

/// Entries that are applied together: their rows share a write.
const GROUP_ENTRIES_MAX: usize = 128;

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
    /// Where applying is done.
    pub(crate) aside: Aside,
}

impl Applying {
    pub(crate) fn rows(&self) -> Arc<dyn RowFiles> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on these are in force.
    pub(super) fn switch(&self, rows: Arc<dyn RowFiles>) {
        *self.rows.write().unwrap_or_else(PoisonError::into_inner) = rows;
    }

    pub(super) fn publish(&self, at: Position, events: Vec<Event>) {
        self.applied.send_replace(Applied { index: at.index, term: at.term });
        let any = !events.is_empty();
        for event in events {
            self.tell(at.index, Some(Heard::Event(event)));
        }
        if any {
            self.tell(at.index, None);
        }
    }

    /// Where nobody listens, or somebody lags, both may derive it again.
    pub(super) fn tell(&self, index: u64, heard: Option<Heard>) {
        drop(self.events.send(Noted { index, heard }));
    }
}

/// What openraft drives. It works on a thread of its own: a long command, or a store that stands still, is no reason for
/// another election.
pub(crate) struct StateMachine {
    applying: Arc<Applying>,
    applier: Arc<Mutex<Applier>>,
    durable: watch::Receiver<Option<Position>>,
}

impl StateMachine {
    /// Goes on where the rows stand.
    pub(crate) fn new(
        applying: Arc<Applying>,
        durable: watch::Receiver<Option<Position>>,
        stored: Option<&AppliedRecord>,
    ) -> Result<StateMachine, String> {
        let applier = Arc::new(Mutex::new(Applier::new(applying.clone(), stored)?));
        Ok(StateMachine { applying, applier, durable })
    }

    /// A replica applies only what its own log holds durably: a quorum of others may be faster than this disk.
    async fn wait_durable(&mut self, index: u64) -> io::Result<()> {
        let reached = self.durable.wait_for(|durable| durable.is_some_and(|durable| durable.index >= index)).await;
        reached.map(drop).map_err(|_| failure("the log is closed"))
    }

    /// A failure ends the process: whoever reads the reason must not have to look into openraft's log.
    async fn aside<T: Send + 'static>(
        &self,
        what: &str,
        work: impl FnOnce(&mut Applier) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let applier = self.applier.clone();
        let done = self.applying.aside.run(move || {
            let mut applier = applier.lock().map_err(|_| failure("an earlier batch failed while it was applied"))?;
            work(&mut applier)
        });
        faulty(&self.applying.fault, what, done.await)
    }

    async fn apply_all<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin,
    {
        let mut groups = entries.ready_chunks(GROUP_ENTRIES_MAX);
        while let Some(group) = groups.next().await {
            let group: Vec<EntryResponder<Types>> = group.into_iter().collect::<io::Result<_>>()?;
            if let Some((last, _)) = group.last() {
                self.wait_durable(last.log_id.index).await?;
            }
            self.aside("apply", move |applier| applier.apply(group)).await?;
            // Where there is no other thread, the others of this one go on here.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// Sets the fault where `result` is an error. A store that was closed is none: this replica is at its end.
fn faulty<T>(fault: &Fault, what: &str, result: io::Result<T>) -> io::Result<T> {
    result.inspect_err(|error| {
        if error.kind() != CLOSED {
            fault.set(format!("{what}: {error}"));
        }
    })
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
        let applier = self.applier.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((applier.at, applier.membership.clone()))
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
        let incoming: Result<Incoming, String> = match snapshot {
            SnapshotData::Received(incoming) => Ok(*incoming),
            #[cfg(test)]
            SnapshotData::View(outgoing) => super::suite::carry(outgoing, &*self.applying.store).await,
            #[cfg(not(test))]
            SnapshotData::View(_) => Err("only a received snapshot can be installed".into()),
            SnapshotData::Flushed => Err("only a received snapshot can be installed".into()),
        };
        let incoming = faulty(&self.applying.fault, "snapshot", incoming.map_err(failure))?;
        let meta = meta.clone();
        self.aside("snapshot", move |applier| applier.install(&meta, incoming).map_err(failure)).await
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        self.aside("rows", |applier| applier.snapshot()).await
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
        let flushed = aside::once(self.applying.store.blocks(), "raft-flush", move || gate.flush()).await;
        let flushed = faulty(&self.applying.fault, "flush", flushed)?;
        let meta = flushed.as_ref().map(snapshot_meta).transpose().map_err(failure)?.unwrap_or_default();
        Ok(Snapshot { meta, snapshot: SnapshotData::Flushed })
    }
}

/// Checks that the log reaches what the rows hold, or that the rows began with a snapshot there.
pub(crate) fn check_log_covers(applied: &AppliedRecord, log_end: Option<Position>) -> Result<(), String> {
    let end = log_end.map_or(0, |end| end.index);
    if end >= applied.at.index || applied.installed.is_some_and(|installed| installed.index >= applied.at.index) {
        return Ok(());
    }
    Err(format!("the log ends at entry {end}, although entry {} is applied in the rows", log_id(applied.at).index))
}

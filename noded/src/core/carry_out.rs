//! What a turn decided is carried out: journalled, synced where it must be, then done; reports go last.

use std::io;

use muster_model::agent::{Action, Record, record};
use muster_proto::wire::from_node;
use prost::Message;
use tracing::{error, info, warn};

use super::Core;
use crate::Ending;

/// The journal is compacted after this many records.
pub(super) const COMPACT_RECORDS: usize = 2_000;

impl Core {
    pub(super) fn carry_out(&mut self, actions: Vec<Action>) -> io::Result<()> {
        let mut records = Vec::new();
        for action in actions {
            match action {
                Action::Journal(record) => {
                    self.must_sync |= is_about_authority(&record);
                    records.push(record.encode_to_vec());
                }
                Action::Report(report) => self.reports.push(*report),
                action => {
                    self.write(&mut records)?;
                    if self.must_sync {
                        self.sync()?;
                    }
                    self.act(action);
                }
            }
        }
        self.write(&mut records)
    }

    fn write(&mut self, records: &mut Vec<Vec<u8>>) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.journal.append(records)?;
        self.unsynced = true;
        self.appended += records.len();
        records.clear();
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        (self.must_sync, self.unsynced) = (false, false);
        self.journal.sync()
    }

    /// Syncs if there is a reason to, and sends what waited for that.
    pub(super) fn end_turn(&mut self) -> io::Result<()> {
        if self.must_sync || (self.unsynced && !self.reports.is_empty()) {
            self.sync()?;
        }
        for report in std::mem::take(&mut self.reports) {
            self.say(from_node::Body::Report(report));
        }
        self.compact()
    }

    fn compact(&mut self) -> io::Result<()> {
        if self.appended < self.compact_at {
            return Ok(());
        }
        let snapshot: Vec<Vec<u8>> = self.agent().snapshot().iter().map(Message::encode_to_vec).collect();
        self.journal.replace(&snapshot)?;
        self.appended = snapshot.len();
        self.compact_at = COMPACT_RECORDS.max(2 * snapshot.len());
        Ok(())
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Journal(_) | Action::Report(_) => unreachable!("gathered by the caller"),
            Action::RunProlog { attempt, hold } => self.steps.prolog(attempt, *hold),
            Action::StartStep { step, launch } => self.steps.start(step, *launch),
            Action::StartExtern { step, hold } => self.steps.start_extern(step, *hold),
            Action::Signal { step, signal, batch_only } => self.steps.signal(step, signal, batch_only),
            Action::EndStep { step, cause, kill_wait_s, whole, at_once } => {
                self.steps.end(step, Ending { cause, kill_wait_s, whole, at_once });
            }
            Action::Kill { step } => self.steps.kill(step),
            Action::VerifyEmpty { attempt } => self.steps.verify_empty(attempt),
            Action::RunEpilog { attempt, hold } => self.steps.epilog(attempt, *hold),
            Action::Clean { attempt } => self.steps.clean(attempt),
            Action::KeepLease { until_ms } => self.steps.keep_lease(until_ms),
            Action::LeaseOver { attempts: 0 } => info!("no leader renews this node's lease: nothing is begun here"),
            Action::LeaseOver { attempts } => {
                error!("this node's lease is over: {attempts} attempts are being ended, and nothing is begun here");
            }
            Action::RegisterAgain => {
                info!("registering again, for this node's lease");
                self.leader = None;
            }
            Action::Refuse { why } => {
                self.refused_orders += 1;
                warn!("refused: {why}");
            }
        }
    }
}

/// Whom this node obeys, and who it is: P6 holds over a power cut too.
fn is_about_authority(record: &Record) -> bool {
    match &record.body {
        Some(record::Body::Authority(_) | record::Body::Registration(_) | record::Body::Boot(_)) => true,
        Some(record::Body::Attempt(_) | record::Body::Forgotten(_)) | None => false,
    }
}

//! openraft's log on [`LogFiles`]: what is recent is read from memory, what is written goes through the one appender.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::stream::{self, Stream};
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use prost::Message;

use super::convert::{decode_entry, encode_entry, log_id, position, vote, vote_record};
use super::{Entry, LogId, Types, Vote};
use crate::appender::{Appender, Effect, Work};
use crate::encoding::{Position, VoteRecord};
use crate::errors::OpenError;
use crate::fault::Fault;
use crate::purge_gate::PurgeGate;
use crate::store::{Fact, LogFiles, LogOp, Store, Watermark, failure};

/// Entries that stay in memory for replication and apply, beside those that are not durable yet.
const RECENT_ENTRIES_MAX: usize = 16_384;
/// Their bytes.
const RECENT_BYTES_MAX: usize = 64 << 20;
/// Entries of one append to a follower, or of one read while applying.
const READ_BYTES_MAX: usize = 1 << 20;
const READ_ENTRIES_MAX: u64 = 512;

/// The log of one replica.
pub(crate) struct Log {
    files: Arc<dyn LogFiles>,
    appender: Appender,
    gate: PurgeGate,
    memory: Mutex<Memory>,
}

struct Memory {
    last: Option<LogId>,
    purged: Option<LogId>,
    vote: Option<Vote>,
    committed: Option<LogId>,
    recent: BTreeMap<u64, Recent>,
    recent_bytes: usize,
}

struct Recent {
    entry: Entry,
    bytes: usize,
}

impl Memory {
    fn forget(&mut self, gone: impl IntoIterator<Item = (u64, Recent)>) {
        for (_, recent) in gone {
            self.recent_bytes -= recent.bytes;
        }
    }

    /// Drops the oldest of what is durable.
    fn trim(&mut self, durable: u64) {
        while self.recent.len() > RECENT_ENTRIES_MAX || self.recent_bytes > RECENT_BYTES_MAX {
            match self.recent.first_entry() {
                Some(oldest) if *oldest.key() <= durable => self.recent_bytes -= oldest.remove().bytes,
                _ => return,
            }
        }
    }
}

fn fact<T: Message + Default>(files: &dyn LogFiles, fact: Fact) -> io::Result<Option<T>> {
    files.fact(fact)?.map(|bytes| T::decode(&bytes[..])).transpose().map_err(failure)
}

impl Log {
    /// Reads what the log holds, judges it by the watermark, and starts the appender. What was read may be of a process that ended
    /// before its sync: it becomes durable before the watermark says that it is.
    pub(crate) fn open(store: &dyn Store, gate: PurgeGate, fault: Fault) -> Result<Log, OpenError> {
        let files = store.log();
        let found =
            Found::read(&*files).map_err(|error| OpenError::Io { path: store.path(), why: error.to_string() })?;
        found.judge().map_err(|why| OpenError::Damaged { path: store.path(), why })?;
        let mark = found.new_mark();
        let started = files
            .sync()
            .and_then(|()| files.set_watermark(&mark))
            .and_then(|()| Appender::start(files.clone(), mark, fault, store.blocks()))
            .map_err(|error| OpenError::Io { path: store.path(), why: error.to_string() })?;
        let memory = Memory {
            last: found.end().map(log_id),
            purged: found.purged.map(log_id),
            vote: found.vote.map(vote),
            committed: found.committed.filter(|committed| Some(*committed) <= found.end()).map(log_id),
            recent: BTreeMap::new(),
            recent_bytes: 0,
        };
        Ok(Log { files, appender: started, gate, memory: Mutex::new(memory) })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn appender(&self) -> &Appender {
        &self.appender
    }

    /// Nothing is written after this; what was queued before is.
    pub(crate) async fn stop(&self) {
        // It fails only where the writer has ended already.
        let _ = self.appender.write(Vec::new(), Effect::Stop).await;
    }

    pub(crate) fn background_errors(&self) -> io::Result<u64> {
        self.files.background_errors()
    }

    /// Where the log ends.
    pub(crate) fn end(&self) -> Option<Position> {
        self.memory().last.as_ref().map(position)
    }

    /// Entries `from..to`, as many as fit the bounds, at least one where there is one.
    fn read(&self, from: u64, to: u64, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let recent_from = match self.memory().read_recent(from, to, bytes_max) {
            Ok(entries) => return Ok(entries),
            Err(recent_from) => recent_from,
        };
        let records = self.files.read(from, to.min(recent_from), bytes_max)?;
        if records.is_empty() && recent_from < to {
            // The log begins after `from`.
            return Ok(self.memory().read_recent(recent_from, to, bytes_max).unwrap_or_default());
        }
        records.into_iter().map(|record| decode_entry(record).map_err(failure)).collect()
    }
}

impl Memory {
    /// `Err`: memory begins only there.
    fn read_recent(&self, from: u64, to: u64, bytes_max: usize) -> Result<Vec<Entry>, u64> {
        let first = self.recent.first_key_value().map_or(u64::MAX, |(index, _)| *index);
        if from < first && from < to {
            return Err(first);
        }
        let mut bytes = 0;
        let mut entries = Vec::new();
        for (_, recent) in self.recent.range(from..to.max(from)) {
            if bytes > 0 && bytes + recent.bytes > bytes_max {
                break;
            }
            bytes += recent.bytes;
            entries.push(recent.entry.clone());
        }
        Ok(entries)
    }
}

/// What the files hold at start.
struct Found {
    last: Option<Position>,
    purged: Option<Position>,
    vote: Option<VoteRecord>,
    committed: Option<Position>,
    mark: Option<Watermark>,
}

impl Found {
    fn read(files: &dyn LogFiles) -> io::Result<Found> {
        let last = files.last()?.map(decode_entry).transpose().map_err(failure)?;
        Ok(Found {
            last: last.map(|entry| position(&entry.log_id)),
            purged: fact(files, Fact::Purged)?,
            vote: fact(files, Fact::Vote)?,
            committed: fact(files, Fact::Committed)?,
            mark: files.watermark()?,
        })
    }

    fn end(&self) -> Option<Position> {
        self.last.max(self.purged)
    }

    /// A torn tail was never acknowledged; what ends before the watermark was.
    fn judge(&self) -> Result<(), String> {
        let Some(mark) = self.mark else {
            let empty = self.end().is_none() && self.vote.is_none();
            return if empty { Ok(()) } else { Err("the watermark is missing beside a log".into()) };
        };
        if let Some(promised) = mark.last {
            let end = self.end().map_or(0, |end| end.index);
            if self.end().is_none() || end < promised.index {
                return Err(format!("the log ends at entry {end}, although entry {} was acknowledged", promised.index));
            }
        }
        match (mark.vote, self.vote) {
            (Some(promised), None) => Err(format!("the vote of term {} is gone", promised.term)),
            (Some(promised), Some(vote)) if vote.is_behind(&promised) => {
                Err(format!("the vote is of term {}, although one of term {} was given", vote.term, promised.term))
            }
            _ => Ok(()),
        }
    }

    fn new_mark(&self) -> Watermark {
        Watermark { sequence: self.mark.map_or(1, |mark| mark.sequence + 1), last: self.end(), vote: self.vote }
    }
}

/// The handle that openraft drives; its clones read.
#[derive(Clone)]
pub(crate) struct LogStorage {
    log: Arc<Log>,
}

impl LogStorage {
    pub(crate) fn new(log: Arc<Log>) -> LogStorage {
        LogStorage { log }
    }
}

fn bounds(range: impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before + 1,
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(last) => last + 1,
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

impl RaftLogReader<Types> for LogStorage {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (mut from, to) = bounds(range);
        let mut entries = Vec::new();
        while from < to {
            let more = self.log.read(from, to, READ_BYTES_MAX)?;
            let Some(last) = more.last() else { break };
            from = last.log_id.index + 1;
            entries.extend(more);
        }
        Ok(entries)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.log.read(start, end, READ_BYTES_MAX)
    }

    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let log = self.log.clone();
        let state = (bounds(range), Vec::new().into_iter());
        stream::unfold(state, move |((from, to), mut waiting): (_, std::vec::IntoIter<Entry>)| {
            let next = next_entry(&log, from, to, &mut waiting);
            std::future::ready(next.map(|entry| (entry, ((from + 1, to), waiting))))
        })
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.log.memory().vote)
    }
}

/// Entry `from` of what `waiting` holds, which is filled again when it is empty.
fn next_entry(
    log: &Log,
    from: u64,
    to: u64,
    waiting: &mut std::vec::IntoIter<Entry>,
) -> Option<Result<Entry, io::Error>> {
    if from >= to {
        return None;
    }
    if waiting.len() == 0 {
        match log.read(from, to.min(from + READ_ENTRIES_MAX), READ_BYTES_MAX) {
            Ok(entries) => *waiting = entries.into_iter(),
            Err(error) => return Some(Err(error)),
        }
    }
    match waiting.next() {
        Some(entry) if entry.log_id.index == from => Some(Ok(entry)),
        None if log.end().is_none_or(|end| end.index < from) => None,
        _ => Some(Err(failure(format!("log entry {from} is missing")))),
    }
}

impl RaftLogStorage<Types> for LogStorage {
    type LogReader = LogStorage;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let memory = self.log.memory();
        Ok(LogState { last_purged_log_id: memory.purged, last_log_id: memory.last })
    }

    async fn get_log_reader(&mut self) -> LogStorage {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let record = vote_record(vote);
        let ops = vec![LogOp::Set(Fact::Vote, record.encode_to_vec())];
        self.log.appender.write(ops, Effect::Vote(record)).await?;
        self.log.memory().vote = Some(*vote);
        Ok(())
    }

    /// Rides with the next append: late is harmless, it only says how far to replay before a leader is heard.
    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        self.log.memory().committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.log.memory().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let durable = self.log.appender.durable().borrow().map_or(0, |at| at.index);
        let work = {
            let mut memory = self.log.memory();
            let ops = memory.remember(entries, durable);
            memory.last.as_ref().map(|last| Work {
                ops,
                effect: Effect::Append(position(last)),
                done: Box::new(|result| callback.io_completed(result)),
            })
        };
        if let Some(work) = work {
            self.log.appender.submit(work).await;
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let from = last.as_ref().map_or(0, |last| last.index + 1);
        let end = {
            let mut memory = self.log.memory();
            let gone = memory.recent.split_off(&from);
            memory.forget(gone);
            memory.last = memory.last.min(last).max(memory.purged);
            memory.last.as_ref().map(position)
        };
        self.log.appender.write(vec![LogOp::TruncateFrom(from)], Effect::Truncate(end)).await
    }

    async fn purge(&mut self, to: LogId) -> Result<(), io::Error> {
        self.log.gate.check(to.index)?;
        let at = position(&to);
        let ops = vec![LogOp::PurgeTo(to.index), LogOp::Set(Fact::Purged, at.encode_to_vec())];
        {
            let mut memory = self.log.memory();
            let kept = memory.recent.split_off(&(to.index + 1));
            let gone = std::mem::replace(&mut memory.recent, kept);
            memory.forget(gone);
            memory.purged = memory.purged.max(Some(to));
            memory.last = memory.last.max(Some(to));
        }
        self.log.appender.write(ops, Effect::Purge(at)).await
    }
}

impl Memory {
    /// Keeps the entries readable, and answers how to write them.
    fn remember(&mut self, entries: impl IntoIterator<Item = Entry>, durable: u64) -> Vec<LogOp> {
        let mut ops = Vec::new();
        for entry in entries {
            let record: Bytes = encode_entry(&entry);
            let index = entry.log_id.index;
            self.last = Some(entry.log_id);
            self.recent_bytes += record.len();
            self.recent.insert(index, Recent { entry, bytes: record.len() });
            ops.push(LogOp::Put { index, record });
        }
        if let Some(committed) = self.committed.as_ref() {
            ops.push(LogOp::Set(Fact::Committed, position(committed).encode_to_vec()));
        }
        self.trim(durable);
        ops
    }
}

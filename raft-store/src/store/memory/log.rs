//! The log on the disk.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;

use super::disk::Handle;
use crate::store::{Fact, LogFiles, LogOp, Watermark, failure};

#[derive(Clone, Default)]
pub(super) struct LogImage {
    pub(super) entries: BTreeMap<u64, Bytes>,
    pub(super) facts: BTreeMap<Fact, Vec<u8>>,
}

impl LogImage {
    pub(super) fn write(&mut self, op: &LogOp) {
        match op {
            LogOp::Put { index, record } => {
                self.entries.insert(*index, record.clone());
            }
            LogOp::TruncateFrom(from) => {
                self.entries.split_off(from);
            }
            LogOp::PurgeTo(to) => self.entries = self.entries.split_off(&to.saturating_add(1)),
            LogOp::Set(fact, value) => {
                self.facts.insert(*fact, value.clone());
            }
        }
    }
}

pub(super) struct MemoryLog {
    pub(super) handle: Handle,
}

impl LogFiles for MemoryLog {
    fn write(&self, ops: &[LogOp]) -> io::Result<()> {
        self.handle.write(|contents| {
            ops.iter().for_each(|op| contents.written.write(op));
            contents.unsynced.extend_from_slice(ops);
        })
    }

    fn sync(&self) -> io::Result<()> {
        let failing = self.handle.read(|contents| contents.failing_syncs.clone())?;
        if let Some(why) = failing {
            return Err(failure(why));
        }
        self.handle.write(|contents| {
            let unsynced = std::mem::take(&mut contents.unsynced);
            unsynced.iter().for_each(|op| contents.synced.write(op));
        })
    }

    fn read(&self, from: u64, to: u64, bytes_max: usize) -> io::Result<Vec<Bytes>> {
        self.handle.read(|contents| {
            let mut bytes = 0;
            let fits = |record: &&Bytes| {
                let first = bytes == 0;
                bytes += record.len();
                first || bytes <= bytes_max
            };
            contents
                .written
                .entries
                .range(from..to.max(from))
                .map(|(_, record)| record)
                .take_while(fits)
                .cloned()
                .collect()
        })
    }

    fn last(&self) -> io::Result<Option<Bytes>> {
        self.handle.read(|contents| contents.written.entries.last_key_value().map(|(_, record)| record.clone()))
    }

    fn fact(&self, fact: Fact) -> io::Result<Option<Vec<u8>>> {
        self.handle.read(|contents| contents.written.facts.get(&fact).cloned())
    }

    fn watermark(&self) -> io::Result<Option<Watermark>> {
        self.handle.read(|contents| contents.watermark)
    }

    fn set_watermark(&self, mark: &Watermark) -> io::Result<()> {
        self.handle.write(|contents| contents.watermark = Some(*mark))
    }

    fn background_errors(&self) -> io::Result<u64> {
        self.handle.read(|_| 0)
    }

    fn sync_pause(&self) -> Duration {
        Duration::from_millis(self.handle.disk.contents().sync_ms)
    }
}

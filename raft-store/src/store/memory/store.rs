//! The store of one process on the disk: its log, its rows, and which of the latter count.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::disk::Handle;
use super::log::MemoryLog;
use super::rows::{MemoryRows, RowsImage};
use crate::identity::{Identity, StoreState};
use crate::store::{LogFiles, RowFiles, Store, failure};

pub(in crate::store) struct MemoryStore {
    pub(super) handle: Handle,
}

impl MemoryStore {
    fn rows_at(&self, place: u64) -> Arc<dyn RowFiles> {
        Arc::new(MemoryRows { handle: self.handle.clone(), place })
    }
}

impl Store for MemoryStore {
    fn path(&self) -> PathBuf {
        PathBuf::from("memory")
    }

    fn state(&self) -> StoreState {
        self.handle.disk.state()
    }

    fn set_identity(&self, identity: &Identity) -> io::Result<()> {
        self.handle.write(|contents| contents.state.identity = Some(identity.clone()))
    }

    fn log(&self) -> Arc<dyn LogFiles> {
        Arc::new(MemoryLog { handle: self.handle.clone() })
    }

    fn rows(&self) -> Arc<dyn RowFiles> {
        let place = self.handle.disk.contents().current;
        self.rows_at(place)
    }

    fn fresh_rows(&self) -> io::Result<Arc<dyn RowFiles>> {
        let place = self.handle.write(|contents| {
            let current = contents.current;
            contents.places.retain(|place, _| *place == current);
            let place = contents.next_place;
            contents.next_place += 1;
            contents.places.insert(place, RowsImage::default());
            place
        })?;
        Ok(self.rows_at(place))
    }

    fn switch_rows(&self, fresh: Arc<dyn RowFiles>) -> io::Result<()> {
        let place = fresh.place();
        let switched = self.handle.write(|contents| {
            let there = contents.places.contains_key(&place);
            if there {
                contents.current = place;
                contents.places.retain(|other, _| *other == place);
            }
            there
        })?;
        if switched { Ok(()) } else { Err(failure("another snapshot came in between")) }
    }

    fn blocks(&self) -> bool {
        false
    }

    fn close(&self) {
        let mut contents = self.handle.disk.contents();
        if contents.epoch == self.handle.epoch {
            contents.open = false;
        }
    }
}

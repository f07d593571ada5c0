//! When each node was last heard, and what it said of itself: soft state of the leader, never in the log.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::time::Instant;

/// Of one node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    /// When a frame came last.
    pub(crate) at: Instant,
    /// Load average times 100; `u32::MAX`: not known.
    pub(crate) load_hundredths: u32,
    /// MiB; `u64::MAX`: not known.
    pub(crate) free_mem_mib: u64,
}

/// By node index.
#[derive(Debug, Default)]
pub(crate) struct Sightings(Mutex<BTreeMap<u32, Sighting>>);

impl Sightings {
    /// A frame of `node` came.
    pub(crate) fn seen(&self, node: u32) {
        let mut all = self.0.lock().expect("no holder of this lock panics");
        let now = Instant::now();
        let unknown = Sighting { at: now, load_hundredths: u32::MAX, free_mem_mib: u64::MAX };
        all.entry(node).or_insert(unknown).at = now;
    }

    /// A heartbeat of `node` came.
    pub(crate) fn heartbeat(&self, node: u32, load_hundredths: u32, free_mem_mib: u64) {
        let sighting = Sighting { at: Instant::now(), load_hundredths, free_mem_mib };
        self.0.lock().expect("no holder of this lock panics").insert(node, sighting);
    }

    pub(crate) fn of(&self, node: u32) -> Option<Sighting> {
        self.0.lock().expect("no holder of this lock panics").get(&node).copied()
    }

    /// What an earlier leadership saw says nothing about now.
    pub(crate) fn forget_all(&self) {
        self.0.lock().expect("no holder of this lock panics").clear();
    }
}

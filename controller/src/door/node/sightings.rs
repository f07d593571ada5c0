//! When each node was last heard, and what it said of itself: soft state of the leader, never in the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use muster_proto::wire::Heartbeat;
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
    /// Orders that it did not obey, since its daemon started.
    pub(crate) refused_orders: u64,
}

/// By node index, and since when this leader listens.
#[derive(Debug, Default)]
pub(crate) struct Sightings(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    nodes: BTreeMap<u32, Sighting>,
    /// The leader's own barrier; what came earlier counts for nothing. `None`: nobody's silence is judged.
    listening_since: Option<Instant>,
}

impl Sightings {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// Silence counts from now on.
    pub(crate) fn listen(&self) {
        self.lock().listening_since = Some(Instant::now());
    }

    /// A frame of `node` came.
    pub(crate) fn seen(&self, node: u32) {
        let now = Instant::now();
        let unknown = Sighting { at: now, load_hundredths: u32::MAX, free_mem_mib: u64::MAX, refused_orders: 0 };
        self.lock().nodes.entry(node).or_insert(unknown).at = now;
    }

    /// A heartbeat of `node` came.
    pub(crate) fn heartbeat(&self, node: u32, heartbeat: &Heartbeat) {
        let Heartbeat { load_hundredths, free_mem_mib, refused_orders, .. } = *heartbeat;
        let sighting = Sighting { at: Instant::now(), load_hundredths, free_mem_mib, refused_orders };
        self.lock().nodes.insert(node, sighting);
    }

    pub(crate) fn of(&self, node: u32) -> Option<Sighting> {
        self.lock().nodes.get(&node).copied()
    }

    /// Whether a frame of `node` came since this leader listens, and for how long none has. `None`: it does not listen.
    pub(crate) fn silence(&self, node: u32) -> Option<(bool, Duration)> {
        self.lock().silence(node, Instant::now())
    }

    /// Of all nodes that were heard.
    pub(crate) fn refused_orders(&self) -> u64 {
        self.lock().nodes.values().fold(0, |sum, sighting| sum.saturating_add(sighting.refused_orders))
    }

    /// What an earlier leadership saw says nothing about now.
    pub(crate) fn forget_all(&self) {
        *self.lock() = Seen::default();
    }
}

impl Seen {
    fn silence(&self, node: u32, now: Instant) -> Option<(bool, Duration)> {
        let since = self.listening_since?;
        let heard = self.nodes.get(&node).map(|sighting| sighting.at).filter(|at| *at > since);
        Some((heard.is_some(), now.saturating_duration_since(heard.unwrap_or(since))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_from_the_last_frame_and_not_from_before_this_leader_listened() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let heard = |at| Sighting { at, load_hundredths: 0, free_mem_mib: 0, refused_orders: 0 };
        let nodes = BTreeMap::from([(1, heard(after(1))), (2, heard(after(7)))]);
        let nobody = Seen { nodes, listening_since: None };
        assert_eq!(nobody.silence(1, after(9)), None);
        let leader = Seen { listening_since: Some(after(5)), ..nobody };
        assert_eq!(leader.silence(1, after(9)), Some((false, Duration::from_secs(4))));
        assert_eq!(leader.silence(2, after(9)), Some((true, Duration::from_secs(2))));
        assert_eq!(leader.silence(3, after(9)), Some((false, Duration::from_secs(4))));
    }

    #[test]
    fn what_nodes_refused_is_told_of_all_as_they_said_last() {
        let sightings = Sightings::default();
        for (node, refused_orders) in [(1, 2), (2, 5), (1, 3)] {
            sightings.heartbeat(node, &Heartbeat { refused_orders, ..Heartbeat::default() });
        }
        sightings.seen(3);
        assert_eq!(sightings.refused_orders(), 8);
    }
}

//! How many there are, known without looking at each.

use super::state::Cluster;

impl Cluster {
    /// As many as [`Cluster::startable_jobs`] yields.
    pub fn startable_count(&self) -> usize {
        self.index.startable.len()
    }

    /// As many as [`Cluster::active_jobs`] yields.
    pub fn active_count(&self) -> usize {
        self.index.active.len()
    }
}

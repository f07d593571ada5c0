//! How far a run has come, where a story waits for it.

use super::storm::Storm;

/// Something that a story waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The first fence of the run has come so far.
    Fence(Step),
    /// A replica has purged its log.
    LogPurged,
}

/// How far a fence has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// It is asked for.
    Requested,
    /// An agent was told to switch off.
    Called,
    /// The node is off.
    Struck,
    /// An agent was asked for the state.
    Asked,
    /// It is known to be off.
    Confirmed,
}

impl Storm {
    /// Whether the run has come so far.
    pub(super) fn is_reached(&self, moment: Moment) -> bool {
        match moment {
            Moment::LogPurged => {
                self.world.seats.replicas().iter().any(|(_, replica)| replica.metrics().purged_index > 0)
            }
            Moment::Fence(step) => self.fence_step().is_some_and(|reached| reached >= step),
        }
    }
}

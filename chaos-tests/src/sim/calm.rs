//! When the controllers are left alone: a majority of them runs, and nothing is wrong with its disks and its network.

use super::faults::What;
use super::storm::Storm;

/// Since when, if now.
#[derive(Debug, Default)]
pub(super) struct Calm {
    since_ms: Option<u64>,
    /// A sync that began on a slow disk takes its time, although the disk is fast again.
    pub(super) not_before_ms: u64,
}

impl What {
    /// Nodes that it may cost work, by their place.
    pub(super) fn node(self) -> Option<usize> {
        match self {
            What::RebootNode(node)
            | What::KillNoded(node)
            | What::CutNode(node)
            | What::MuteNode(node)
            | What::DeafenNode(node)
            | What::WipeSpool(node)
            | What::IsolateLeaderWith(node)
            | What::Rejoin(node) => Some(node),
            _ => None,
        }
    }

    /// Whether it lies with controllers, or their network.
    pub(super) fn disturbs_controllers(self) -> bool {
        self.node().is_none() || matches!(self, What::IsolateLeaderWith(_))
    }

    /// Whether it is over when it has begun, but for a controller that is down meanwhile.
    pub(super) fn is_a_crash(self) -> bool {
        matches!(
            self,
            What::CrashLeader
                | What::CrashController(_)
                | What::CrashAll
                | What::WipeDisk(_)
                | What::Upgrade(_)
                | What::Downgrade(_)
                | What::RaiseLevel
                | What::Rejoin(_)
        )
    }
}

impl Storm {
    /// Something about controllers began or ended: from here on they are given time again.
    pub(super) fn disturb(&mut self, now_ms: u64) {
        if let Some(since_ms) = self.calm.since_ms.take() {
            self.world.oracle.seen().calm.push((since_ms, now_ms));
        }
    }

    /// Looks whether they are left alone now.
    pub(crate) fn look_for_calm(&mut self, now_ms: u64) {
        let wanted = self.world.changes.members();
        let running = self.world.seats.replicas();
        let voters = running.iter().map(|(_, replica)| replica.members().len()).max().unwrap_or(0);
        let majority = running.len() * 2 > wanted.len().max(voters);
        let calm = self.disturbances == 0 && majority && now_ms >= self.calm.not_before_ms;
        match (calm, self.calm.since_ms) {
            (true, None) => self.calm.since_ms = Some(now_ms),
            (false, Some(_)) => self.disturb(now_ms),
            _ => {}
        }
    }
}

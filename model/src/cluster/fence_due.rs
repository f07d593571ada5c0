//! What fencing asks of the leader now. Derived from the state each time: a new leader goes on where the old one was.

use muster_proto::durable::{FenceRow, FenceState, NodeBase, NodePhase};

use super::state::Cluster;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FenceDuty {
    /// A lost node holds shares that wait for proof: propose `RequestFence`.
    Request {
        /// Of the node.
        name: String,
        /// Its epoch.
        epoch: u64,
    },
    /// Propose `BeginFenceCall`; once that says so, call the agents, and propose `EndFenceCall`.
    Call {
        /// The operation.
        fence: u64,
        /// Number of the call.
        call: u32,
    },
    /// Propose `SettleFence`.
    Settle {
        /// The operation.
        fence: u64,
    },
    /// Call the agents to switch the node on again, and propose `SettleFence` with what they said.
    PowerOn {
        /// The operation.
        fence: u64,
    },
}

impl Cluster {
    /// Operations, by id: open ones and history.
    pub fn fences(&self) -> impl DoubleEndedIterator<Item = &FenceRow> {
        self.fences.values()
    }

    /// One of them.
    pub fn fence(&self, fence: u64) -> Option<&FenceRow> {
        self.fences.get(&fence)
    }

    /// The operation on a node that is not over.
    pub fn open_fence(&self, node: u32) -> Option<&FenceRow> {
        self.fences.get(self.fence_of.get(&node)?).filter(|row| row.ended_ms == 0)
    }

    pub(super) fn open_fences(&self) -> impl Iterator<Item = &FenceRow> {
        self.fences.values().filter(|row| row.ended_ms == 0)
    }

    /// What is due at `now_ms`, at most `max`.
    pub fn fence_duties(&self, now_ms: u64, max: usize) -> Vec<FenceDuty> {
        let on = self.fences.values().filter(|row| row.ended_ms != 0 && row.power_on);
        let on = on.map(|row| FenceDuty::PowerOn { fence: row.fence });
        let open = self.open_fences().filter_map(|row| self.duty_of(row, now_ms));
        let lost = self.nodes().filter(|node| self.is_to_be_fenced(node.index()));
        let lost = lost.filter(|node| self.open_fence(node.index()).is_none());
        let lost = lost.map(|node| FenceDuty::Request { name: node.name().to_owned(), epoch: node.row.epoch });
        open.chain(lost).chain(on).take(max).collect()
    }

    fn duty_of(&self, row: &FenceRow, now_ms: u64) -> Option<FenceDuty> {
        match row.state() {
            FenceState::Requested | FenceState::Started | FenceState::Failed => {
                let call = FenceDuty::Call { fence: row.fence, call: row.call + 1 };
                (self.fence_begins_ms(row) <= now_ms).then_some(call)
            }
            FenceState::Confirmed | FenceState::Overtaken => {
                (self.fence_settles_ms(row) <= now_ms).then_some(FenceDuty::Settle { fence: row.fence })
            }
            FenceState::Cancelled => None,
        }
    }

    /// The earliest time of the next call.
    pub(super) fn fence_begins_ms(&self, row: &FenceRow) -> u64 {
        let delay_ms = self.fence_conf().map_or(0, |conf| u64::from(conf.delay_s) * 1_000);
        let after_delay = if row.started_ms == 0 && !row.by_operator { row.requested_ms + delay_ms } else { 0 };
        // Whoever made the call before may be no more, and its agents still be at work.
        let after_call = if row.calling { self.fence_settles_ms(row) } else { 0 };
        row.next_ms.max(after_delay).max(after_call)
    }

    /// From then on no call can strike any more.
    pub(super) fn fence_settles_ms(&self, row: &FenceRow) -> u64 {
        if row.call == 0 { 0 } else { row.called_ms.saturating_add(row.deadline_ms) }
    }

    /// A node that was lost with shares which wait for proof, that can be fenced, and that no operator wants left alone.
    pub(super) fn is_to_be_fenced(&self, index: u32) -> bool {
        let Some(node) = self.node(index) else { return false };
        let row = &node.row;
        let silent = row.base() == NodeBase::Down && row.not_responding && !row.boot_id.is_empty();
        if !silent || node.shares.is_empty() || self.fence_levels(node.name()).is_empty() {
            return false;
        }
        let left_alone = |fence: &FenceRow| fence.called_off && fence.ended_ms != 0 && fence.epoch == row.epoch;
        let newest = self.fence_of.get(&index).and_then(|fence| self.fences.get(fence));
        let auto = self.fence_conf().is_some_and(|conf| conf.auto);
        auto && !newest.is_some_and(left_alone) && node.shares.keys().any(|uid| self.waits_for_proof(*uid, index))
    }

    fn waits_for_proof(&self, uid: u64, index: u32) -> bool {
        let attempt = self.job(uid).and_then(|job| job.live_attempt());
        let mut parts = attempt.into_iter().flat_map(|attempt| &attempt.nodes);
        parts.any(|part| part.node == index && part.phase() == NodePhase::Lost)
    }
}

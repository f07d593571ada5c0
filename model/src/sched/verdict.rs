//! What is told of jobs that did not start, and only where it differs from what their rows say.

use muster_dialect::state::Reason;
use muster_proto::durable::Verdict;

use super::view::Job;

/// What a pass found of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) reason: Reason,
    pub(super) detail: String,
    /// `Some`: the estimate, 0 for none; `None`: not looked for, an older one stands.
    pub(super) start_ms: Option<u64>,
    pub(super) nodes: String,
}

impl Finding {
    pub(super) fn of(reason: Reason) -> Self {
        Self { reason, ..Self::default() }
    }

    /// With several partitions, the most hopeful one is told.
    pub(super) fn hope(&self) -> u8 {
        match self.reason {
            Reason::Resources if self.detail.is_empty() => 0,
            Reason::Priority => 1,
            Reason::Licenses => 2,
            Reason::ReqNodeNotAvail => 3,
            Reason::Resources => 4,
            Reason::PartitionTimeLimit => 5,
            Reason::PartitionNodeLimit => 6,
            Reason::PartitionConfig => 7,
            _ => 8,
        }
    }
}

/// `None`: the row says it already. Estimates that moved by less than `resolution_ms` have not moved.
pub(super) fn changed(job: &Job, found: &Finding, now_ms: u64, resolution_ms: u64) -> Option<Verdict> {
    let shown = &job.shown;
    let past = shown.estimated_start_ms != 0 && shown.estimated_start_ms < now_ms;
    let (start_ms, nodes) = match found.start_ms {
        Some(start_ms) => (start_ms, found.nodes.as_str()),
        None if past || !may_have_estimate(found.reason) => (0, ""),
        None => (shown.estimated_start_ms, shown.estimated_nodes.as_str()),
    };
    let moved = start_ms.abs_diff(shown.estimated_start_ms) >= resolution_ms.max(1)
        || (start_ms == 0) != (shown.estimated_start_ms == 0);
    let reason = u32::from(found.reason.code());
    let same = reason == shown.reason && found.detail == shown.detail && !moved && nodes == shown.estimated_nodes;
    (!same).then(|| Verdict {
        uid: job.uid,
        reason,
        detail: found.detail.clone(),
        estimated_start_ms: start_ms,
        estimated_nodes: nodes.to_string(),
    })
}

fn may_have_estimate(reason: Reason) -> bool {
    matches!(reason, Reason::Resources | Reason::Priority | Reason::Licenses)
}

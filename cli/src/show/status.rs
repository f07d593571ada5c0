//! What users see as the state of a job or node, out of the facts of an answer.

use muster_dialect::state::{JobFlags, JobState, JobStatus, NodeBase, NodeFlags, NodeState};
use muster_proto::durable;
use muster_proto::wire::{JobInfo, NodeInfo};

/// State and flags of a job.
pub(crate) fn job_status(job: &JobInfo) -> JobStatus {
    let row = job.row.as_ref();
    let base = row.and_then(|row| JobState::from_code(row.state & 0xff)).unwrap_or(JobState::Pending);
    let mut flags = JobFlags::default();
    if job.completing {
        flags = flags | JobFlags::COMPLETING;
    }
    if job.configuring {
        flags = flags | JobFlags::CONFIGURING;
    }
    JobStatus::new(base, flags)
}

/// State and flags of a node; idle, mixed or allocated by what it has given away.
pub(crate) fn node_state(node: &NodeInfo) -> NodeState {
    let Some(row) = node.row.as_ref() else { return NodeState::new(NodeBase::Unknown, NodeFlags::default()) };
    let base = match row.base() {
        durable::NodeBase::Unknown => NodeBase::Unknown,
        durable::NodeBase::Down => NodeBase::Down,
        durable::NodeBase::Future => NodeBase::Future,
        durable::NodeBase::Up if node.alloc_cpus == 0 => NodeBase::Idle,
        durable::NodeBase::Up if node.alloc_cpus >= node.cpus => NodeBase::Allocated,
        durable::NodeBase::Up => NodeBase::Mixed,
    };
    let facts = [
        (row.drain, NodeFlags::DRAIN),
        (row.not_responding, NodeFlags::NOT_RESPONDING),
        (row.fail, NodeFlags::FAIL),
        (row.maint, NodeFlags::MAINTENANCE),
        (node.completing, NodeFlags::COMPLETING),
        (node.planned && node.alloc_cpus == 0, NodeFlags::PLANNED),
    ];
    let flags = facts.into_iter().filter(|(fact, _)| *fact).fold(NodeFlags::default(), |all, (_, flag)| all | flag);
    NodeState::new(base, flags)
}

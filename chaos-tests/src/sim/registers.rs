//! What rows say of the registers that clients write.

use muster_proto::durable::{HoldKind, JobRow, JobSpec, NodeRow};

use crate::oracle::{comment_of, drain_of, hold_of, remark_of};

/// Name and value of each.
pub(crate) fn of_job(row: &JobRow, spec: &JobSpec) -> Vec<(String, String)> {
    let comment = spec.comment.clone();
    let hold = if row.hold() == HoldKind::None { "free" } else { "held" };
    vec![(comment_of(row.uid), comment), (hold_of(row.uid), hold.to_owned())]
}

/// Name and value of each. A drain that the cluster set by itself is nobody's write.
pub(crate) fn of_node(row: &NodeRow) -> Vec<(String, String)> {
    let drain = if row.drain { "drained" } else { "takes work" };
    let mut values = vec![(remark_of(&row.name), row.comment.clone().unwrap_or_default())];
    if row.drain_auto.is_empty() {
        values.push((drain_of(&row.name), drain.to_owned()));
    }
    values
}

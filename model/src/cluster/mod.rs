//! The replicated state machine: [`Cluster::apply`] is its one door.
//!
//! ```text
//! log entry ─► Batch ─► apply ─► outcomes   (what the proposer learns)
//!                         ├────► Changes    (rows to store with the applied index; events that wake loops)
//!                         └────► memory     (what scheduling and listings read)
//! ```
//!
//! One file a command, or a few that belong together; [`dispatch::wanted`] says what the state wants of a node;
//! [`Cluster::check`] names every invariant across tables.

pub mod array;
pub mod config;
pub mod dispatch;
pub mod licences;
pub mod mail;
pub mod resources;

mod access;
mod apply;
mod asked;
mod blobs;
mod cancel;
mod changes;
mod check;
mod commit_plan;
mod configure;
mod counts;
mod create_step;
mod dependency;
mod due;
mod edit;
mod ending;
mod fence;
mod fence_check;
mod fence_due;
mod fence_guard;
mod generation;
mod index;
mod job;
mod ledger;
mod level;
mod liveness;
mod load;
mod node;
mod outcome;
mod priority;
mod proof;
mod queue;
mod register_node;
mod replicas;
mod reports;
mod requests;
mod ruling;
mod state;
mod step_layout;
mod step_reports;
mod submit_job;
mod update_job;
mod update_node;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use asked::Asked;
pub use blobs::BLOB_BYTES_MAX;
pub use cancel::{CANCELLED_AT_ONCE_MAX, TARGETS_MAX};
pub use changes::{Changes, Event, Row, RowError, Table};
pub use check::Violation;
pub use commit_plan::{PLACEMENTS_MAX, VERDICTS_MAX};
pub use config::{InForce, Partition};
pub use dependency::DependencyState;
pub use due::DUE_MAX;
pub use ending::REQUEUE_DELAY_MS;
pub use fence::FENCES_KEPT_MAX;
pub use fence_due::FenceDuty;
pub use job::{Job, STEPLESS_RUN_MS, UNLIMITED, is_ending, is_over, node_is_over, shares, step_id_of, step_is_over};
pub use level::{FEATURE_LEVEL_MAX, PROOF_LEVEL};
pub use liveness::NOT_RESPONDING;
pub use node::Node;
pub use outcome::Outcome;
pub use proof::{Leases, Provable};
pub use queue::Waiting;
pub use requests::{REMEMBERED_REQUESTS_MAX, RETENTION_MS, RequestId, VALIDITY_MS_MAX};
pub use resources::{BitSet, NodeFree, NodeTotal};
pub use state::{Cluster, Hash};

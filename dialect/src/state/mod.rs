//! Names, short names and numbers of states: jobs, nodes, partitions, and why jobs wait.

mod job;
mod node;
mod node_update;
mod partition;
mod reason;

pub use job::{JobFlags, JobState, JobStatus, SQUEUE_STATES, StateFilter};
pub use node::{NodeBase, NodeFlags, NodeState, SINFO_STATES};
pub use node_update::NodeUpdate;
pub use partition::PartitionState;
pub use reason::Reason;

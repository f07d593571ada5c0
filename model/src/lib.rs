//! What is true, and what to do next: pure and deterministic.
//!
//! - [`cluster`]: the replicated state machine. Commands of the log go in, outcomes and changed rows come out.
//! - [`sched`]: the scheduler. A view of the cluster goes in, a `CommitPlan` (a proposal for the log) comes out.
//! - [`agent`]: the node's machine. Orders, reports of supervisors and time go in, actions for the node daemon come out.
//!
//! Nothing here reads a clock, a file, the environment or a random number; nothing is asynchronous, logs, holds a float in
//! state, or walks a hash map. Time and ids come in as arguments. A test and `clippy.toml` hold this.

pub mod agent;
pub mod cluster;
pub mod sched;

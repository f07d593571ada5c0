//! One record as `scontrol show` prints it: lines of `Key=Value`, or all on one line with `--oneliner`.
//!
//! Everything here is a pure function of the answer: order, spacing and placeholders are those of Slurm 22.05's output.

mod job;
mod node;
mod partition;
mod record;
mod status;
mod step;

pub(crate) use job::{job, job_std_paths};
pub(crate) use node::node;
pub(crate) use partition::partition;
pub(crate) use record::Form;
pub(crate) use status::{job_status, node_state};
pub(crate) use step::{step, step_name};

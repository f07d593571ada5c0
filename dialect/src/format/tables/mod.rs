//! What can be listed, from the documentation and the commands themselves.

mod sacct;
mod sinfo;
mod squeue;

pub use sacct::SACCT;
pub use sinfo::SINFO;
pub use squeue::{SQUEUE_JOBS, SQUEUE_STEPS};

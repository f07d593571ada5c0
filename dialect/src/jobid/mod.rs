//! Job ids as people write them: `123`, `123_4`, `12_[3-5,7%2]`, `12_*`, `12+1`, `12.0`, `12_3.extern`; and `--array=`.

mod array;
mod spec;

pub use array::{ARRAY_IDS_MAX, ArrayError, ArraySpec, TEXT_BYTES_DEFAULT, print_ids};
pub use spec::{ArraySel, JobIdError, JobSpec};

/// A step as a job id names it.
pub type StepSel = crate::step::StepId;

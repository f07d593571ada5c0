//! Where standard input, output and error of tasks go, by `-i`, `-o` and `-e`.

use muster_dialect::pattern;
use muster_proto::durable::{JobSpec, StepSpec};

/// The three names as written; patterns are expanded for each task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StreamNames {
    pub(crate) stdin: Stream,
    pub(crate) stdout: Stream,
    /// Nothing: wherever standard output goes.
    pub(crate) stderr: Option<Stream>,
    pub(crate) append: bool,
}

/// One end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stream {
    /// To or from srun.
    Srun,
    /// To or from srun, for this task alone.
    SrunTask(u32),
    /// Nowhere.
    Null,
    /// A file by this pattern.
    File(String),
}

impl StreamNames {
    pub(crate) fn of(job: &JobSpec, step: &StepSpec, is_batch: bool, is_array: bool) -> Self {
        if is_batch {
            let default = if is_array { pattern::OUTPUT_OF_ARRAY } else { pattern::OUTPUT_OF_JOB };
            let stdout = if job.std_out.is_empty() { default } else { &job.std_out };
            return Self {
                stdin: if job.std_in.is_empty() { Stream::Null } else { Stream::batch(&job.std_in) },
                stdout: Stream::batch(stdout),
                stderr: (!job.std_err.is_empty()).then(|| Stream::batch(&job.std_err)),
                append: job.append,
            };
        }
        Self {
            stdin: Stream::step(&step.std_in, step.attached),
            stdout: Stream::step(&step.std_out, step.attached),
            stderr: match (step.std_err.is_empty(), step.std_out.is_empty()) {
                (true, false) => None,
                _ => Some(Stream::step(&step.std_err, step.attached)),
            },
            append: step.append,
        }
    }
}

impl Stream {
    fn batch(name: &str) -> Self {
        if name == "none" || name == "/dev/null" { Self::Null } else { Self::File(name.to_owned()) }
    }

    fn step(name: &str, attached: bool) -> Self {
        match name {
            "" | "all" if attached => Self::Srun,
            "" | "all" | "none" | "/dev/null" => Self::Null,
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                number.parse().map_or(Self::Null, Self::SrunTask)
            }
            file => Self::File(file.to_owned()),
        }
    }

    /// Whether `task` has a pipe to srun.
    pub(crate) fn is_piped(&self, task: u32) -> bool {
        match self {
            Self::Srun => true,
            Self::SrunTask(only) => *only == task,
            Self::Null | Self::File(_) => false,
        }
    }
}

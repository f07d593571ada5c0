//! Slurm's small public languages: parse and print.
//!
//! Host lists, time limits, dates, memory sizes, TRES and GRES strings, job ids, states, error codes, `#SBATCH` lines,
//! file-name patterns, output formats and command-line options, exactly as Slurm's users write and read them. Every
//! other crate speaks to people through this one, so a spelling stands in one place.
//!
//! Everything here is a pure function of its arguments: no files, no sockets, no environment, no clock. Dates take "now"
//! and a time zone; file-name patterns take the job. Input from outside is bounded before it is expanded, and never
//! panics. Errors say where (`position`, in bytes) and what, in Slurm's words where Slurm has some.

/// The release whose interface this is: what `--version` and `SLURM_VERSION` say.
pub const SLURM_VERSION: &str = "26.05.0";

pub mod conf;
pub mod cpus_per_node;
pub mod date;
pub mod dependency;
pub mod distribution;
pub mod errno;
pub mod exit_code;
pub mod format;
pub mod hostlist;
pub mod jobid;
pub mod memory;
pub mod options;
pub mod pattern;
pub mod script;
pub mod signal;
pub mod sluid;
pub mod state;
pub mod step;
pub mod time;
pub mod tres;

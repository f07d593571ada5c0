//! The commands of Muster: one binary behind the names of Slurm's, and `muster` for what Slurm has no word for.
//!
//! ```text
//! argv[0] ─ dispatch ─► a verb's folder: options ─► request ─► channel::Client ─► the cluster
//!                                              └──────────► messages and exit code, in Slurm's words
//! ```
//!
//! A command never decides what is allowed, and keeps nothing between runs. It survives a change of leader while it
//! waits, and says so when an outcome is unknown.

mod allocation;
mod blob;
mod dispatch;
mod entry;
mod help;
mod list;
mod muster;
mod process;
mod refusal;
mod request;
mod sacct;
mod salloc;
mod say;
mod sbatch;
mod sbcast;
mod scancel;
mod scontrol;
mod sdiag;
mod show;
mod show_time;
mod signals;
mod sinfo;
mod site;
mod squeue;
mod srun;
mod target;
mod version;

pub use dispatch::run;

//! The node daemon, and the supervisor of one step that outlives it.
//!
//! ```text
//!   leader ◄── session ──┐                         ┌── stepd 12.0 ── tasks
//!                        ├── core ── model::agent  ├── stepd 12.batch ── script
//!   srun, sbcast ── door ┘    │                    │
//!                             ├── journal          │
//!                             └── Steps ───────────┘  (unix sockets and exit records in the spool)
//! ```
//!
//! The agent of `model` decides; this crate carries out what it says, in order, and keeps the journal durable before
//! effects. [`Steps`], [`JournalStore`] and `channel::Outside` are all that a simulation replaces.
//!
//! Never decided here: who may run. Never trusted: a leader older than the newest seen.

mod core;
mod door;
mod frame;
mod held_config;
mod session;
mod settings;
mod steps;

pub mod journal;
pub mod real;
pub mod stepd;

pub use core::{Noded, StartError};
pub use frame::{FRAME_BYTES_MAX, read_frame, write_frame};
pub use journal::JournalStore;
pub use settings::Settings;
pub use steps::{Ending, JobUser, Load, News, Steps};

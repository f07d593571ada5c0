//! The supervisor of one step on one node: a process of its own that outlives noded and every controller.
//!
//! ```text
//! launch file ─► supervisor ─► tasks (as the user) ──┐ exits, output
//!                   │  ▲                             │
//!     exit file ◄───┘  └── socket: noded watches, signals, ends; srun attaches through noded
//! ```
//!
//! It has one thread, so that forking is safe, and reaps everything that its tasks leave behind: it is a subreaper, and
//! goes only when nothing of the step lives. It holds a lock on its directory for as long; a free lock with no exit file
//! means that it was killed.
//!
//! Never here: a decision of whether to run. Never as root: opening a file that the user named.

pub mod wire;

mod argument;
mod child;
mod connection;
mod contain;
mod environment;
mod files;
#[cfg(test)]
mod golden;
mod input;
mod login;
mod multi_prog;
mod notice;
mod outbox;
mod output;
mod plan;
mod script;
mod shared;
mod start;
mod supervise;
mod user;

pub(crate) mod blame;
pub(crate) mod exit_file;
pub(crate) mod lease;
pub(crate) mod paths;
pub(crate) mod proc;

pub use start::main;
pub(crate) use start::{is_alive, make_directory};
pub use user::write_as_user;

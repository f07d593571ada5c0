//! A node as it is: supervisors as processes, files in the spool, hardware from /proc and /sys.

mod broadcast;
mod children;
mod control;
mod hardware;
mod hooks;
mod identity;
mod spawn;
mod spool;
mod steps;
mod strays;
mod verify;

pub use hardware::discover;
pub use hooks::Hooks;
pub use identity::{boot_clock, boot_id, boot_ms, machine_hash};
pub use spool::{Spool, SpoolError};
pub use steps::{RealSteps, StepSettings};

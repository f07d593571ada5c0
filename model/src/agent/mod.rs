//! The node's machine: what a node does about the leader's orders, and what it must remember to keep its promises.
//!
//! ```text
//! orders, supervisors' news, acknowledgements, ticks ──► Agent::on ──► Journal(row), RunProlog, StartStep, EndStep,
//!                                                                      VerifyEmpty, RunEpilog, Report, Refuse, …
//! ```
//!
//! The daemon carries actions out in order; a [`Journal`](Action::Journal) action is durable before the next one begins.
//! The journal holds rows, not events: replaying it is putting the rows back, so a restart finds the same state.
//!
//! Promises held here: an order of an older authority or another epoch changes nothing (P6); one launch at most for
//! each (attempt, step), and no attempt beside an older one of its job (P3); an attempt is released only after its steps
//! ended, containment was empty and the epilog was over; an exit is reported until it is acknowledged (P5); where the node
//! keeps a lease, nothing is begun without one, and everything ends with it (P3).
//!
//! It never reads a clock: `now_ms` is the node's boot-time clock, which no operator can set.

mod action;
mod ending;
#[cfg(test)]
mod golden;
mod input;
mod key;
mod lease;
#[cfg(test)]
mod lease_tests;
mod limit;
mod machine;
mod order;
mod progress;
#[cfg(test)]
mod properties;
mod report;
mod restore;
mod row;
#[cfg(test)]
mod tests;

pub use action::Action;
pub use input::{Found, FoundStep, Input, StepExit};
pub use key::{AttemptKey, StepKey};
pub use lease::NO_END;
pub use machine::{Agent, AgentOptions};
pub use row::{AttemptRow, EndingRow, ExitRow, Phase, Record, ReportRow, StepRow, record};

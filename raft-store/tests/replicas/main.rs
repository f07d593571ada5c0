//! Replicas in one process: what must hold whatever crashes, is cut off, or lies.
//!
//! On the simulated disk time is virtual, so that minutes of waiting cost nothing and nothing depends on the machine.

// What fails here fails the test, also in what its functions share.
#![allow(clippy::unwrap_used)]

mod agreement;
mod backup;
mod disk;
mod faults;
mod growth;
mod leaders;
mod log_damage;
mod snapshots;
mod town;

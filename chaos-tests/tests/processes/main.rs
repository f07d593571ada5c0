//! The same promises against real processes: the daemons as built, RocksDB, loopback, `kill -9`.
//!
//! The binaries are those of `cargo build` (or of `MUSTER_BIN_DIR`); without them the tests fail, and say how to build them.
//! Credentials are `auth/none`, which daemons allow on loopback only, where a story is not about users.

mod commands;
mod configurations;
mod daemon;
mod disks;
mod leaders;
mod munge;
mod nodes;
mod places;
mod site;
mod strangers;
mod users;

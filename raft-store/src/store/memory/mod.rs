//! The simulation's disk: keeps what was synced when its replica crashes, and loses the rest.
//!
//! It answers as RocksDB does, on the same traits, held to the same contract suite. A handle from before a crash can neither
//! read nor write: a process that died does nothing more.

mod disk;
mod log;
mod rows;
mod store;

pub use disk::MemoryDisk;

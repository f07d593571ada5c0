//! The whole cluster in one deterministic process, under faults; and the same stories against real processes.
//!
//! ```text
//! seed ─► sim (turmoil): controllers, nodes, clients, faults ─► oracle (what clients were told, what ran)
//!                                                                  │
//!                                      promises (one checker each) ◄┘ ─► violations, trace hash
//! ```
//!
//! The daemons are the production ones: they are handed another [`muster_channel::Outside`], RocksDB's in-memory twin, and
//! processes that exist only here. A seed decides everything; running it twice gives the same trace hash.

pub mod oracle;
pub mod promises;
pub mod sim;
